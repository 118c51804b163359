"""Networks compared on data sets: the plan, the numbers and the table of Tables 2 and 3, section 4.6 and footnote 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from s3d_tf.training.recipes import Recipe

from . import spread, tables
from .experiment import Entry
from .part import FORWARDS
from .scale import Data, Scale


class Candidate(NamedTuple):
    """A network of a comparison.

    Attributes:
        title: in the table.
        network: as `Recipe.network`.
        changes: as `Recipe.network_changes`.
        paper: top-1 and top-5 in the paper, per cent.
        costs: parameters in millions and multiply-adds in billions in the paper.
    """

    title: str
    network: str
    changes: tuple[str, ...] = Recipe.network_changes
    paper: tuple[float | None, float | None] = (None, None)
    costs: tuple[float | None, float | None] = (None, None)


def plan(scale: Scale, data: tuple[Data, ...], candidates: Mapping[str, Candidate]) -> list[Entry]:
    """Each network on each set with each seed, shown forwards."""
    return [
        Entry(scale.key(each), name, scale.part(each, candidate.network, seed, network_changes=candidate.changes))
        for each in data
        for name, candidate in candidates.items()
        for seed in scale.seeds
    ]


def summarise(lines: list[dict], candidates: Mapping[str, Candidate]) -> dict:
    """`rows`: a network on a data set; the spread of `top1` and `top5`, `params`, `multiply_adds`, and the paper's."""
    rows = []
    for data in dict.fromkeys(line["data"] for line in lines):
        top1, top5 = (spread.by_network(lines, data, FORWARDS, measure) for measure in ("top1", "top5"))
        for name, candidate in candidates.items():
            line = next(line for line in lines if (line["data"], line["name"]) == (data, name))
            row = dict(name=name, title=candidate.title, data=data, chance=line[FORWARDS]["chance"])
            row |= dict(num_classes=round(1 / line[FORWARDS]["chance"]), top1=top1[name], top5=top5[name])
            row |= dict(params=line["params"], multiply_adds=line["multiply_adds"])
            rows.append(row | dict(paper=dict(top=candidate.paper, costs=candidate.costs)))
    return dict(rows=rows)


def table(result: dict) -> str:
    """Markdown; top-5 is a dash where there are no more than five classes."""
    titles = result["scale"]["titles"]
    heads = ["network", "data", "top-1", "top-5", "paper: top-1", "paper: top-5"]
    heads += ["params M", "paper", "G multiply-adds", "paper"]
    rows = []
    for row in result["rows"]:
        top5 = tables.percent(row["top5"]) if row["num_classes"] > 5 else tables.NONE
        cells = [row["title"], titles[row["data"]], tables.percent(row["top1"]), top5]
        cells += [tables.number(value) for value in row["paper"]["top"]]
        for key, unit, papers in zip(("params", "multiply_adds"), (1e6, 1e9), row["paper"]["costs"], strict=True):
            cells += [tables.number(row[key] / unit, 2), tables.number(papers, 2)]
        rows.append(cells)
    return tables.markdown(heads, rows)


COSTS_NOTE = (
    "Parameters and multiply-adds: ours at 64x224x224, 400 classes and full width, all SAME taps counted; the paper's "
    "own follow from no public definition (docs/networks.md)."
)


def draw(result: dict) -> dict[str, bytes]:
    """`table.md`."""
    return {"table.md": tables.page(result, table(result), [COSTS_NOTE])}

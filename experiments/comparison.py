"""Networks compared on data sets: the plan, the numbers and the table of Tables 2 and 3, section 4.6 and footnote 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from s3d_tf.training.recipes import Recipe

from . import judgement, spread, tables
from .claims import Claim
from .part import FORWARDS
from .scale import Data, Scale
from .work import Entry


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


class Order(NamedTuple):
    """What the paper says of two networks: top-1 of the first is not below the second's, or strictly, above it."""

    first: str
    second: str
    strictly: bool = False


def claims(result: dict, orders: Sequence[Order] = (), cheaper: Sequence[tuple[str, str]] = ()) -> list[Claim]:
    """The paper's orders, held against the spread over seeds, and costs.

    Args:
        result: of `summarise`, with `scale`.
        orders: names of candidates.
        cheaper: the first of two candidates costs less, both have the paper's costs.
    """
    found = []
    for data in dict.fromkeys(row["data"] for row in result["rows"]):
        rows = {row["name"]: row for row in result["rows"] if row["data"] == data}
        found += [_order(rows[each.first], rows[each.second], each.strictly) for each in orders]
        found += [_cheaper(rows[first], rows[second]) for first, second in cheaper]
    return found


def _order(first: dict, second: dict, strictly: bool) -> Claim:
    relation = "above" if strictly else "not below"
    text = f"{first['title']}: top-1 is {relation} that of {second['title']} beyond the spread."
    tops = [row["paper"]["top"][0] for row in (first, second)]
    if None not in tops:
        text += f" The paper: {tops[0]} and {tops[1]} %."
    return judgement.order(text, (first["title"], first["top1"]), (second["title"], second["top1"]), strictly)


SAME_RATIO = 0.03


def _cheaper(first: dict, second: dict) -> Claim:
    ratio = first["multiply_adds"] / second["multiply_adds"]
    papers = first["paper"]["costs"][1] / second["paper"]["costs"][1]
    less = all(first[key] < second[key] for key in ("params", "multiply_adds"))
    costs = [
        f"{row['title']} {row['params'] / 1e6:.2f} M, {row['multiply_adds'] / 1e9:.2f} G" for row in (first, second)
    ]
    return judgement.claim(
        f"{first['title']} has fewer parameters and multiply-adds than {second['title']} at full size, and the ratio "
        f"of their multiply-adds is the paper's within {SAME_RATIO}.",
        f"{'; '.join(costs)}; ratio {ratio:.3f}, the paper's {papers:.3f}",
        less and judgement.within(ratio, papers - SAME_RATIO, papers + SAME_RATIO),
    )


COSTS_NOTE = (
    "Parameters and multiply-adds: ours at 64x224x224, 400 classes and full width, all SAME taps counted; the paper's "
    "own follow from no public definition (docs/networks.md)."
)


def draw(result: dict) -> dict[str, bytes]:
    """`table.md`."""
    return {"table.md": tables.page(result, table(result), [COSTS_NOTE])}

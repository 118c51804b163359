"""One experiment from its parts to its files: measures what is missing, writes the numbers, then draws from them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

from s3d_tf.files import read_json, write_bytes, write_json, write_text
from s3d_tf.machine import versions

from . import costs, provenance
from .claims import About, Claim, no_claims
from .scale import Data, Scale
from .work import Entry, Shared, Work, in_order

CONFIG, METRICS, RESULT = "config.json", "metrics.jsonl", "result.json"


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A table or a figure of the paper.

    Attributes:
        name: of the binary.
        title: a line.
        data: the sets that it uses.
        plan: the scale -> what is measured.
        summarise: the lines of `metrics.jsonl` -> what `result.json` says beside its head.
        draw: what `result.json` says -> name and content of each table and figure.
        with_costs: count the parameters and multiply-adds of its networks at full size.
        about: for the report, see `About`.
        claims: what `result.json` says so far -> its claims, held against the numbers.
    """

    name: str
    title: str
    data: tuple[Data, ...]
    plan: Callable[[Scale], list[Entry]]
    summarise: Callable[[list[dict]], dict]
    draw: Callable[[dict], dict[str, bytes]]
    with_costs: bool = False
    about: About = About()
    claims: Callable[[dict], list[Claim]] = no_claims


def run(
    experiment: Experiment,
    scale: Scale,
    output_dir: Path,
    shared: Shared,
    call: Callable,
    work: Work | None = None,
) -> dict:
    """Measures what is missing and writes `config.json`, `metrics.jsonl`, `result.json`, the table and the figure.

    Args:
        experiment: see `Experiment`.
        scale: see `Scale`.
        output_dir: of this experiment.
        shared: its parts are those of other experiments too.
        call: `Children().call`, or `children.in_this_process`.
        work: of several experiments, of which this is one.

    Returns:
        What `result.json` holds.

    Raises:
        OSError: a part failed; its name and its log are told.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    provenance.here()  # before the code can be changed
    entries = experiment.plan(scale)
    parts = [entry.part.key for entry in entries]
    head = dict(experiment=experiment.name, title=experiment.title, scale=scale.describe(), versions=versions())
    config = head | dict(command=sys.argv, parts=parts)
    alone = Work(experiment.name, entries, shared, call) if work is None else contextlib.nullcontext(work)
    with alone as doing:
        doing.do(entries)
    made = provenance.collect(part.folder(shared.parts) for part in in_order(entries))
    counted = _costs(entries, shared, call) if experiment.with_costs else {}
    lines = [_line(entry, scale, shared, counted) for entry in entries]
    write_json(output_dir / CONFIG, config | dict(made=made))  # with its numbers: old ones keep their own
    write_text(output_dir / METRICS, "".join(json.dumps(line) + "\n" for line in lines))
    finish(experiment, output_dir)
    return read_json(output_dir / RESULT)


def finish(experiment: Experiment, output_dir: Path) -> list[Path]:
    """Writes `result.json`, the tables and the figures from `config.json` and `metrics.jsonl` alone.

    Raises:
        ValueError: those are not there.
    """
    config, lines = read_json(output_dir / CONFIG), read_lines(output_dir / METRICS)
    head = {key: config[key] for key in ("experiment", "title", "scale", "versions")}
    trained = {line["part"]: line["seconds"] for line in lines if "seconds" in line}
    head |= dict(trainings=len(trained), training_seconds=round(sum(trained.values()), 1))
    result = head | dict(about=experiment.about._asdict()) | experiment.summarise(lines)
    claims = [] if result["scale"]["dry_run"] else experiment.claims(result)
    told = [claim._replace(reason="" if claim.holds else claim.reason)._asdict() for claim in claims]
    write_json(output_dir / RESULT, result | dict(claims=told))
    paths = []
    for name, content in experiment.draw(read_json(output_dir / RESULT)).items():
        paths.append(output_dir / name)
        write_bytes(paths[-1], content)
    return paths


def read_lines(path: Path) -> list[dict]:
    """The lines of a `metrics.jsonl`.

    Raises:
        ValueError: no such file, or a line that is no JSON.
    """
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise ValueError(f"Cannot read {path}: {error}") from None


def _costs(entries: list[Entry], shared: Shared, call: Callable) -> dict[str, dict[str, int]]:
    """Of every network of the experiment; counted in a process that frees the devices' memory at its end."""
    recipes = [entry.part.recipe for entry in entries]
    names = tuple(sorted({costs.name_of(each.network, each.network_changes) for each in recipes}))
    if known := costs.known(names, shared.costs):
        return known
    return call("costs", shared.folder / "costs.log", lambda: None, costs.full_size, names, shared.costs)


def _line(entry: Entry, scale: Scale, shared: Shared, counted: dict[str, dict[str, int]]) -> dict:
    """What was measured of a part."""
    recipe = entry.part.recipe
    found = entry.part.read(shared.parts, entry.directions)
    found |= {each: {key: found[each][key] for key in entry.part.told} for each in entry.directions}
    folder = entry.part.folder(shared.parts)
    found |= {each.name: read_json(each.path(folder)) for each in entry.derivations}
    line = dict(data=entry.data, name=entry.name, network=recipe.network, seed=recipe.seed)
    line |= dict(network_changes=list(recipe.network_changes), scale=scale.name, dry_run=scale.dry_run)
    return line | dict(entry.about) | found | counted.get(costs.name_of(recipe.network, recipe.network_changes), {})

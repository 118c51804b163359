"""One experiment from its parts to its files: measures what is missing, writes the numbers, then draws from them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from s3d_tf.files import read_json, write_bytes, write_json, write_text
from s3d_tf.training.config import versions

from . import costs, provenance
from .claims import About, Claim, no_claims
from .part import FORWARDS, Part, measure
from .scale import Data, Scale

CONFIG, METRICS, RESULT = "config.json", "metrics.jsonl", "result.json"
_EVALUATED = ("top1", "top5", "mean_class_accuracy", "num_videos", "chance", "protocol", "damaged")


class Entry(NamedTuple):
    """A line of `metrics.jsonl`: a part and what the experiment calls it.

    Attributes:
        data: name of the data set.
        name: of the network in this experiment; seeds of one network share it.
        part: see `Part`.
        directions: in which its videos are shown.
        about: what else the line says.
    """

    data: str
    name: str
    part: Part
    directions: tuple[str, ...] = (FORWARDS,)
    about: Mapping[str, Any] = {}


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


class Shared(NamedTuple):
    """What all experiments of one scale have in common."""

    folder: Path

    @property
    def parts(self) -> Path:
        """A folder a part."""
        return self.folder / "parts"

    @property
    def data(self) -> Path:
        """The embedded sets."""
        return self.folder / "data"

    @property
    def costs(self) -> Path:
        """What was counted of full-size networks."""
        return self.folder / "costs.json"


class Whole(NamedTuple):
    """Several experiments that are done one after the other.

    Attributes:
        order: all their parts, see `in_order`; a part is measured in all directions that any of them asks for.
        bar: over them.
    """

    order: Mapping[Part, tuple[str, ...]]
    bar: tqdm


def run(
    experiment: Experiment,
    scale: Scale,
    output_dir: Path,
    shared: Shared,
    call: Callable,
    whole: Whole | None = None,
) -> dict:
    """Measures what is missing and writes `config.json`, `metrics.jsonl`, `result.json`, the table and the figure.

    Args:
        experiment: see `Experiment`.
        scale: see `Scale`.
        output_dir: of this experiment.
        shared: its parts are those of other experiments too.
        call: `Children().call`, or `children.in_this_process`.
        whole: where this is one of several experiments.

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
    write_json(output_dir / CONFIG, config)
    order = in_order(entries)
    with contextlib.nullcontext(whole.bar) if whole else bar_over(experiment.name, order, shared) as bar:
        for part in order:
            _measure(part, (whole.order if whole else order)[part], shared, call, bar)
    made = provenance.collect(part.folder(shared.parts) for part in order)
    write_json(output_dir / CONFIG, config | dict(made=made))
    counted = _costs(entries, shared, call) if experiment.with_costs else {}
    lines = [_line(entry, scale, shared, counted) for entry in entries]
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
    trained = {line["part"]: line["seconds"] for line in lines}
    head |= dict(trainings=len(trained), training_seconds=round(sum(trained.values()), 1))
    result = head | dict(about=experiment.about._asdict()) | experiment.summarise(lines)
    claims = [] if result["scale"]["dry_run"] else experiment.claims(result)
    write_json(output_dir / RESULT, result | dict(claims=[claim._asdict() for claim in claims]))
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


def in_order(entries: list[Entry]) -> dict[Part, tuple[str, ...]]:
    """Each part once with all its directions, after the one that it begins from."""
    found: dict[Part, tuple[str, ...]] = {}

    def add(part: Part, directions: tuple[str, ...]) -> None:
        if part.begins_from is not None:
            add(part.begins_from, ())
        found[part] = tuple(dict.fromkeys((*found.get(part, ()), *directions)))

    for entry in entries:
        add(entry.part, entry.directions)
    return found


def bar_over(title: str, order: Mapping[Part, tuple[str, ...]], shared: Shared) -> tqdm:
    """Over parts; those that are done already count, but not for the time left."""
    done = sum(part.is_done(shared.parts, directions) for part, directions in order.items())
    interval = 1 if sys.stderr.isatty() else 30
    return tqdm(
        total=len(order),
        initial=done,
        unit="part",
        desc=title,
        mininterval=interval,
        smoothing=0,  # the time left by the mean of all parts
    )


def _measure(part: Part, directions: tuple[str, ...], shared: Shared, call: Callable, bar: tqdm) -> None:
    """A part that is done is left as it is."""
    if part.is_done(shared.parts, directions):
        return
    bar.set_postfix_str(part.key)
    log = part.folder(shared.parts) / "log.txt"
    began = time.monotonic()
    call(part.key, log, _ticking(bar), measure, part, shared.parts, directions)
    provenance.keep(part.folder(shared.parts), time.monotonic() - began)
    bar.update()


def _ticking(bar: tqdm) -> Callable[[], None]:
    """Shows the bar anew, at most every `mininterval` seconds, so that the time goes on."""
    last = time.monotonic()

    def tick() -> None:
        nonlocal last
        if time.monotonic() - last >= bar.mininterval:
            last = time.monotonic()
            bar.refresh()

    return tick


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
    found |= {each: {key: found[each][key] for key in _EVALUATED} for each in entry.directions}
    line = dict(data=entry.data, name=entry.name, network=recipe.network, seed=recipe.seed)
    line |= dict(network_changes=list(recipe.network_changes), scale=scale.name, dry_run=scale.dry_run)
    return line | dict(entry.about) | found | counted.get(costs.name_of(recipe.network, recipe.network_changes), {})

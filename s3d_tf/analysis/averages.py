"""The mean over the splits of a data set, such as the three of UCF101 and of HMDB51."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path

from ..files import read_json

MEASURES = ("top1", "top5")


def average(evaluations: Mapping[str, Mapping]) -> dict:
    """Mean and standard deviation of top-1 and top-5 over evaluations of several splits.

    Args:
        evaluations: what `scripts/evaluate.py` wrote, by a name each; two or more.

    Returns:
        `top1` and `top5`, each with `mean`, `std` (of a sample: over n - 1) and `values`; of two-stream evaluations
        also `streams`, the same of each stream alone; `num_videos`, `damaged` (records left out, in all), `chance`,
        `network`, `protocol` and `evaluations`, the names.

    Raises:
        ValueError: fewer than two, no evaluations, or numbers that were measured in different ways.
    """
    if len(evaluations) < 2:
        raise ValueError(f"A mean needs the evaluations of two splits at least. Received: {', '.join(evaluations)}")
    for name, found in evaluations.items():
        _check(name, found)
    first, *others = evaluations
    for other in others:
        if differing := _differing(evaluations[first], evaluations[other]):
            raise ValueError(
                f"Only evaluations that were measured in one way have a mean. Received: {first} and {other}, which "
                f"differ in {differing}"
            )
    rows = list(evaluations.values())
    result = _averaged(rows)
    if "streams" in rows[0]:
        names = rows[0]["streams"]
        result["streams"] = {name: _averaged([row["streams"][name] for row in rows]) for name in names}
    return result | dict(
        num_videos=[row["num_videos"] for row in rows],
        damaged=sum(len(row["damaged"]) for row in rows),
        chance=rows[0]["chance"],
        network=rows[0]["network"],
        protocol=rows[0]["protocol"],
        evaluations=list(evaluations),
    )


def read_evaluations(paths: list[str]) -> dict[str, Mapping]:
    """The evaluations that files hold, by path.

    Raises:
        ValueError: no JSON, or the same file twice.
    """
    places = [Path(path).resolve() for path in paths]
    if len(set(places)) < len(places):
        raise ValueError(f"Name each evaluation once. Received: {', '.join(paths)}")
    return {path: read_json(Path(path)) for path in paths}


def _averaged(rows: list[Mapping]) -> dict[str, dict]:
    found = {}
    for measure in MEASURES:
        values = [float(row[measure]) for row in rows]
        found[measure] = dict(mean=statistics.fmean(values), std=statistics.stdev(values), values=values)
    return found


def _check(name: str, found: Mapping) -> None:
    """Raises a ValueError unless it is what `scripts/evaluate.py` wrote."""
    try:
        for row in (found, *found.get("streams", {}).values()):
            numbers = [float(row[measure]) for measure in MEASURES]
            if not all(0 <= number <= 1 for number in numbers):
                raise ValueError
        len(found["damaged"]), found["network"], found["num_videos"], float(found["chance"]), dict(found["protocol"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(f"This is no evaluation that scripts/evaluate.py wrote. Received: {name}") from None


def _differing(one: Mapping, other: Mapping) -> str:
    """What two evaluations differ in, in words; empty for nothing."""
    pairs = {"network": (one["network"], other["network"]), "chance": (one["chance"], other["chance"])}
    keys = [*one["protocol"], *(key for key in other["protocol"] if key not in one["protocol"])]
    pairs |= {key: (one["protocol"].get(key), other["protocol"].get(key)) for key in keys}
    pairs["numbers of single streams"] = tuple(list(row.get("streams", {})) for row in (one, other))
    found = [f"{key} ({first!r} and {second!r})" for key, (first, second) in pairs.items() if first != second]
    classes = [[row["name"] for row in each["per_class"]] for each in (one, other) if "per_class" in each]
    if len(classes) == 2 and classes[0] != classes[1]:
        found.append("the lists of classes")
    return ", ".join(found)

"""Several seeds as one number: mean and standard deviation."""

from __future__ import annotations

import statistics
from collections.abc import Iterable


def spread(values: Iterable[float]) -> dict:
    """`mean`, `deviation` (of a sample; None of one value) and the `values`.

    Raises:
        ValueError: no values.
    """
    values = list(values)
    if not values:
        raise ValueError("A mean needs one value at least. Received: none")
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return dict(mean=statistics.fmean(values), deviation=deviation, values=values)


def by_network(lines: list[dict], key: str, direction: str, measure: str = "top1") -> dict[str, dict]:
    """Network -> the spread over seeds of a measure, for the lines of one data set.

    Args:
        lines: of `metrics.jsonl`.
        key: of the data set.
        direction: "forwards" or "backwards".
        measure: "top1" or "top5".
    """
    found: dict[str, list[float]] = {}
    for line in lines:
        if line["data"] == key and direction in line:
            found.setdefault(line["name"], []).append(line[direction][measure])
    return {name: spread(values) for name, values in found.items()}

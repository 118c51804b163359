"""How the claims of experiments are judged: means over seeds (see `spread.spread`) against bounds and each other."""

from __future__ import annotations

import math

from . import tables
from .claims import Claim

UNKNOWN = "These numbers do not show why."
CEILING, WIDE = 0.97, 0.05  # shares: all videos but a few; seeds that differ much
CLEAR = 2  # spreads: a difference that seeds do not explain
_ROUNDING = 1e-9


def within(value: float, low: float, high: float) -> bool:
    """Whether a value lies between two bounds, or on one."""
    return low - _ROUNDING <= value <= high + _ROUNDING


def margin(first: dict, second: dict) -> float:
    """The spread of a difference of two means: the root of the sum of their squared deviations, 0 of single values."""
    return math.hypot(first["deviation"] or 0.0, second["deviation"] or 0.0)


def not_below_beyond_spread(first: dict, second: dict) -> bool:
    """Whether the first mean is at least the second one less the spread of their difference."""
    return first["mean"] + margin(first, second) >= second["mean"] - _ROUNDING


def above_beyond_spread(first: dict, second: dict) -> bool:
    """Whether the first mean is more than the second one by more than the spread of their difference."""
    return first["mean"] - margin(first, second) > second["mean"] + _ROUNDING


def likely_reason(first: dict, second: dict) -> str:
    """Why an order of two means is not the expected one, as far as the numbers themselves show it."""
    found, deviations = (first, second), (first["deviation"], second["deviation"])
    if min(each["mean"] for each in found) >= CEILING:
        return "All are close to 100 %: the set is too easy for these networks, and a few videos decide the order."
    if None in deviations:
        return "There is one seed of each, so how much of it is chance is not known."
    apart = abs(first["mean"] - second["mean"])
    if max(deviations) >= WIDE and apart <= CLEAR * margin(first, second):
        return (
            f"The {len(first['values'])} values of one mean differ much (deviation {max(deviations) * 100:.1f} "
            "points), so as many others may fall otherwise."
        )
    return UNKNOWN


def sentence(title: str) -> str:
    """A title at the beginning of a sentence."""
    return title[:1].upper() + title[1:]


def claim(text: str, measured: str, holds: bool, reason: str = UNKNOWN) -> Claim:
    """A claim whose reason is told only where it does not hold."""
    return Claim(text, measured, holds, "" if holds else reason)


def order(text: str, first: tuple[str, dict], second: tuple[str, dict], strictly: bool = False) -> Claim:
    """That one mean is not below another one beyond the spread, or strictly, that it is above it beyond the spread.

    Args:
        text: what is claimed.
        first, second: name and what `spread.spread` gives of shares.
        strictly: above, instead of not below.
    """
    means = [first[1], second[1]]
    judge = above_beyond_spread if strictly else not_below_beyond_spread
    return claim(text, difference(first, second), judge(*means), likely_reason(*means))


def difference(first: tuple[str, dict], second: tuple[str, dict]) -> str:
    """Two means, their difference and its spread, in words."""
    (name, one), (other_name, other) = first, second
    apart = (one["mean"] - other["mean"]) * 100
    known = None not in (one["deviation"], other["deviation"])
    spread = f"spread {margin(one, other) * 100:.1f}" if known else "spread not known"
    return f"{name} {tables.percent(one)} %, {other_name} {tables.percent(other)} %: {apart:+.1f} points, {spread}"

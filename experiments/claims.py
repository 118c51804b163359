"""What an experiment is about, for one who has not read the paper, and its claims held against the numbers."""

from __future__ import annotations

from typing import NamedTuple


class About(NamedTuple):
    """Plain text, a sentence or two each."""

    question: str = ""  # what the paper asks, and what it found
    shows: str = ""  # what the mini numbers show
    leaves_open: str = ""  # and what they don't


class Claim(NamedTuple):
    """Something that should be seen in the numbers, and whether it is."""

    text: str  # what should be seen, with its threshold
    measured: str  # what was seen, with its numbers
    holds: bool
    reason: str = ""  # where it does not hold: why, probably


def no_claims(result: dict) -> list[Claim]:
    """Of an experiment that has none."""
    del result
    return []

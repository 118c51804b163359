"""From overlaps and scores to average precision: greedy matching, the curve of precision over recall, the area below.

Used for boxes (frame-AP) and for tubes (video-AP) alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .overlaps import Pairs


class ClassCurve(NamedTuple):
    """How precision falls while recall grows, of one class: after the best detection, the best two, ..."""

    num_true: int
    score: np.ndarray  # [K] float64, falling
    hit: np.ndarray  # [K] bool

    @property
    def precision(self) -> np.ndarray:
        """`[K]` float64, share of the detections so far that are right."""
        return np.cumsum(self.hit) / np.arange(1, len(self.hit) + 1)

    @property
    def recall(self) -> np.ndarray:
        """`[K]` float64, share of what was to be found that is found so far; NaN without anything to be found."""
        return np.cumsum(self.hit) / (self.num_true or np.nan)

    @property
    def average_precision(self) -> float | None:
        """Area under the curve once it is made monotone: at each recall the best precision of that or a higher one.

        That of VOC from 2010 on. None of a class without anything to be found, 0 without detections.
        """
        if not self.num_true:
            return None
        monotone = np.maximum.accumulate(self.precision[::-1])[::-1]
        return float(monotone[self.hit].sum() / self.num_true)  # each hit is a step of recall


def order(score: np.ndarray) -> np.ndarray:
    """Places of `[M]` scores, highest first; of equal ones the first goes first."""
    return np.argsort(-score, kind="stable")


def match(pairs: Pairs, score: np.ndarray) -> np.ndarray:
    """Gives each detection, best score first, what it overlaps most of what no better one was given.

    Args:
        pairs: that overlap enough to be matched.
        score: `[M]`; of equal ones the first goes first. Of equal overlaps the first truth is taken.

    Returns:
        `[M]` int64: number of the truth that each detection was given, -1 for none: a detection of what is given away
        already is as wrong as any other.
    """
    rank = np.empty(len(score), np.int64)
    rank[order(score)] = np.arange(len(score))
    best = np.lexsort((pairs.true, -pairs.overlap, rank[pairs.found]))
    matched = np.full(len(score), -1)
    given, taken = set(), set()
    for found, true in zip(pairs.found[best].tolist(), pairs.true[best].tolist(), strict=True):
        if found not in given and true not in taken:
            given.add(found)
            taken.add(true)
            matched[found] = true
    return matched


def by_class(
    true_label: np.ndarray, label: np.ndarray, score: np.ndarray, hit: np.ndarray, num_classes: int
) -> list[ClassCurve]:
    """The curve of each of `num_classes` classes.

    Args:
        true_label: `[N]` class of each thing to be found.
        label, score, hit: `[M]` of each detection.
    """
    num_true = np.bincount(true_label, minlength=num_classes)
    curves = []
    for number in range(num_classes):
        rows = np.flatnonzero(label == number)
        rows = rows[order(score[rows])]
        curves.append(ClassCurve(int(num_true[number]), score[rows], hit[rows]))
    return curves


def mean(curves: Sequence[ClassCurve]) -> float:
    """Mean average precision over the classes that have something to be found; each counts the same.

    Raises:
        ValueError: there is none.
    """
    found = [curve.average_precision for curve in curves if curve.num_true]
    if not found:
        raise ValueError("There is nothing to be found: the ground truth has no boxes.")
    return float(np.mean(found))

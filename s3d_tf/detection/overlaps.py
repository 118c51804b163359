"""Which boxes are to be compared, and by how much they overlap, for many at once. In numpy, without pixels.

Boxes are continuous, as in the Object Detection API: no pixel is added to a side, as VOC's and ACT's scripts do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Pairs(NamedTuple):
    """What was found beside what was to be found; only pairs that are compared."""

    found: np.ndarray  # [P] int64
    true: np.ndarray  # [P] int64
    overlap: np.ndarray  # [P] float64 in [0, 1]

    def at_least(self, threshold: float) -> Pairs:
        """Those that overlap by `threshold` or more."""
        return Pairs(*(values[self.overlap >= threshold] for values in self))


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of rows, `[P, 4]` and `[P, 4]` -> `[P]`; exactly 1 of equal boxes, 0 without area."""
    low, high = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])
    shared = np.maximum(high - low, 0).prod(1)
    area, other_area = ((some[:, 2:] - some[:, :2]).prod(1) for some in (boxes, others))
    union = area + other_area - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def same(keys: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of equal keys, `[N]` and `[M]` -> their places `[P]`, `[P]`, by the first and then by the second."""
    order = np.argsort(others, kind="stable")
    ordered = others[order]
    start, end = np.searchsorted(ordered, keys), np.searchsorted(ordered, keys, side="right")
    count = end - start
    first = np.repeat(np.arange(len(keys)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return first, order[np.repeat(start, count) + within]


def key(video: np.ndarray, frame: np.ndarray, label: np.ndarray | int = 0) -> np.ndarray:
    """One int64 of three numbers, equal where all three are: videos and frames below 2**24, classes below 2**15."""
    return ((np.asarray(label, np.int64) << 24) + video << 24) + frame

"""Tubes: the boxes of one actor over time; and how far two of them overlap."""

from __future__ import annotations

import dataclasses

import numpy as np

from .annotations import GroundTruth
from .overlaps import Pairs, iou, key, same


@dataclasses.dataclass(frozen=True, eq=False)
class Tubes:
    """Tubes of many videos.

    Attributes:
        video: [K] int64, number of each tube's video.
        label: [K] int64, number of its class.
        score: [K] float64.
        tube: [N] int64, number of each box's tube.
        frame: [N] int64; a tube has a box a frame, perhaps not in all of them.
        boxes: [N, 4] float64: ymin, xmin, ymax, xmax, as shares of the frame.
    """

    video: np.ndarray
    label: np.ndarray
    score: np.ndarray
    tube: np.ndarray
    frame: np.ndarray
    boxes: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """`[K]` int64, boxes of each."""
        return np.bincount(self.tube, minlength=len(self.video))


def of_truth(truth: GroundTruth) -> Tubes:
    """A tube for each track of a class in a video, with the score 1."""
    rows = np.stack([truth.video, truth.label, truth.track], 1)
    kinds, tube = np.unique(rows, axis=0, return_inverse=True)
    video, label, _ = kinds.T
    return Tubes(video, label, np.ones(len(kinds)), tube.reshape(-1), truth.frame, truth.boxes)


def overlaps(found: Tubes, true: Tubes) -> Pairs:
    """Spatio-temporal overlap of all tubes of one class in one video that have a frame in common.

    It is the temporal overlap (frames in both over frames in either) times the mean of the boxes' overlaps in the
    frames that both have: the convention of Saha et al. 2016 and of ACT. So it is the sum of the boxes' overlaps over
    the number of frames in either.
    """
    keys = (key(some.video[some.tube], some.frame, some.label[some.tube]) for some in (found, true))
    row, true_row = same(*keys)
    both = found.tube[row] * len(true.video) + true.tube[true_row]
    kinds, pair = np.unique(both, return_inverse=True)
    common = np.bincount(pair, minlength=len(kinds))
    total = np.bincount(pair, iou(found.boxes[row], true.boxes[true_row]), minlength=len(kinds))
    one, other = np.divmod(kinds, max(len(true.video), 1))
    return Pairs(one, other, total / (found.length[one] + true.length[other] - common))

"""Detections of single frames -> tubes: the best paths through a video, by Viterbi (Gkioxari & Malik 2015).

A path takes at most one box a frame, of one class, in consecutive frames; what it is worth is the sum of its scores
and, of each link, `overlap_weight` times the overlap of the two boxes. The best path of a class in a video becomes a
tube, its boxes are taken away, then the next best, until none is left. There the paths go from the first frame to the
last one; here two boxes are linked only if they overlap by `min_overlap`, so a tube begins and ends with its actor.
That and `least_score` are all the trimming there is. A tube's score is the mean of its boxes' scores (Saha et al.
2016).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from .annotations import Detections
from .overlaps import iou, key, same
from .tubes import Tubes

_AT_ONCE = 1 << 18  # boxes: the frames of many videos are stepped through together


@dataclasses.dataclass(frozen=True)
class Linking:
    """How tubes are made.

    Attributes:
        overlap_weight: of overlaps beside scores.
        min_overlap: two boxes that overlap less are not linked; above 0.
        least_score: boxes that score less are left out first.
        most: of a class in a frame the best ones are linked, others left out.
        min_frames: shorter tubes are left out: a single box with a high score would be worth more than any long tube.
    """

    overlap_weight: float = 1.0
    min_overlap: float = 0.1
    least_score: float = 0.0
    most: int = 10
    min_frames: int = 8

    def __post_init__(self):
        if not (0 < self.min_overlap <= 1 and self.overlap_weight >= 0 and self.most >= 1 and self.min_frames >= 1):
            raise ValueError(
                "min_overlap must be in (0, 1], overlap_weight 0 or more, most and min_frames 1 or more. Received: "
                f"{self}"
            )


class _Graph(NamedTuple):
    """Boxes by frame, and which may follow which."""

    frame: np.ndarray  # [N] int64, rising
    path: np.ndarray  # [N] int64, number of the video and class, all below N
    score: np.ndarray  # [N]
    source: np.ndarray  # [E] int64, box that a link comes from
    target: np.ndarray  # [E] int64, rising; box of the next frame that it goes to
    gain: np.ndarray  # [E] what it adds


def link(detections: Detections, how: Linking | None = None) -> Tubes:
    """All tubes of all videos and classes.

    Raises:
        ValueError: scores below 0, whose paths would be better the shorter they are.
    """
    how = how or Linking()
    if len(detections.score) and detections.score.min() < 0:
        raise ValueError(f"Scores must not be negative. Received: {detections.score.min()}")
    rows = _best(detections, how)
    tube = np.full(len(rows), -1)
    number = 0
    with tqdm(total=len(rows), unit="box", unit_scale=True, desc="linking", disable=None) as bar:
        for part in _parts(detections.video[rows]):
            rows[part] = rows[part][np.argsort(detections.frame[rows[part]], kind="stable")]
            found = _paths(_graph(detections.choose(rows[part]), how))
            tube[part] = found + number
            number += found.max() + 1
            bar.update(len(found))
    long = np.bincount(tube, minlength=number) >= how.min_frames
    rows, tube = rows[long[tube]], (np.cumsum(long) - 1)[tube[long[tube]]]
    _, first = np.unique(tube, return_index=True)
    total = np.bincount(tube, detections.score[rows])
    return Tubes(
        video=detections.video[rows[first]],
        label=detections.label[rows[first]],
        score=total / np.bincount(tube) if len(tube) else total,
        tube=tube,
        frame=detections.frame[rows],
        boxes=detections.boxes[rows],
    )


def _best(detections: Detections, how: Linking) -> np.ndarray:
    """Rows by video and then by frame, of each class and frame the best ones first."""
    place = key(detections.video, detections.frame, detections.label)
    by_place = np.lexsort((-detections.score, place))
    ordered = place[by_place]
    rank = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    rows = by_place[(rank < how.most) & (detections.score[by_place] >= how.least_score)]
    return rows[np.lexsort((detections.frame[rows], detections.video[rows]))]


def _parts(video: np.ndarray) -> Iterator[slice]:
    """Whole videos (their numbers rise), in parts of about `_AT_ONCE` boxes."""
    start = 0
    while start < len(video):
        last = video[min(start + _AT_ONCE, len(video)) - 1]
        end = int(np.searchsorted(video, last, side="right"))
        yield slice(start, end)
        start = end


def _graph(chosen: Detections, how: Linking) -> _Graph:
    before, after = (key(chosen.video, chosen.frame + step, chosen.label) for step in (0, 1))
    target, source = same(before, after)
    overlap = iou(chosen.boxes[source], chosen.boxes[target])
    near = overlap >= how.min_overlap
    _, path = np.unique(key(chosen.video, 0, chosen.label), return_inverse=True)
    gain = how.overlap_weight * overlap[near]
    return _Graph(chosen.frame, path.reshape(-1), chosen.score, source[near], target[near], gain)


def _paths(graph: _Graph) -> np.ndarray:
    """`[N]` int64, number of each box's path, from 0. A box that nothing links to others is a path of its own."""
    tube = np.full(len(graph.frame), -1)
    number = 0
    while (left := tube < 0).any():
        links = left[graph.source] & left[graph.target]
        graph = graph._replace(**{name: getattr(graph, name)[links] for name in ("source", "target", "gain")})
        alone = left.copy()
        alone[graph.source] = alone[graph.target] = False
        tube[alone] = number + np.arange(alone.sum())
        number += alone.sum()
        box, before = _ends(graph, left & ~alone)
        each = number + np.arange(len(box))
        number += len(box)
        while len(box):
            tube[box] = each
            box, each = (values[before[box] >= 0] for values in (before[box], each))
    return tube


def _ends(graph: _Graph, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last box of the best path of each video and class among the boxes that are left; and of every box the one
    before it on the best path that ends in it, -1 for none. Of equal paths the one of earlier rows is the best."""
    worth, before = graph.score.copy(), np.full(len(left), -1)
    frames = graph.frame[graph.target]
    bounds = np.append(np.flatnonzero(np.diff(frames, prepend=-1)), len(frames))
    for start, end in itertools.pairwise(bounds):
        target, source = graph.target[start:end], graph.source[start:end]
        gain = worth[source] + graph.gain[start:end]
        first = np.flatnonzero(np.diff(target, prepend=-1))
        best = np.maximum.reduceat(gain, first)
        box = target[first]
        worth[box] += best
        is_best = np.flatnonzero(gain == np.repeat(best, np.diff([*first, len(target)])))[::-1]
        before[target[is_best]] = source[is_best]  # of equal ones the first is written last
    rows = np.flatnonzero(left)
    rows = rows[np.lexsort((rows, -worth[rows], graph.path[rows]))]
    return rows[np.flatnonzero(np.diff(graph.path[rows], prepend=-1))], before

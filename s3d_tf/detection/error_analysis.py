"""What a detector does wrong, as ACT takes it apart (Kalogeiton et al. 2017, `frameAP_error` of their code).

Every detection is of one kind, by the first of these that holds:

| kind | the detection |
|---|---|
| correct | is matched (`frame_ap.matches`) |
| localisation | lies in a frame that has its class: elsewhere, or on an actor that a better one was given |
| classification | lies in a frame that has other classes, on an actor of one of them (overlap 0.5) |
| time | lies in a frame without actors, in a video that has its class at other times |
| other | is background, or of a class that the video does not have |

As precision is drawn over recall, so is the share of each kind among the best detections; the area below is what the
kind costs. An actor of one class in a frame with another of the class that it is taken for counts as *localisation*;
`naming` tells where and what apart. What no detection finds is *missed*: 1 less the last recall. Together they are 1.
The area of *correct* is the average precision by trapezoids and without making it monotone, so it is a little below
frame-AP.
"""

from __future__ import annotations

import numpy as np

from .annotations import Detections, GroundTruth
from .frame_ap import THRESHOLD, matches
from .overlaps import iou, key, same
from .precision_recall import order

KINDS = ("correct", "localisation", "classification", "time", "other")
MISSED = "missed"


def error_analysis(
    truth: GroundTruth, detections: Detections, threshold: float = THRESHOLD
) -> list[dict[str, float] | None]:
    """Of each class what each of `KINDS` and `MISSED` takes of 1; None of a class without ground truth."""
    kinds = kind(truth, detections, threshold)
    found = []
    for label, num_true in enumerate(truth.num_boxes.tolist()):
        rows = np.flatnonzero(detections.label == label)
        found.append(_areas(kinds[rows[order(detections.score[rows])]], num_true) if num_true else None)
    return found


def kind(truth: GroundTruth, detections: Detections, threshold: float = THRESHOLD) -> np.ndarray:
    """`[M]` int64, of each detection its place in `KINDS`."""
    frame, true_frame = (key(some.video, some.frame) for some in (detections, truth))
    place, true_place = (key(some.video, some.frame, some.label) for some in (detections, truth))
    video, true_video = (key(some.video, 0, some.label) for some in (detections, truth))
    found, true = same(frame, true_frame)
    found, true = (rows[iou(detections.boxes[found], truth.boxes[true]) >= threshold] for rows in (found, true))
    on_actor = np.zeros(len(frame), bool)
    on_actor[found] = True
    tests = (
        matches(truth, detections, threshold) >= 0,
        np.isin(place, true_place),
        on_actor,
        ~np.isin(frame, true_frame) & np.isin(video, true_video),
    )
    return np.select(tests, range(len(tests)), len(tests))


def mean(analyses: list[dict[str, float] | None]) -> dict[str, float]:
    """Mean over the classes with ground truth."""
    known = [analysis for analysis in analyses if analysis is not None]
    return {name: float(np.mean([analysis[name] for analysis in known])) for name in (*KINDS, MISSED)}


def _areas(kinds: np.ndarray, num_true: int) -> dict[str, float]:
    """Of one class, its detections best first; the curve starts with a precision of 1 at recall 0."""
    counts = np.cumsum(kinds[:, None] == np.arange(len(KINDS)), axis=0)  # [K, kinds]
    shares = np.concatenate([np.eye(1, len(KINDS)), counts / np.arange(1, len(kinds) + 1)[:, None]])
    hits = np.flatnonzero(kinds == 0)
    areas = (shares[hits] + shares[hits + 1]).sum(0) / (2 * num_true)
    return dict(zip(KINDS, areas.tolist(), strict=True)) | {MISSED: 1 - len(hits) / num_true}

"""Frame-AP, the measure of Table 6: each frame of each video on its own, at an overlap of 0.5.

All frames of all test videos count, so a detection in a frame without actors, or in a video of another class, is
wrong. A detection is right if it overlaps a box of its class in its frame by the threshold; of several it is given
the one that it overlaps most of those that no better detection was given, as in the scripts of Kalogeiton et al. 2017
(ACT).
"""

from __future__ import annotations

import numpy as np

from .annotations import Detections, GroundTruth
from .overlaps import Pairs, iou, key, same
from .precision_recall import ClassCurve, by_class, match

THRESHOLD = 0.5
"""Table 6."""


def frame_ap(truth: GroundTruth, detections: Detections, threshold: float = THRESHOLD) -> list[ClassCurve]:
    """The curve of each class; `precision_recall.mean` of them is the frame-mAP."""
    hit = matches(truth, detections, threshold) >= 0
    return by_class(truth.label, detections.label, detections.score, hit, len(truth.classes))


def matches(truth: GroundTruth, detections: Detections, threshold: float = THRESHOLD) -> np.ndarray:
    """`[M]` int64: the row of the ground truth that each detection is given, -1 for none.

    Raises:
        ValueError: they are not of the same videos and classes.
    """
    if truth.videos != detections.videos or truth.classes != detections.classes:
        raise ValueError(
            "Detections must be of the videos and classes of the ground truth, in its order. Received: "
            f"{len(detections.videos)} videos and {len(detections.classes)} classes instead of {len(truth.videos)} and "
            f"{len(truth.classes)}"
        )
    keys = (key(some.video, some.frame, some.label) for some in (detections, truth))
    found, true = same(*keys)
    pairs = Pairs(found, true, iou(detections.boxes[found], truth.boxes[true]))
    return match(pairs.at_least(threshold), detections.score)

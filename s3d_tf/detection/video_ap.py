"""Video-AP: a tube that was found is right if it overlaps an actor's in space and time; see `tubes.overlaps`."""

from __future__ import annotations

import numpy as np

from .overlaps import Pairs
from .precision_recall import ClassCurve, by_class, match, mean
from .tubes import Tubes, overlaps

THRESHOLDS = (0.2, 0.5, 0.75)
RANGE = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
RANGE_NAME = "0.5:0.95"
"""Mean over the thresholds of `RANGE`, as in COCO."""


def video_ap(found: Tubes, true: Tubes, threshold: float, num_classes: int) -> list[ClassCurve]:
    """The curve of each class; tubes are matched as boxes are for frame-AP."""
    return _curves(found, true, overlaps(found, true), threshold, num_classes)


def video_map(found: Tubes, true: Tubes, num_classes: int) -> dict[str, float]:
    """Mean over classes, by threshold: "0.2", "0.5", "0.75" and "0.5:0.95"."""
    pairs = overlaps(found, true)
    means = {each: mean(_curves(found, true, pairs, each, num_classes)) for each in {*THRESHOLDS, *RANGE}}
    named = {f"{threshold:g}": means[threshold] for threshold in THRESHOLDS}
    return named | {RANGE_NAME: float(np.mean([means[threshold] for threshold in RANGE]))}


def _curves(found: Tubes, true: Tubes, pairs: Pairs, threshold: float, num_classes: int) -> list[ClassCurve]:
    hit = match(pairs.at_least(threshold), found.score) >= 0
    return by_class(true.label, found.label, found.score, hit, num_classes)

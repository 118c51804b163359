"""Where and what apart: how many actors are found at all, and of how many of these the class is right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .annotations import Detections, GroundTruth
from .frame_ap import THRESHOLD
from .overlaps import iou, key, same


class Naming(NamedTuple):
    """Shares of true boxes."""

    found: float  # that a detection of any class overlaps, however low its score
    named: float | None  # of these, whose best such detection has their class; None where none is found


def naming(truth: GroundTruth, detections: Detections, threshold: float = THRESHOLD) -> Naming:
    """Looks at the best-scoring detection, of any class, on each true box; of equal scores the first counts."""
    found, true = same(*(key(some.video, some.frame) for some in (detections, truth)))
    near = iou(detections.boxes[found], truth.boxes[true]) >= threshold
    found, true = found[near], true[near]
    order = np.lexsort((found, -detections.score[found], true))
    found, true = found[order], true[order]
    seen, best = np.unique(true, return_index=True)
    right = detections.label[found[best]] == truth.label[seen]
    return Naming(len(seen) / len(truth.boxes), float(right.mean()) if len(seen) else None)

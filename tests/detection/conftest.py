"""Ground truth and detections for the measures, written as rows."""

import numpy as np
import pytest

from s3d_tf.detection.annotations import Detections, GroundTruth

SQUARE = (0.0, 0.0, 0.5, 0.5)


def columns(rows, count):
    return [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0, int)] * count


@pytest.fixture
def make():
    """Rows of (video, frame, label, track, box) and (video, frame, label, score, box) -> truth, detections."""

    def rows_to_arrays(true, found=(), videos=("a", "b"), classes=("run", "jump")):
        video, frame, label, track, boxes = columns(true, 5)
        truth = GroundTruth(videos, classes, video, frame, label, boxes.reshape(-1, 4).astype(float), track=track)
        video, frame, label, score, boxes = columns(found, 5)
        boxes = boxes.reshape(-1, 4).astype(float)
        return truth, Detections(videos, classes, video, frame, label, boxes, score=score.astype(float))

    return rows_to_arrays


def moved(share):
    """The square moved to the right by a share of its width: the overlap is (1 - share) / (1 + share)."""
    return (0.0, 0.5 * share, 0.5, 0.5 + 0.5 * share)

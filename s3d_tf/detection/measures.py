"""All measures of a detector on one set, as numbers and as a table by class."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from . import error_analysis, frame_ap, naming, precision_recall, tubes, video_ap
from .annotations import Detections, GroundTruth
from .linking import Linking, link


class Measures(NamedTuple):
    """Of one detector."""

    classes: tuple[str, ...]
    frame: list[precision_recall.ClassCurve]  # boxes, of each class
    video: dict[float, list[precision_recall.ClassCurve]]  # tubes, of each class by threshold
    errors: list[dict[str, float] | None]  # of each class, see `error_analysis`
    result: dict[str, Any]  # frame_map, video_map by threshold, errors, found, named, counts


def measure(truth: GroundTruth, detections: Detections, linking: Linking | None = None) -> Measures:
    """Frame-mAP at 0.5, video-mAP of the linked detections, and what went wrong.

    Args:
        linking: how tubes are made.

    Raises:
        ValueError: nothing to be found, other videos or classes than the ground truth's, or scores below 0.
    """
    num_classes = len(truth.classes)
    linking = linking or Linking()
    frame = frame_ap.frame_ap(truth, detections)
    found, true = link(detections, linking), tubes.of_truth(truth)
    errors = error_analysis.error_analysis(truth, detections)
    result = dict(
        frame_map=precision_recall.mean(frame),
        video_map=video_ap.video_map(found, true, num_classes),
        errors=error_analysis.mean(errors),
        **naming.naming(truth, detections)._asdict(),
        overlap=frame_ap.THRESHOLD,
        linking=dataclasses.asdict(linking),
        videos=len(truth.videos),
        true_boxes=len(truth.boxes),
        true_tubes=len(true.video),
        detections=len(detections.boxes),
        tubes=len(found.video),
        classes=[name for name, curve in zip(truth.classes, frame, strict=True) if curve.num_true],
    )
    video = {each: video_ap.video_ap(found, true, each, num_classes) for each in video_ap.THRESHOLDS}
    return Measures(truth.classes, frame, video, errors, result)


def table(measures: Measures) -> list[list]:
    """A header and a row a class: its boxes and detections, frame-AP, video-APs, and its errors as shares of 1.

    Cells of a class without ground truth are empty.
    """
    kinds = (*error_analysis.KINDS[1:], error_analysis.MISSED)
    header = ["class", "true_boxes", "detections", "frame_ap"]
    rows = [[*header, *(f"video_ap_{each:g}" for each in measures.video), *kinds]]
    for number, name in enumerate(measures.classes):
        curve, errors = measures.frame[number], measures.errors[number] or {}
        precisions = [some[number].average_precision for some in (measures.frame, *measures.video.values())]
        cells = [_digits(value) for value in (*precisions, *(errors.get(each) for each in kinds))]
        rows.append([name, curve.num_true, len(curve.hit), *cells])
    return rows


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"

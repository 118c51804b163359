"""Who does what, where and when, and what a detector says of it: a row a box, in arrays.

Detections as JSON, of each video its boxes in any order:

    {"classes": ["run", "jump"],
     "videos": {"a.avi": {"frame": [0, 0], "class": [1, 0], "score": [0.9, 0.2], "boxes": [[0.1, 0.2, 0.5, 0.6], ...]},
                "b.avi": {"frame": [], "class": [], "score": [], "boxes": []}}}

Frames count from 0, a class is its place in `classes`, a box is ymin, xmin, ymax, xmax as shares of the frame. A video
without detections is named all the same, so that one that was forgotten is found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.listing import Item
from ..data.records import Box
from ..files import read_json, write_json

MOST_FRAMES = 1 << 24
"""Of a video: a week at 25 frames a second."""


@dataclasses.dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of many videos.

    Attributes:
        videos: name of each video that is looked at, those without boxes too.
        classes: name of each class.
        video: [N] int64, number of each box's video.
        frame: [N] int64, from 0.
        label: [N] int64, number of its class.
        boxes: [N, 4] float64: ymin, xmin, ymax, xmax, as shares of the frame's height and width.

    Raises:
        ValueError: arrays of other shapes, numbers of no video, frame or class, or boxes inverted or no numbers.
    """

    videos: tuple[str, ...]
    classes: tuple[str, ...]
    video: np.ndarray
    frame: np.ndarray
    label: np.ndarray
    boxes: np.ndarray

    def __post_init__(self):
        count = len(self.boxes)
        shapes = {field: getattr(self, field).shape for field in ("video", "frame", "label")}
        if self.boxes.shape != (count, 4) or set(shapes.values()) != {(count,)}:
            raise ValueError(f"Each box needs a video, a frame and a class. Received: {shapes}, {self.boxes.shape}")
        if len(set(self.videos)) != len(self.videos) or len(set(self.classes)) != len(self.classes):
            raise ValueError(f"Each video and class has a name of its own. Received: {self.videos}, {self.classes}")
        ends = dict(video=len(self.videos), frame=MOST_FRAMES, label=len(self.classes))
        for field, end in ends.items():
            values = getattr(self, field)
            if bad := np.flatnonzero((values < 0) | (values >= end)).tolist():
                raise ValueError(f"{field} must be in [0, {end}). Received: {values[bad[0]]} of row {bad[0]}")
        ymin, xmin, ymax, xmax = self.boxes.T
        fits = (ymin <= ymax) & (xmin <= xmax) & np.isfinite(self.boxes).all(1)  # no comparison holds of a NaN
        if bad := np.flatnonzero(~fits).tolist():
            place = f"frame {self.frame[bad[0]]} of {self.videos[self.video[bad[0]]]}"
            raise ValueError(
                f"A box is ymin, xmin, ymax, xmax with ymin <= ymax and xmin <= xmax. Received: "
                f"{self.boxes[bad[0]].tolist()} in {place} ({len(bad)} such boxes)"
            )


@dataclasses.dataclass(frozen=True, eq=False)
class GroundTruth(Boxes):
    """What is to be found.

    Attributes:
        track: [N] int64, number of the actor in its video; with its class it names a tube.
    """

    track: np.ndarray

    def __post_init__(self):
        super().__post_init__()
        rows = np.stack([self.video, self.label, self.track, self.frame], 1)
        if len(np.unique(rows, axis=0)) < len(self.boxes):
            raise ValueError("An actor has one box a frame: a track has several in one.")

    @property
    def num_boxes(self) -> np.ndarray:
        """Of each class, [C] int64."""
        return np.bincount(self.label, minlength=len(self.classes))


@dataclasses.dataclass(frozen=True, eq=False)
class Detections(Boxes):
    """What was found.

    Attributes:
        score: [N] float64, of the box's class; higher is surer. Only their order counts for frame-AP.
    """

    score: np.ndarray

    def __post_init__(self):
        super().__post_init__()
        if self.score.shape != self.frame.shape or not np.isfinite(self.score).all():
            raise ValueError(f"Each detection needs a score that is a number. Received: {self.score.shape}")

    def choose(self, rows: np.ndarray) -> Detections:
        """Those of a mask `[N]` bool or of some numbers of rows, in their order."""
        fields = ("video", "frame", "label", "boxes", "score")
        return dataclasses.replace(self, **{field: getattr(self, field)[rows] for field in fields})


def ground_truth(videos: Iterable[tuple[str, Iterable[Box]]], classes: Sequence[str]) -> GroundTruth:
    """From the boxes of each video by its name, such as those of `Listing.items`."""
    names, numbers, boxes = [], [], []
    for number, (name, some) in enumerate(videos):
        names.append(name)
        boxes += some
        numbers += [number] * (len(boxes) - len(numbers))
    whole = np.array([(box.frame, box.label, box.track) for box in boxes], np.int64).reshape(-1, 3)
    corners = np.array([(box.ymin, box.xmin, box.ymax, box.xmax) for box in boxes], np.float64).reshape(-1, 4)
    frame, label, track = whole.T
    return GroundTruth(tuple(names), tuple(classes), np.array(numbers, np.int64), frame, label, corners, track=track)


def of_items(items: Iterable[Item], classes: Sequence[str], split: str) -> GroundTruth:
    """Of the listed videos of a split.

    Raises:
        ValueError: there are none, or none has boxes.
    """
    chosen = [item for item in items if item.split == split]
    if not any(item.boxes for item in chosen):
        raise ValueError(f"No video of the split has a box. Received: {split!r}, {len(chosen)} videos")
    return ground_truth(((item.media_id, item.boxes or ()) for item in chosen), classes)


def detections_of(
    truth: GroundTruth,
    names: Sequence[str],
    frame: np.ndarray,
    label: np.ndarray,
    score: np.ndarray,
    boxes: np.ndarray,
) -> Detections:
    """Detections whose videos are told by name, `[N]` of each, in the numbering of the ground truth.

    Raises:
        ValueError: the ground truth has no such video, or rows that make no sense.
    """
    numbers = {name: number for number, name in enumerate(truth.videos)}
    if unknown := next((name for name in names if name not in numbers), None):
        raise ValueError(f"The ground truth has no such video. Received: {unknown}")
    video = np.array([numbers[name] for name in names], np.int64)
    return Detections(truth.videos, truth.classes, video, frame, label, boxes, score=score)


def as_detections(truth: GroundTruth, score: float = 1.0) -> Detections:
    """The ground truth as a detector that knows it would answer."""
    score = np.full(len(truth.boxes), score)
    return Detections(truth.videos, truth.classes, truth.video, truth.frame, truth.label, truth.boxes, score=score)


def write_detections(path: Path, detections: Detections) -> None:
    """Writes the JSON; scores and corners with six digits."""
    order = np.argsort(detections.video, kind="stable")
    ends = np.searchsorted(detections.video[order], np.arange(len(detections.videos)), side="right")
    videos = {}
    for name, rows in zip(detections.videos, np.split(order, ends[:-1]), strict=True):
        videos[name] = {
            "frame": detections.frame[rows].tolist(),
            "class": detections.label[rows].tolist(),
            "score": detections.score[rows].round(6).tolist(),
            "boxes": detections.boxes[rows].round(6).tolist(),
        }
    write_json(path, {"classes": list(detections.classes), "videos": videos})


def read_detections(path: Path, truth: GroundTruth) -> Detections:
    """Reads the JSON.

    Args:
        truth: whose videos and classes they must be of; it gives the order of the videos.

    Raises:
        ValueError: no such file or JSON, other classes, a video that is unknown or forgotten, or bad rows.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("videos"), dict):
        raise ValueError(f"Detections are a JSON object of classes and videos. Received: {path}")
    if content.get("classes") != list(truth.classes):
        raise ValueError(
            f"The detections are of other classes than the ground truth's {', '.join(truth.classes)}. Received: "
            f"{content.get('classes')!r:.200} in {path}"
        )
    videos = content["videos"]
    if unknown := sorted({*videos} - {*truth.videos}):
        raise ValueError(f"The ground truth has no such videos ({len(unknown)}). Received: {unknown[0]} in {path}")
    if forgotten := [name for name in truth.videos if name not in videos]:
        raise ValueError(
            f"Every video needs an entry, if only an empty one; {len(forgotten)} have none. Received: {path} without "
            f"{forgotten[0]}"
        )
    parts = [_rows(videos[name], name, path) for name in truth.videos]
    frame, label, score, boxes = (np.concatenate([part[field] for part in parts]) for field in range(4))
    video = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
    return Detections(truth.videos, truth.classes, video, frame, label, boxes, score=score)


def _rows(entry: Any, name: str, path: Path) -> tuple[np.ndarray, ...]:
    try:
        whole = [np.array(entry[field]) for field in ("frame", "class")]
        score, boxes = np.array(entry["score"], np.float64), np.array(entry["boxes"], np.float64).reshape(-1, 4)
        if any(len(values) and values.dtype.kind not in "iu" for values in whole):
            raise ValueError
        if {values.shape for values in (*whole, score)} != {(len(boxes),)}:
            raise ValueError
    except (TypeError, KeyError, ValueError):
        raise ValueError(
            f"A video's detections are equally long lists: frame, class (whole numbers), score and boxes (four numbers "
            f"each). Received: {name} in {path}"
        ) from None
    return (*(values.astype(np.int64) for values in whole), score, boxes)

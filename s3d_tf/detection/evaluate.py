"""A detector through a split: what it finds in every frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ..data.split import Split
from . import annotations, examples, start, truth
from .detector import Detector, clip_keys
from .linking import Linking
from .measures import Measures, measure

KEEP_FROM = 0.01
"""Detections that score less are left out; without end they would be hundreds a frame."""


class Found(NamedTuple):
    """The detections of many frames, a row a box; those of a frame best first."""

    video: np.ndarray  # [N] str, name
    frame: np.ndarray  # [N] int64, number in the video
    label: np.ndarray  # [N] int64, class
    score: np.ndarray  # [N] float64, in [0, 1]
    boxes: np.ndarray  # [N, 4] float64, ymin, xmin, ymax, xmax in [0, 1]
    num_frames: int  # that were looked at, those without a box too


def find(
    detector: Detector,
    batches: Iterable[Mapping[str, tf.Tensor]],
    num_frames: int | None = None,
    keep_from: float = 0.0,
) -> Found:
    """Detects in every frame of some batches.

    Args:
        detector: see `Detector`.
        batches: with what `Detector.call` takes, `video` `[B]` string and `frame` `[B]` int32.
        num_frames: that there are, for the time left.
        keep_from: detections that score less are left out.

    Raises:
        ValueError: there is no batch.
    """
    keys, answer = clip_keys(detector.recipe), tf.function(detector, reduce_retracing=True)
    parts: list[tuple[np.ndarray, ...]] = []
    seen = 0
    with tqdm(total=num_frames, unit="frame", desc="detecting") as bar:
        for batch in batches:
            found = {name: value.numpy() for name, value in answer({key: batch[key] for key in keys}).items()}
            names = np.array([name.decode("utf-8", "surrogateescape") for name in batch["video"].numpy()], dtype=object)
            there = np.arange(found["scores"].shape[1]) < found["count"][:, None]  # [B, most]
            there &= found["scores"] >= keep_from
            owner = np.nonzero(there)[0]
            rows = (found["classes"][there], found["scores"][there], found["boxes"][there])
            parts.append((names[owner], batch["frame"].numpy()[owner], *rows))
            seen += len(names)
            bar.update(len(names))
    if not parts:
        raise ValueError("There is no frame to look at. Received: no batch")
    video, frame, label, score, boxes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Found(video, frame.astype(np.int64), label.astype(np.int64), score.astype(float), boxes.astype(float), seen)


def evaluate(
    detector: Detector,
    split: Split,
    path: Path,
    *,
    batch_size: int = 8,
    keep_from: float = KEEP_FROM,
    linking: Linking | None = None,
) -> Measures:
    """Detects in every frame of every video of a split, writes what was found, and measures it.

    Args:
        detector: see `Detector`.
        split: whose classes are the detector's.
        path: a JSON file, see `annotations.write_detections`; what is measured is rounded as it is there.
        batch_size: frames at once; no number depends on it.
        keep_from: detections that score less are left out.
        linking: how tubes are made.

    Raises:
        ValueError: other classes, no boxes, or a damaged record.
    """
    start.check_classes(detector, split.classes)
    true, recipe = truth.of_split(split), detector.recipe
    size = (recipe.rows, recipe.columns)
    options = dict(num_frames=recipe.num_frames, size=size, batch_size=batch_size, streams=recipe.shown)
    frames = int(sum(split.num_frames))
    path.parent.mkdir(parents=True, exist_ok=True)
    found = find(detector, examples.evaluation_batches(split, **options), frames, keep_from)
    if found.num_frames != frames:
        raise ValueError(
            "Some frames are damaged: run scripts/inspect_dataset.py --check and prepare anew. Received: "
            f"{found.num_frames} of {frames} frames"
        )
    annotations.write_detections(path, annotations.detections_of(true, *found[:-1]))
    measures = measure(true, annotations.read_detections(path, true), linking)
    about = dict(data=split.dataset, frames=frames, rows_columns=list(size), least_score=keep_from)
    return measures._replace(result=about | measures.result)

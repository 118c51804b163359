"""A detector through a split: what it finds in every frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from .detector import Detector, clip_keys


class Found(NamedTuple):
    """The detections of many frames, a row a box; those of a frame best first."""

    video: np.ndarray  # [N] str, name
    frame: np.ndarray  # [N] int64, number in the video
    label: np.ndarray  # [N] int64, class
    score: np.ndarray  # [N] float64, in [0, 1]
    boxes: np.ndarray  # [N, 4] float64, ymin, xmin, ymax, xmax in [0, 1]
    num_frames: int  # that were looked at, those without a box too


def find(detector: Detector, batches: Iterable[Mapping[str, tf.Tensor]], num_frames: int | None = None) -> Found:
    """Detects in every frame of some batches.

    Args:
        detector: see `Detector`.
        batches: with what `Detector.call` takes, `video` `[B]` string and `frame` `[B]` int32.
        num_frames: that there are, for the time left.

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
            owner = np.nonzero(there)[0]
            rows = (found["classes"][there], found["scores"][there], found["boxes"][there])
            parts.append((names[owner], batch["frame"].numpy()[owner], *rows))
            seen += len(names)
            bar.update(len(names))
    if not parts:
        raise ValueError("There is no frame to look at. Received: no batch")
    video, frame, label, score, boxes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Found(video, frame.astype(np.int64), label.astype(np.int64), score.astype(float), boxes.astype(float), seen)

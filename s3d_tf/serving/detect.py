"""A detector on a video file: every frame is once the key frame of the clip around it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from ..data.pipeline import KEYS
from ..data.records import RGB_STREAM
from ..detection.detector import Detector
from ..weights import Preprocessing
from . import video_input
from .windows import sliding

T = TypeVar("T")


class Detection(NamedTuple):
    """One box."""

    label: str
    score: float  # in [0, 1]
    box: tuple[float, float, float, float]  # ymin, xmin, ymax, xmax in [0, 1] of the frame


def detect(
    detector: Detector, path: Path, *, least_score: float = 0.5, batch_size: int = 4
) -> Iterator[tuple[int, list[Detection]]]:
    """What a detector sees in each frame of a video.

    Args:
        detector: from `load_detector`.
        path: a video file or a folder of frames. Before the first frame and after the last one they are repeated.
        least_score: of the detections that are given.
        batch_size: clips at once.

    Yields:
        The frame's number from 0, and its detections, best first.

    Raises:
        ValueError: no frame of the video decodes.
    """
    recipe, labels = detector.recipe, detector.preprocessing.labels
    size = (recipe.rows, recipe.columns)
    seen = {
        stream: Preprocessing(modality=stream, resize=size, crop=min(size))
        for stream in dict.fromkeys((RGB_STREAM, *recipe.streams))
    }
    answer = tf.function(detector, reduce_retracing=True)
    frames = (window.streams for window in video_input.windows(path, seen, 1))  # [1, H, W, C] of each stream
    clips = sliding(padded(frames, recipe.key_frame, recipe.num_frames - 1 - recipe.key_frame), recipe.num_frames, 1)
    for numbered in _batched(clips, batch_size):
        batch = {
            KEYS[stream]: tf.constant(np.stack([np.concatenate([f[stream] for f in held]) for _, held in numbered]))
            for stream in seen
        }
        found = {name: value.numpy() for name, value in answer(batch).items()}
        for place, (number, _) in enumerate(numbered):
            rows = zip(*(found[name][place] for name in ("classes", "scores", "boxes")), strict=True)
            yield (
                number,
                [
                    Detection(labels[label], float(score), tuple(float(side) for side in box))
                    for label, score, box in itertools.islice(rows, int(found["count"][place]))
                    if score >= least_score
                ],
            )


def padded(frames: Iterable[T], before: int, after: int) -> Iterator[T]:
    """Frames with the first one repeated `before` times before it, and the last one `after` times after it."""
    last = None
    for frame in frames:
        if last is None:
            yield from itertools.repeat(frame, before)
        yield frame
        last = frame
    if last is not None:
        yield from itertools.repeat(last, after)


def _batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    items = iter(items)
    while held := tuple(itertools.islice(items, size)):
        yield held

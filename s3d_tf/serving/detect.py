"""A detector on a video file: every frame is once the key frame of the clip around it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from ..data.pipeline import KEYS
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
    answer = tf.function(detector, reduce_retracing=True)
    shown = frames_of(path, recipe.shown, (recipe.rows, recipe.columns))
    for numbered in batched(around_each(shown, recipe.num_frames, recipe.key_frame), batch_size):
        clips = {
            KEYS[stream]: tf.constant(np.stack([[frame[stream] for frame in held] for _, held in numbered]))
            for stream in recipe.shown
        }
        found = {name: value.numpy() for name, value in answer(clips).items()}
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


def frames_of(path: Path, streams: Sequence[str], size: tuple[int, int]) -> Iterator[dict[str, np.ndarray]]:
    """The frames of a video, of each stream `[*size, C]` uint8.

    Raises:
        ValueError: no frame of the video decodes.
    """
    seen = {stream: Preprocessing(modality=stream, resize=size, crop=min(size)) for stream in streams}
    for window in video_input.windows(path, seen, 1):
        yield {stream: frames[0] for stream, frames in window.streams.items()}


def around_each(frames: Iterable[T], num_frames: int, key_frame: int) -> Iterator[tuple[int, list[T]]]:
    """Of each frame its number and the clip in which it is the key frame."""
    return sliding(padded(frames, key_frame, num_frames - 1 - key_frame), num_frames, 1)


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


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Groups of `size`; the last one may be smaller."""
    items = iter(items)
    while held := tuple(itertools.islice(items, size)):
        yield held

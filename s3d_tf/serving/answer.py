"""What a classifier says of a video, or of one window of it, wherever it runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .video_input import Window

SAMPLE = 16
"""Frames kept for a picture."""


class Answer(NamedTuple):
    start: int  # the first frame's number
    num_frames: int
    logits: np.ndarray  # [num_classes] float32
    ranking: list[tuple[str, float]]  # every class with its score in [0, 1], falling
    sample: dict[int, np.ndarray]  # up to `SAMPLE` of its frames by number, [rows, columns, 3] uint8; of flow none


def of_window(shown: Window, logits: np.ndarray, labels: Sequence[str]) -> Answer:
    """The answer to one window; `logits` `[num_classes]`."""
    frames = shown.streams.get("rgb", ())
    sample = {shown.start + index: frames[index].copy() for index in evenly(len(frames))}
    return Answer(shown.start, shown.num_frames, logits, rank(logits, labels), sample)


def average(answers: Iterable[Answer], labels: Sequence[str]) -> Answer:
    """One answer from those to all windows of a video, one or more: each counts by its frames. Holds one at a time."""
    total, weight, end, frames = np.zeros(len(labels)), 0, 0, {}
    for answer in answers:
        total += answer.num_frames * answer.logits.astype(np.float64)
        weight += answer.num_frames
        end = max(end, answer.start + answer.num_frames)
        frames |= answer.sample
        if len(frames) > 64 * SAMPLE:  # every second one of a long video
            frames = dict(sorted(frames.items())[::2])
    logits = (total / weight).astype(np.float32)
    numbers = sorted(frames)
    sample = {numbers[index]: frames[numbers[index]] for index in evenly(len(numbers))}
    return Answer(0, end, logits, rank(logits, labels), sample)


def rank(logits: np.ndarray, labels: Sequence[str]) -> list[tuple[str, float]]:
    """Every class with its softmax score in [0, 1], falling; `[num_classes]` float."""
    raised = np.exp(logits.astype(np.float64) - logits.max())
    scores = raised / raised.sum()
    return [(labels[index], float(scores[index])) for index in np.argsort(-scores, kind="stable")]


def evenly(count: int) -> list[int]:
    """Up to `SAMPLE` of `count` indices, from the first to the last."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, SAMPLE)).round().astype(int)).tolist()

"""Predictions of a split, and what is counted on them: top-k, the confusion matrix, each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Predictions(NamedTuple):
    """The logits of every video of a split, in the order of its records, those of long videos last."""

    logits: np.ndarray  # [N, num_classes] float32; of several streams their weighted sum
    labels: np.ndarray  # [N] int64
    media_ids: list[str]
    streams: dict[str, np.ndarray]  # the logits of each stream alone, [N, num_classes] float32

    @property
    def confusion(self) -> np.ndarray:
        """`[num_classes, num_classes]` int64; rows: true class, columns: predicted."""
        return confusion_matrix(self.logits, self.labels)


def top_k(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of the rows whose label is among the `k` largest logits; of equal logits the lower id goes first."""
    return float((ranked(logits, k) == labels[:, None]).any(axis=1).mean())


def ranked(logits: np.ndarray, k: int) -> np.ndarray:
    """Ids of the `k` largest logits of each row, best first: `[N, C]` -> `[N, min(k, C)]` int64."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :k]


def confusion_matrix(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many videos of each class (row) were taken for each class (column).

    Args:
        logits: `[N, C]`.
        labels: `[N]` integers below C.

    Returns:
        `[C, C]` int64; its trace over N is the top-1.
    """
    counts = np.zeros((logits.shape[1],) * 2, np.int64)
    np.add.at(counts, (labels, ranked(logits, 1)[:, 0]), 1)
    return counts


def per_class(confusion: np.ndarray, classes: Sequence[str]) -> list[dict]:
    """Of each class its `name`, `videos`, `correct` and `top1` in [0, 1]; `top1` is None for one without videos."""
    rows = []
    for name, row, correct in zip(classes, confusion, np.diag(confusion), strict=False):
        videos = int(row.sum())
        top1 = int(correct) / videos if videos else None
        rows.append(dict(name=name, videos=videos, correct=int(correct), top1=top1))
    return rows


def mean_class_accuracy(confusion: np.ndarray) -> float:
    """Mean top-1 over the classes that have videos; each counts the same, however many it has."""
    videos = confusion.sum(axis=1)
    present = videos > 0
    return float((np.diag(confusion)[present] / videos[present]).mean())


def best_classes(predictions: Predictions, classes: Sequence[str], count: int = 5) -> list[list]:
    """A header and a row a video: its media id, its class and the `count` best ones, each with its score in [0, 1]."""
    scores, places = softmax(predictions.logits), ranked(predictions.logits, count)
    header = ["media_id", "label"]
    for place in range(1, places.shape[1] + 1):
        header += [f"class_{place}", f"score_{place}"]
    rows = [header]
    for video, media_id in enumerate(predictions.media_ids):
        found = [cell for c in places[video] for cell in (classes[c], f"{scores[video, c]:.6f}")]
        rows.append([media_id, classes[predictions.labels[video]], *found])
    return rows


def softmax(logits: np.ndarray) -> np.ndarray:
    """`[N, C]` -> scores in [0, 1], float64; each row sums to 1."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)

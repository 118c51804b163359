"""What is counted on logits: top-k, the confusion matrix, each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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


def softmax(logits: np.ndarray) -> np.ndarray:
    """`[N, C]` -> scores in [0, 1], float64; each row sums to 1."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)

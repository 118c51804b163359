"""What many workers must settle among themselves."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from .checkpoints import NEWEST, steps_in
from .devices import num_workers


def agree(strategy: tf.distribute.Strategy, step: int, work_dir: Path) -> None:
    """Waits for all workers; every one must be at the same step.

    Raises:
        ValueError: they are not.
    """
    if num_workers(strategy) == 1:
        return

    @tf.function
    def totals():
        mine = tf.constant([step, step**2], tf.float64)
        return strategy.reduce("SUM", strategy.run(tf.identity, args=(mine,)), axis=None)

    count = strategy.num_replicas_in_sync
    if totals().numpy().tolist() != [step * count, step**2 * count]:
        raise ValueError(
            "The workers are not at the same step; work_dir must be the same shared folder for all. "
            f"Received: step {step} here, {work_dir}"
        )


@contextlib.contextmanager
def lost_worker(strategy: tf.distribute.Strategy, work_dir: Path) -> Iterator[None]:
    """Says in words what TensorFlow says when a worker does not answer any more.

    Raises:
        OSError: instead of TensorFlow's error.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError) as error:
        if num_workers(strategy) == 1:
            raise
        newest = max(steps_in(work_dir / NEWEST), default=0)
        tasks = sorted(set(re.findall(r"task:\d+", error.message)))
        raise OSError(
            f"A worker was lost; start all of them again, the run goes on from step {newest}. "
            f"Received: {', '.join([type(error).__name__, *tasks])}"
        ) from None

"""Asynchronous SGD: every worker takes steps of its own on weights that lie on parameter servers.

As the paper trains its detectors (section 5.3). Two workers may read the same weights and both write what they made of
them, so an update can be lost, and no two runs are alike; that is what asynchronous means. Keras' own count of
iterations loses some in the same way, therefore the chief sets it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..data.pipeline import Batch
from .loop import DivergedError, Report, Trainer, lost


class AsynchronousTrainer(Trainer):
    """As a `Trainer`, from the chief of a cluster with parameter servers.

    A step is one worker's, of one micro-batch; the chief reads the data and hands it out.

    Raises:
        ValueError: a step of several micro-batches, or loss scaling, which all would have to agree on.
    """

    def __init__(
        self, recipe: Any, build: Callable[[], keras.Model], strategy: tf.distribute.Strategy, *others, **options
    ):
        if recipe.precision == "mixed_float16":
            raise ValueError("Asynchronous workers share no loss scale. Received: precision=mixed_float16")
        if strategy.num_replicas_in_sync > 1:
            raise ValueError(
                "Asynchronous workers take one device each: show each one GPU (CUDA_VISIBLE_DEVICES). Received: "
                f"{strategy.num_replicas_in_sync} a worker"
            )
        self._coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        super().__init__(recipe, build, strategy, *others, **options)
        if self.micro_batches > 1:
            raise ValueError(
                f"Asynchronous workers take a step of one micro-batch each: set --batch_size={self.clips_at_once}. "
                f"Received: batch_size={recipe.batch_size}"
            )
        self._step = tf.function(lambda batch, number: self.strategy.run(self._update, args=(batch, number)))

    def _make_sums(self):
        """There are none."""

    def distribute(self, make: Callable[..., tf.data.Dataset]) -> Iterator[Batch]:
        """As of a `Trainer`; the data is read here."""
        batches = make(
            batch_size=self.clips_at_once, replicas=1, worker=0, num_workers=1, first_batch=int(self.data_step.numpy())
        )
        return iter(batches.map(lambda batch: {key: batch[key] for key in self.objective.keys}))

    def train(
        self, iterator: Iterator[Batch], num_steps: int, on_micro_batch: Callable[[int, int], None] | None = None
    ) -> Report | None:
        """Has the workers take `num_steps` steps, or fewer when `stop` says so, and waits for all of them.

        Args:
            iterator: see `distribute`.
            on_micro_batch: called at the start and whenever one more step is done, with the number of steps done in
                this call and 0.

        Raises:
            DivergedError: the loss or its gradient is NaN or infinite; other steps may have been taken since.
        """
        start, wait, asked = time.perf_counter(), 0.0, []
        first, steps = int(self.data_step.numpy()), self.step
        tell = on_micro_batch or (lambda taken, done: None)
        tell(0, 0)
        for number in range(first, first + num_steps):
            if self.stop.requested():
                break
            before = time.perf_counter()
            batch = next(iterator)
            wait += time.perf_counter() - before
            asked.append(self._coordinator.schedule(self._step, args=(batch, tf.constant(number, tf.int64))))
        rows = []
        try:
            for taken, numbers in enumerate(asked):
                if taken:
                    tell(taken, 0)
                rows.append(numbers.fetch())
        finally:
            self._coordinator.join()  # raises the cause where a step failed and others were cancelled
        self.stopped = self.stop.requested()
        if not asked:
            return None
        done = np.stack(rows)  # [steps, loss and measures and norm]
        if not np.isfinite(done).all():
            worst = int(np.argmin(np.isfinite(done).all(axis=1)))
            raise DivergedError(steps + worst, first + worst, lost(done[worst, 0], done[worst, -1]))
        self.data_step.assign(first + len(asked))
        self.optimizer.iterations.assign(steps + len(asked))
        return self._report(done.sum(axis=0), len(asked), wait, time.perf_counter() - start)

    def _update(self, batch: Batch, number: tf.Tensor) -> tf.Tensor:
        """On a worker: one step on the weights as they are now; a gradient that is no number counts as 0."""
        numbers, gradients, averages = self._differentiate(
            [tf.convert_to_tensor(variable) for variable in self.variables],
            self._other_values(number),
            batch,
            number,
            self.loss_scale.value,
        )
        gradients, norm = self._shorten(gradients)
        finite = tf.math.is_finite(norm) & tf.math.is_finite(numbers[0])
        self.optimizer.apply([tf.where(finite, gradient, 0.0) for gradient in gradients], self.variables)
        for variable, value in zip(self._averages, averages, strict=True):
            variable.assign(tf.where(finite, value, tf.convert_to_tensor(variable)))
        return tf.concat([numbers, [norm]], 0)

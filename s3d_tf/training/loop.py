"""The training loop: one for one device and for many. Keras' own `fit` fails under multi-worker strategies."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from ..data import clips
from ..data.pipeline import Batch
from .recipes import Recipe


class Report(NamedTuple):
    """Means over the steps of one call."""

    step: int  # the last one
    loss: float  # cross-entropy, nats
    top1: float  # of the training clips
    clips_per_second: float
    input_wait: float  # share of the time spent waiting for the next batch
    learning_rate: float
    seconds: float


class Trainer:
    """A network, its optimizer, and the compiled steps.

    Args:
        recipe: see `Recipe`.
        build: makes the network; called inside the strategy's scope.
        strategy: whose replicas share a global batch; batch norm sees one replica's clips (the paper's 6 a GPU).
    """

    def __init__(self, recipe: Recipe, build: Callable[[], keras.Model], strategy: tf.distribute.Strategy):
        if recipe.batch_size % strategy.num_replicas_in_sync:
            raise ValueError(
                f"batch_size must be a multiple of the {strategy.num_replicas_in_sync} replicas. Received: "
                f"{recipe.batch_size}"
            )
        self.recipe, self.strategy = recipe, strategy
        with strategy.scope():
            self.model = build()
            self.optimizer = make_optimizer(recipe)
            self.optimizer.build(self.model.trainable_variables)
        self._decayed = {variable.path for variable in self.model.trainable_variables if variable.name == "kernel"}
        self._run = tf.function(self._steps)

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.optimizer.iterations.numpy())

    def distribute(self, batches: tf.data.Dataset):
        """An iterator of batches for `train`."""
        numbers = batches.map(lambda batch: {"clip": batch["clip"], "label": batch["label"]})  # devices take no strings
        return iter(self.strategy.experimental_distribute_dataset(numbers))

    def train(self, iterator, num_steps: int) -> Report:
        """Takes `num_steps` steps in one call of the compiled graph.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
        """
        start = time.perf_counter()
        loss, correct, wait = (float(value) for value in self._run(iterator, tf.constant(num_steps)))
        seconds = time.perf_counter() - start
        num_clips = num_steps * self.recipe.batch_size
        if loss != loss or loss == float("inf"):
            raise FloatingPointError(f"The loss became {loss} within the {num_steps} steps before step {self.step}.")
        return Report(
            self.step,
            loss / num_steps,
            correct / num_clips,
            num_clips / seconds,
            wait / seconds,
            float(keras.ops.convert_to_numpy(self.optimizer.learning_rate)),
            seconds,
        )

    def _steps(self, iterator, num_steps):
        totals = tf.zeros([3])  # loss, correct clips, seconds of waiting
        for _ in tf.range(num_steps):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            before = tf.timestamp()
            with tf.control_dependencies([before]):
                batch = next(iterator)
            with tf.control_dependencies(tf.nest.flatten(batch, expand_composites=True)):
                wait = tf.cast(tf.timestamp() - before, tf.float32)
            loss, correct = self.strategy.run(self._step, args=(batch,))
            sums = [self.strategy.reduce("SUM", value, axis=None) for value in (loss, correct)]
            totals += tf.stack([*sums, wait])
        return tf.unstack(totals)

    def _step(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(clips.scale(batch["clip"]), training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["label"], logits)
            loss = tf.reduce_sum(losses) / self.recipe.batch_size  # the replicas' gradients are summed
        gradients = tape.gradient(loss, variables)
        decay = self.recipe.weight_decay / self.strategy.num_replicas_in_sync
        gradients = [
            gradient + decay * tf.convert_to_tensor(variable) if variable.path in self._decayed else gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        ]
        self.optimizer.apply(gradients, variables)
        correct = tf.reduce_sum(tf.cast(tf.argmax(logits, 1) == batch["label"], tf.float32))
        return loss, correct


def make_optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """SGD with momentum and the recipe's stepwise learning rate."""
    schedule: float | keras.optimizers.schedules.LearningRateSchedule = recipe.learning_rates[0]
    if recipe.boundaries:  # Keras changes the rate after a boundary's step, the recipe with it
        boundaries = [boundary - 1 for boundary in recipe.boundaries]
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, list(recipe.learning_rates))
    return keras.optimizers.SGD(schedule, momentum=recipe.momentum, name="sgd")  # checkpoints hold the name

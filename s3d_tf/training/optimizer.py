"""Synchronous SGD with momentum and a stepwise rate (section 3), and the loss scale of half precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from .recipes import Recipe


class ReducedSGD(keras.optimizers.SGD):
    """Keras' SGD for gradients that are summed over the replicas already, as their norm and clipping need them.

    Keras would sum them once more. It has no public switch for that: should the method be renamed, two devices no
    longer equal one, which a test compares.
    """

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars

    def update_step(self, gradient, variable, learning_rate):
        """Computes Keras' formula with one kernel; Keras' five ops per variable take much longer to compile."""
        if not self.momentum:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)].value
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle, accum=velocity.handle, lr=learning_rate, grad=gradient, momentum=self.momentum
        )


class StepwiseRate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of a recipe: a linear warm-up, then a constant rate between each two boundaries.

    Args:
        learning_rates, boundaries, warmup_steps: see `Recipe`.
    """

    def __init__(self, learning_rates: Sequence[float], boundaries: Sequence[int], warmup_steps: int):
        self.config = dict(
            learning_rates=list(learning_rates), boundaries=list(boundaries), warmup_steps=int(warmup_steps)
        )
        # Keras changes the rate after a boundary's step, the recipe with it.
        self._rate: Callable = lambda step: learning_rates[0]
        if boundaries:
            self._rate = keras.optimizers.schedules.PiecewiseConstantDecay([b - 1 for b in boundaries], learning_rates)

    def __call__(self, step):
        rate = keras.ops.cast(self._rate(step), "float32")
        if not self.config["warmup_steps"]:
            return rate
        return rate * keras.ops.minimum(1.0, (keras.ops.cast(step, "float32") + 1) / self.config["warmup_steps"])

    def get_config(self):
        return self.config


def make_optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """Returns SGD with momentum and the recipe's learning rates, for gradients that are summed over the replicas."""
    schedule = StepwiseRate(recipe.learning_rates, recipe.boundaries, recipe.warmup_steps)
    return ReducedSGD(schedule, momentum=recipe.momentum, name="sgd")  # checkpoints hold the name


class LossScale:
    """A factor on the loss that keeps small gradients above float16's least number; 1 where that is not needed.

    Halved, and the step left out, when a gradient is not finite; doubled after 2000 steps without. As Keras'
    `LossScaleOptimizer`, which looks at one replica's gradient before they are summed.
    """

    GROW_AFTER = 2000

    def __init__(self, active: bool):
        self.active = active
        self.state: dict[str, tf.Variable] = {}
        if active:
            once = tf.VariableAggregation.ONLY_FIRST_REPLICA
            self.state = {
                "loss_scale": tf.Variable(2.0**15, trainable=False, aggregation=once),
                "loss_scale_steps": tf.Variable(0, trainable=False, dtype=tf.int64, aggregation=once),
            }

    @property
    def value(self) -> tf.Tensor:
        """The factor, `[]` float32."""
        return tf.convert_to_tensor(self.state["loss_scale"]) if self.active else tf.constant(1.0)

    @property
    def may_fall(self) -> tf.Tensor:
        """Whether a gradient that is not finite may be the factor's fault."""
        return self.value > 1.0

    def update(self, finite: bool) -> None:
        """Adapts the factor after a step, outside of the replicas, to whether its gradient was finite."""
        if not self.active:
            return
        scale, steps = self.state["loss_scale"], self.state["loss_scale_steps"]
        grow = int(steps) + 1 >= self.GROW_AFTER
        scale.assign(scale * ((2.0 if grow else 1.0) if finite else 0.5))
        steps.assign(int(steps) + 1 if finite and not grow else 0)

"""The training loop: one for one device, many devices and many workers. Keras' own `fit` fails under the last.

A step is one or more micro-batches on every replica: the paper's 336 clips are 56 micro-batches of 6, whether 56, 8 or
1 replicas take them. Batch norm sees one micro-batch. Gradients are summed up and moving averages averaged over all of
them, so that the number of replicas changes nothing but rounding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ..data.pipeline import Batch
from .devices import check_precision, num_workers
from .objective import Classification, Objective
from .optimizer import LossScale, make_optimizer
from .recipes import Recipe, learning_rate
from .sharing import moving_averages, share_out, sum_like
from .stopping import Stop


class Report(NamedTuple):
    """Means over the steps of one call."""

    step: int  # the last one
    loss: float  # the objective's: cross-entropy, nats
    measures: dict[str, float]  # the objective's, means over clips
    clips_per_second: float
    input_wait: float  # share of the time spent waiting for the next batch
    gradient_norm: float  # over all variables, with weight decay, before clipping
    learning_rate: float
    seconds: float

    def line(self) -> dict[str, float]:
        """All of it as a flat dict."""
        head = dict(step=self.step, loss=self.loss)
        rest = {key: value for key, value in self._asdict().items() if key not in (*head, "measures")}
        return head | self.measures | rest


class DivergedError(FloatingPointError):
    """The loss or its gradient became NaN or infinite, and the weights are those before that step; or a weight did.

    Attributes:
        step: the steps done.
        data_step: the step's worth of clips that was met.
    """

    def __init__(self, step: int, data_step: int, what: str):
        super().__init__(f"{what} in step {step + 1}")
        self.step, self.data_step = step, data_step


def lost(loss: float, norm: float) -> str:
    """What became of a loss, for a `DivergedError`."""
    return f"The loss became {float(loss)}, its gradient's norm {float(norm)},"


class Trainer:
    """A network, its optimizer, and the compiled steps.

    Args:
        recipe: see `Recipe`; of another kind of network, another dataclass with the same fields for its training.
        build: makes the network; called inside the strategy's scope.
        strategy: whose replicas share a global batch; batch norm sees one micro-batch (the paper's 6 clips a GPU).
        objective: what is learnt; classification of RGB clips in [-1, 1] by default.
        xla: compile the network's step with XLA.
        stop: looked at before every micro-batch (with many workers: every step).

    Raises:
        ValueError: a batch that cannot be shared out evenly, or a precision that the CPU does not compute.
    """

    def __init__(
        self,
        recipe: Recipe,
        build: Callable[[], keras.Model],
        strategy: tf.distribute.Strategy,
        objective: Objective | None = None,
        xla: bool = False,
        stop: Stop | None = None,
    ):
        self.recipe, self.strategy, self.stop = recipe, strategy, stop or Stop()
        check_precision(recipe.precision, recipe.num_frames)
        self.clips_at_once, self.micro_batches = share_out(recipe, strategy.num_replicas_in_sync)
        self.objective = objective or Classification()
        self._num_workers = num_workers(strategy)
        self.stopped = False  # all workers have agreed to
        self._on_micro_batch: Callable[[int, int], None] | None = None
        with strategy.scope():
            self.model = build()
            self.variables = self.model.trainable_variables
            self.optimizer = make_optimizer(recipe)
            self.optimizer.build(self.variables)
            self.loss_scale = LossScale(recipe.precision == "mixed_float16")
            self.data_step = tf.Variable(0, trainable=False, dtype=tf.int64)  # steps' worth of clips that were taken
            self._averages = moving_averages(self.model)
            self._make_sums()
        self._decayed = {variable.path for variable in self.variables if variable.name == "kernel"}
        self._differentiate = tf.function(self._gradients, jit_compile=True) if xla else self._gradients
        self._run = tf.function(self._steps)

    def _make_sums(self):
        """Each replica's own, over its micro-batches."""
        self._gradient_sums = [sum_like(variable) for variable in self.variables]
        self._average_sums = [sum_like(variable) for variable in self._averages]
        self._numbers = sum_like(tf.zeros([1 + len(self.objective.measures)]))  # loss first

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.optimizer.iterations.numpy())

    @property
    def state(self) -> dict[str, tf.Variable]:
        """What a checkpoint holds beside the network, by name."""
        own = {f"optimizer/{variable.path}": variable.value for variable in self.optimizer.variables}
        return own | {"data_step": self.data_step} | self.loss_scale.state

    def train(
        self, iterator: Iterator[Batch], num_steps: int, on_micro_batch: Callable[[int, int], None] | None = None
    ) -> Report | None:
        """Takes `num_steps` steps in one call of the compiled graph, or fewer when `stop` says so.

        Args:
            iterator: of micro-batches, for each replica one at a time (`distribute`).
            on_micro_batch: called before each micro-batch, in another thread, with the number of steps done in this
                call and the number of micro-batches done in the step after them.

        Returns:
            None when it stopped before the first step was done.

        Raises:
            StoppedError: `stop` said so while the graph was traced.
            DivergedError: the loss or its gradient is NaN or infinite.
        """
        before, start = self.data_step.numpy(), time.perf_counter()
        self._on_micro_batch = on_micro_batch
        totals, wait, last_loss, last_norm, failed, stopped = self._run(iterator, tf.constant(num_steps))
        self.stopped = bool(stopped)
        seconds = time.perf_counter() - start
        taken = int(self.data_step.numpy() - before)
        if failed:
            raise DivergedError(self.step, int(self.data_step.numpy()), lost(last_loss, last_norm))
        if not taken:
            return None
        return self._report(np.asarray(totals), taken, float(wait), seconds)

    def _report(self, totals: np.ndarray, taken: int, wait: float, seconds: float) -> Report:
        """Means over `taken` steps, of sums of the loss, of each measure over clips, and of the gradient's norm."""
        loss, *measures, norm = (float(total) for total in totals)
        num_clips = taken * self.recipe.batch_size
        return Report(
            step=self.step,
            loss=loss / taken,
            measures={name: total / num_clips for name, total in zip(self.objective.measures, measures, strict=True)},
            clips_per_second=num_clips / seconds,
            input_wait=wait / seconds,
            gradient_norm=norm / taken,
            learning_rate=learning_rate(self.recipe, self.step),
            seconds=seconds,
        )

    def check_finite(self) -> None:
        """Raises a DivergedError when a weight is NaN or infinite, as one step that was too long can leave it."""
        for variable in self.model.variables:
            if not bool(tf.reduce_all(tf.math.is_finite(tf.cast(variable.value, tf.float32)))):
                data_step = int(self.data_step.numpy())
                raise DivergedError(self.step - 1, data_step - 1, f"{variable.path} became NaN or infinite")

    def distribute(self, make: Callable[..., tf.data.Dataset]) -> Iterator[Batch]:
        """An iterator of micro-batches for `train`.

        Args:
            make: called with batch_size (one replica's micro-batch), replicas (of this worker), worker, num_workers
                and first_batch, gives the worker's batches.
        """

        def numbers(context: tf.distribute.InputContext) -> tf.data.Dataset:
            batches = make(
                batch_size=self.clips_at_once,
                replicas=self.strategy.num_replicas_in_sync // context.num_input_pipelines,
                worker=context.input_pipeline_id,
                num_workers=context.num_input_pipelines,
                first_batch=int(self.data_step.numpy()) * self.micro_batches * self.strategy.num_replicas_in_sync,
            )
            return batches.map(lambda batch: {key: batch[key] for key in self.objective.keys})  # no strings there

        return iter(self.strategy.distribute_datasets_from_function(numbers))

    def _steps(self, iterator, num_steps):
        """As many steps, in the graph. Stops early at `stop` and at a loss that is no number."""
        totals, wait = tf.zeros([2 + len(self.objective.measures)]), tf.zeros([], tf.float64)
        loss = norm = stopping = tf.zeros([])
        steps, go_on, failed = tf.zeros([], tf.int32), tf.constant(True), tf.constant(False)
        while steps < num_steps and go_on:
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            waited, whole, stopping = self._accumulate(iterator, steps)
            wait += waited
            numbers, norm, stopping = self._first(self.strategy.run(self._reduce, args=(stopping,)))
            loss = numbers[0]
            finite = tf.math.is_finite(norm) & tf.math.is_finite(loss)
            # Half precision leaves out a step whose gradient overflows, and scales the loss down.
            failed = whole & ~finite & ~(self.loss_scale.may_fall & tf.math.is_finite(loss))
            taken = whole & ~failed
            if whole & finite:
                self.strategy.run(self._apply)
            self.loss_scale.update(finite, taken)
            self.data_step.assign_add(tf.cast(taken, tf.int64))
            totals += tf.where(taken, tf.concat([numbers, [tf.where(finite, norm, 0.0)]], 0), 0.0)
            steps += tf.cast(taken, tf.int32)
            go_on = taken & (stopping < 0.5)
        return totals, wait, loss, norm, failed, stopping > 0.5

    def _accumulate(self, iterator, steps):
        """Sums up the gradients of one step's micro-batches; whether all of them were taken before `stop`."""
        self.strategy.run(self._reset)
        wait, taken = tf.zeros([], tf.float64), tf.zeros([], tf.int32)
        before, stopping = tf.unstack(self.stop.tensor())
        while taken < self.micro_batches and (stopping < 0.5 or self._num_workers > 1):  # many agree at a step's end
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            told = tf.numpy_function(self._tell, [steps, taken], tf.bool)
            with tf.control_dependencies([before, told]):
                batch = next(iterator)
            with tf.control_dependencies(tf.nest.flatten(batch, expand_composites=True)):
                wait += self.stop.tensor()[0] - before
            done = self._first(self.strategy.run(self._micro_batch, args=(batch, taken)))
            taken += 1
            with tf.control_dependencies([done]):
                before, stopping = tf.unstack(self.stop.tensor())
        return wait, taken == self.micro_batches, tf.cast(stopping, tf.float32)

    def _tell(self, steps: np.ndarray, taken: np.ndarray) -> np.bool_:
        if self._on_micro_batch:
            self._on_micro_batch(int(steps), int(taken))
        return np.bool_(True)

    def _reset(self):
        if self.micro_batches == 1:  # the only one takes their place
            return
        for total in (*self._gradient_sums, *self._average_sums, self._numbers):
            total.assign(tf.zeros_like(total))

    def _micro_batch(self, batch: Batch, taken: tf.Tensor):
        """In a replica: adds one micro-batch to the sums."""
        replica = tf.distribute.get_replica_context()
        number = (self.data_step * self.micro_batches + tf.cast(taken, tf.int64)) * replica.num_replicas_in_sync
        number += tf.cast(replica.replica_id_in_sync_group, tf.int64)
        numbers, gradients, averages = self._differentiate(
            [tf.convert_to_tensor(variable) for variable in self.variables],
            self._other_values(number),
            batch,
            number,
            self.loss_scale.value,
        )
        sums = (*self._gradient_sums, *self._average_sums, self._numbers)
        for total, value in zip(sums, (*gradients, *averages, numbers), strict=True):
            (total.assign if self.micro_batches == 1 else total.assign_add)(value)
        with tf.control_dependencies([*gradients, *averages]):  # not only the forward pass is done then
            return tf.identity(numbers[0])

    def _other_values(self, number: tf.Tensor) -> list[tf.Tensor]:
        """Of the variables that are not trained: a dropout's seed follows from the recipe's and the micro-batch."""

        def value(variable):
            if variable.name != "seed_generator_state":
                return tf.convert_to_tensor(variable)
            return tf.stack([tf.cast(self.recipe.seed, variable.dtype), tf.cast(number, variable.dtype)])

        return [value(variable) for variable in self.model.non_trainable_variables]

    def _gradients(self, trained, others, batch, number, loss_scale):
        """A pure function of tensors: (loss, measures), gradients, new moving averages."""
        self._end_tracing_if_stopped()
        own = [*self.variables, *self.model.non_trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(trained)
            with keras.StatelessScope(state_mapping=list(zip(own, [*trained, *others], strict=True))) as scope:
                total, measures = self.objective(self.model, batch, number)
            loss = total / self.recipe.batch_size
            target = loss * loss_scale
        self._end_tracing_if_stopped()
        gradients = tape.gradient(target, trained)
        self._end_tracing_if_stopped()
        return tf.stack([loss, *measures]), gradients, [scope.get_current_value(v) for v in self._averages]

    @tf.autograph.experimental.do_not_convert
    def _end_tracing_if_stopped(self) -> None:
        """Tracing takes seconds and only runs this Python; many workers go on to the graph, where they agree."""
        if self._num_workers == 1:
            self.stop.check()

    def _reduce(self, stopping):
        """In a replica: sums and means of all replicas, with weight decay; loss and counts, the norm, stopping.

        Sums and means stay where the replica's own were.
        """
        replica = tf.distribute.get_replica_context()
        own = (*self._gradient_sums, *self._average_sums, self._numbers)
        sums = [tf.convert_to_tensor(total) for total in own] + [stopping]
        if replica.num_replicas_in_sync > 1:
            sums = [tf.identity(value) for value in sums]  # on this device: in a loop, what is read has none
            sums = replica.all_reduce("SUM", sums)
        *sums, numbers, stopping = sums
        gradients, averages = sums[: len(self.variables)], sums[len(self.variables) :]
        gradients, norm = self._decay_and_shorten(gradients)
        averages = [total / (self.micro_batches * replica.num_replicas_in_sync) for total in averages]
        for total, value in zip(own, (*gradients, *averages), strict=False):
            total.assign(value)
        return numbers, norm, stopping

    def _decay_and_shorten(self, gradients):
        """With the loss scale taken out, weight decay, and `clip_norm`; and their norm before that."""
        if self.loss_scale.active:
            gradients = [gradient / self.loss_scale.value for gradient in gradients]
        gradients = [
            gradient + self.recipe.weight_decay * tf.convert_to_tensor(variable)
            if variable.path in self._decayed
            else gradient
            for gradient, variable in zip(gradients, self.variables, strict=True)
        ]
        norm = tf.linalg.global_norm(gradients)
        if self.recipe.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.recipe.clip_norm, use_norm=norm)
        return gradients, norm

    def _apply(self):
        """In a replica: the optimizer's step, and the mean of the moving averages over all micro-batches."""
        self.optimizer.apply([tf.convert_to_tensor(total) for total in self._gradient_sums], self.variables)
        for variable, mean in zip(self._averages, self._average_sums, strict=True):
            variable.assign(tf.convert_to_tensor(mean))
        self._end_tracing_if_stopped()

    def _first(self, values):
        """What every replica has the same of."""
        return tf.nest.map_structure(lambda value: self.strategy.experimental_local_results(value)[0], values)

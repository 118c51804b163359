"""The training loop: one for one device, many devices and many workers. Keras' own `fit` fails under the last.

A step is one or more micro-batches on every replica: the paper's 336 clips are 56 micro-batches of 6, whether 56, 8 or
1 replicas take them. Batch norm sees one micro-batch. Gradients are summed up and moving averages averaged over all of
them, so that the number of replicas changes nothing but rounding.
"""

from __future__ import annotations

import math
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
from .sharing import moving_averages, share_out
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
        with strategy.scope():
            self.model = build()
            self.variables = self.model.trainable_variables
            self.optimizer = make_optimizer(recipe)
            self.optimizer.build(self.variables)
            self.loss_scale = LossScale(recipe.precision == "mixed_float16")
            self.data_step = tf.Variable(0, trainable=False, dtype=tf.int64)  # steps' worth of clips that were taken
            self._averages = moving_averages(self.model)
            self._make_sums()
        self._differentiate = (
            tf.function(self._gradients, jit_compile=True, autograph=False) if xla else self._gradients
        )
        self._compiled = {method: self._compile(method) for method in (self._micro_batch, self._reduce, self._apply)}

    def _compile(self, method: Callable) -> Callable:
        """Returns `method`, run in every replica, as a graph that is traced at its first call."""
        return tf.function(lambda *args: self.strategy.run(method, args), autograph=False, reduce_retracing=True)

    def _make_sums(self):
        """Creates each replica's sums over its micro-batches: gradients, moving averages, loss and measures.

        They are one vector, so that there is one collective instead of hundreds, and a graph that compiles fast.
        """
        self._shapes = [tuple(variable.shape) for variable in (*self.variables, *self._averages)]
        self._sizes = [math.prod(shape) for shape in self._shapes]
        self._sums = tf.Variable(
            tf.zeros([sum(self._sizes) + 1 + len(self.objective.measures)]),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )

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
        """Takes `num_steps` steps, or fewer when `stop` says so.

        Args:
            iterator: of micro-batches, for each replica one at a time (`distribute`).
            on_micro_batch: called before each micro-batch with the number of steps done in this call and the number of
                micro-batches done in the current step.

        Returns:
            None when it stopped before the first step was done.

        Raises:
            StoppedError: `stop` said so while a graph was traced.
            DivergedError: the loss or its gradient is NaN or infinite. The weights are those before that step.
        """
        start, wait, totals, taken = time.perf_counter(), 0.0, 0.0, 0
        while taken < num_steps and not self.stopped:
            for done in range(self.micro_batches):
                if self._must_stop():
                    break
                if on_micro_batch:
                    on_micro_batch(taken, done)
                waiting = time.perf_counter()
                batch = next(iterator)
                wait += time.perf_counter() - waiting
                self._run(self._micro_batch, batch, self._number(done), tf.constant(done == 0))
            else:
                totals += self._update()
                taken += 1
        if not taken:
            return None
        return self._report(totals, taken, wait, time.perf_counter() - start)

    def _must_stop(self) -> bool:
        """Returns whether to stop before the next micro-batch; many workers agree on it at the end of a step."""
        if self._num_workers == 1:
            self.stopped = self.stop.requested()
        return self.stopped

    def _update(self) -> np.ndarray:
        """Ends a step: the replicas' sums are put together and, unless they are NaN or infinite, applied.

        Returns:
            `[2 + measures]` float: the loss, the sum of each measure over the clips, the gradient's norm (0 when half
            precision left out the step).
        """
        numbers, norm, stopping = self._run(self._reduce, tf.constant(float(self.stop.requested())))
        numbers, norm = numbers.numpy(), float(norm)
        finite = bool(np.isfinite(norm) and np.isfinite(numbers[0]))
        # Half precision leaves out a step whose gradient overflows, and scales the loss down.
        if not finite and not (self.loss_scale.may_fall and np.isfinite(numbers[0])):
            raise DivergedError(self.step, int(self.data_step.numpy()), lost(numbers[0], norm))
        if finite:
            self._run(self._apply)
        self.loss_scale.update(finite)
        self.data_step.assign_add(1)
        self.stopped = float(stopping) > 0.5
        return np.append(numbers, norm if finite else 0.0)

    def _run(self, method: Callable, *args):
        """Runs one of the compiled methods; returns what every replica has the same of."""
        results = self._compiled[method](*args)
        return tf.nest.map_structure(lambda value: self.strategy.experimental_local_results(value)[0], results)

    def _number(self, done: int) -> tf.Tensor:
        """Returns how many micro-batches the run took before the next one of the first replica, `[]` int64."""
        first = (int(self.data_step.numpy()) * self.micro_batches + done) * self.strategy.num_replicas_in_sync
        return tf.constant(first, tf.int64)

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

    def _micro_batch(self, batch: Batch, number: tf.Tensor, first: tf.Tensor) -> None:
        """In a replica: adds one micro-batch to the sums, or sets them to it if it is the first of a step."""
        replica = tf.distribute.get_replica_context()
        number += tf.cast(replica.replica_id_in_sync_group, tf.int64)
        numbers, gradients, averages = self._differentiate(
            [tf.convert_to_tensor(variable) for variable in self.variables],
            self._other_values(number),
            batch,
            number,
            self.loss_scale.value,
        )
        sums = tf.concat([tf.reshape(value, [-1]) for value in (*gradients, *averages, numbers)], axis=0)
        if self.micro_batches > 1:
            sums += tf.where(first, 0.0, tf.convert_to_tensor(self._sums))
        self._sums.assign(sums)

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
        gradients = self._decayed(tape.gradient(target, trained), trained, loss_scale)
        self._end_tracing_if_stopped()
        return tf.stack([loss, *measures]), gradients, [scope.get_current_value(v) for v in self._averages]

    def _decayed(self, gradients, trained, loss_scale):
        """Adds this micro-batch's share of the weight decay to the gradients of conv kernels."""
        factor = self.recipe.weight_decay * loss_scale / (self.micro_batches * self.strategy.num_replicas_in_sync)
        rows = zip(gradients, trained, self.variables, strict=True)
        return [gradient + factor * value if v.name == "kernel" else gradient for gradient, value, v in rows]

    def _end_tracing_if_stopped(self) -> None:
        """Tracing takes seconds and only runs this Python; many workers go on to the graph, where they agree."""
        if self._num_workers == 1:
            self.stop.check()

    def _reduce(self, stopping):
        """In a replica: replaces its sums by the sums and means over all replicas.

        Returns:
            Loss and measures, the gradient's norm, and how many replicas are told to stop.
        """
        replica = tf.distribute.get_replica_context()
        sums = tf.concat([tf.convert_to_tensor(self._sums), [stopping]], axis=0)
        if replica.num_replicas_in_sync > 1:
            sums = replica.all_reduce("SUM", sums)
        num_gradients, num_values = sum(self._sizes[: len(self.variables)]), sum(self._sizes)
        gradients, averages = sums[:num_gradients], sums[num_gradients:num_values]
        numbers, stopping = sums[num_values:-1], sums[-1]
        (gradients,), norm = self._shorten([gradients])
        averages /= self.micro_batches * replica.num_replicas_in_sync
        self._sums.assign(tf.concat([gradients, averages, numbers], axis=0))
        return numbers, norm, stopping

    def _shorten(self, gradients):
        """Removes the loss scale and clips to `clip_norm`; returns the gradients, and their norm before clipping."""
        if self.loss_scale.active:
            gradients = [gradient / self.loss_scale.value for gradient in gradients]
        norm = tf.linalg.global_norm(gradients)
        if self.recipe.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.recipe.clip_norm, use_norm=norm)
        return gradients, norm

    def _apply(self):
        """In a replica: the optimizer's step, and the mean of the moving averages over all micro-batches."""
        flat = tf.split(self._sums[: sum(self._sizes)], self._sizes)
        values = [tf.reshape(value, shape) for value, shape in zip(flat, self._shapes, strict=True)]
        self.optimizer.apply(values[: len(self.variables)], self.variables)
        for variable, mean in zip(self._averages, values[len(self.variables) :], strict=True):
            variable.assign(mean)
        self._end_tracing_if_stopped()

"""One training run from flags to result: claims the work_dir, trains, logs, checkpoints, resumes, stops."""

from __future__ import annotations

import dataclasses
import resource
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from ..data.damage import LIMIT, Damage
from ..data.pipeline import KEYS, check, order, training_batches
from ..data.split import Split, open_split
from ..files import write_json
from ..weights.own import attach
from . import devices
from .checkpoints import NEWEST, Best, Checkpoints
from .config import check_run, versions, write_run
from .evaluate import evaluate
from .journal import METRICS, Journal, read_metrics
from .loop import DivergedError, Report, Trainer, share_out
from .recipes import Recipe, differences
from .stopping import Stop
from .warm_start import Start, start

RESULT = "result.json"


@dataclasses.dataclass(frozen=True)
class Pace:
    """How a run goes about what does not decide its weights.

    Attributes:
        steps_per_call: steps in one call of the compiled graph, and so between two lines of metrics.
        checkpoint_every: steps.
        keep: newest checkpoints that stay.
        evaluate_every: steps between evaluations on `evaluate_split`, by which the best checkpoint is kept; 0 is never.
        evaluate_split: of the same data set.
        max_damaged: records damaged after preparation that are passed over; one more stops the run.
        go_back: how often a run whose loss became NaN or infinite goes on from the last checkpoint, with the clips
            after those that it met.
        xla: compile the network's step with XLA.
    """

    steps_per_call: int = 10
    checkpoint_every: int = 500
    keep: int = 3
    evaluate_every: int = 0
    evaluate_split: str = "val"
    max_damaged: int = LIMIT
    go_back: int = 0
    xla: bool = False

    def __post_init__(self):
        least = dict(steps_per_call=1, checkpoint_every=1, keep=1, evaluate_every=0, max_damaged=0, go_back=0)
        if low := [f"{key}={getattr(self, key)}" for key, value in least.items() if getattr(self, key) < value]:
            needed = ", ".join(f"{key}>={value}" for key, value in least.items())
            raise ValueError(f"A run needs {needed}. Received: {', '.join(low)}")


def train(
    recipe: Recipe, data_dir: Path, work_dir: Path, strategy: tf.distribute.Strategy, pace: Pace | None = None
) -> dict:
    """Trains a recipe on the split "train" of a prepared data set; goes on from the newest checkpoint of work_dir.

    Writes `config.json`, `metrics.jsonl` (a line each call), TensorBoard summaries, `checkpoints/`, with
    `evaluate_every` also `evaluations.jsonl` and `best/`, and at the end `result.json` into work_dir; the first worker
    does, where there are many.

    Returns:
        What `result.json` holds; with `stopped`, the name of the signal, when it was told to stop before.

    Raises:
        ValueError: no such data, the work_dir holds another run, or more damaged records than `pace` allows.
        FloatingPointError: the loss became NaN or infinite; the last checkpoint stays.
        OSError: a full disk, or a worker that was lost.
    """
    split = open_split(data_dir, "train")
    return _Training(recipe, split, Path(data_dir), Path(work_dir), strategy, pace or Pace()).run()


class _Training:
    def __init__(self, recipe: Recipe, split: Split, data_dir: Path, work_dir: Path, strategy, pace: Pace):
        self.split, self.data_dir, self.work_dir, self.strategy, self.pace = split, data_dir, work_dir, strategy, pace
        check(split, recipe.crop, (recipe.stream,))
        share_out(recipe, strategy.num_replicas_in_sync)
        validation = open_split(data_dir, pace.evaluate_split) if pace.evaluate_every else None
        if validation and devices.num_workers(strategy) > 1:
            raise ValueError("Many workers do not evaluate; run scripts/evaluate.py beside. Received: evaluate_every")
        self.validation, self.recipe, self.chief = validation, recipe, devices.is_chief(strategy)
        self.damage = Damage(split, pace.max_damaged)
        self.stop = Stop()

    def run(self) -> dict:
        began = time.perf_counter()
        begin = start(self.recipe, self.split)
        resumed = check_run(self.work_dir, begin.run)
        self._tell(begin)
        self.trainer = Trainer(
            self.recipe, begin.build, self.strategy, begin.run.preprocessing, self.pace.xla, stop=self.stop
        )
        attach(self.trainer.model, begin.run.preprocessing)
        if self.chief:
            write_run(self.work_dir, begin.run, self._details(begin))
        self.checkpoints = Checkpoints(self.work_dir, self.trainer.model, self.trainer.state, self.pace.keep)
        step = self.checkpoints.restore()
        self._agree(step or 0)
        if step is not None and self.chief:
            print(f"going on from step {step} of {self.recipe.steps} ({self.work_dir})")
        elif resumed and self.chief:
            print(f"starting anew, no checkpoint in {self.work_dir / NEWEST} yet")
        with self.damage.explained(), self.stop.listening():
            last = self._train()
        return self._result(last, round(time.perf_counter() - began, 1))

    def _train(self) -> Report | None:
        """From where the trainer is to the end of the recipe, or to a signal."""
        trainer, steps = self.trainer, self.recipe.steps
        if trainer.step >= steps:
            return None
        if self.chief:
            self.checkpoints.clear()
        journal = Journal(self.work_dir if self.chief else None, trainer.step, steps)
        try:
            journal.clips(trainer.step, self._first_clips())
            iterator, report, gone_back = trainer.distribute(self._batches), None, 0
            while trainer.step < steps and not self.stop.signal:
                try:
                    report = trainer.train(iterator, self._until_next()) or report
                except DivergedError as error:
                    gone_back += 1
                    self._go_back(error, gone_back)
                    iterator = trainer.distribute(self._batches)
                    continue
                if report is None:
                    break
                journal.report(report)
                self._keep(journal)
            if self.stop.signal and trainer.step < steps and self.chief:
                self.checkpoints.save(trainer.step)
            return report
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError) as error:
            raise OSError(
                f"A worker was lost; start all of them again, the run goes on from step {self._newest()}. "
                f"Received: {type(error).__name__} in {self.work_dir}"
            ) from None
        finally:
            journal.close()

    def _until_next(self) -> int:
        """Steps up to the next thing to be done between calls."""
        step, pace = self.trainer.step, self.pace
        rhythms = [every for every in (pace.checkpoint_every, pace.evaluate_every) if every]
        return min(pace.steps_per_call, self.recipe.steps - step, *(every - step % every for every in rhythms))

    def _keep(self, journal: Journal) -> None:
        step, at_end = self.trainer.step, self.trainer.step >= self.recipe.steps
        if self.chief and (step % self.pace.checkpoint_every == 0 or at_end):
            journal.flush()
            self.checkpoints.save(step)
        if self.validation and (step % self.pace.evaluate_every == 0 or at_end):
            result, _ = evaluate(
                self.trainer.model,
                self.validation,
                at_least=self.recipe.eval_frames,
                batch_size=self.strategy.num_replicas_in_sync,
                strategy=self.strategy,
            )
            journal.evaluation(step, result)
            Best(self.work_dir, self.trainer.model).offer(step, result["top1"])

    def _go_back(self, error: DivergedError, times: int) -> None:
        """To the last checkpoint, with the clips after those of the step that failed; or an end with their names."""
        names = self._clips_of(error.data_step)
        what = f"{error} ({', '.join(names[:12])}{', ...' if len(names) > 12 else ''})"
        newest = self._newest()
        if times > self.pace.go_back or not newest:
            hint = "lower the learning rate, set --clip_norm, or let it go back with --go_back=3"
            where = self.checkpoints.path(newest) if newest else "none yet"
            raise FloatingPointError(f"{what}; {hint}. The last good checkpoint: {where}") from None
        self.checkpoints.restore()
        self.trainer.data_step.assign(error.data_step + 1)
        if self.chief:
            print(f"\n{what}; going back to step {newest}, on with other clips ({times} of {self.pace.go_back})")

    def _clips_of(self, data_step: int) -> list[str]:
        indices = next(iter(order(self.split, self.recipe.batch_size, self.recipe.seed, data_step)))[1].numpy()
        return [self.split.media_ids[index] for index in indices]

    def _batches(self, **share) -> tf.data.Dataset:
        recipe = self.recipe
        options = dict(num_frames=recipe.num_frames, crop=recipe.crop, flip=recipe.flip, seed=recipe.seed)
        return training_batches(self.split, streams=(recipe.stream,), damage=self.damage, **options, **share)

    def _first_clips(self) -> np.ndarray:
        at_once = min(self.trainer.clips_at_once, 4)
        batch = next(iter(self._batches(batch_size=at_once).take(1)))
        return batch[KEYS[self.recipe.stream]].numpy()

    def _newest(self) -> int:
        return max(self.checkpoints.steps(), default=0)

    def _agree(self, step: int) -> None:
        """Every worker must have found the same checkpoint."""
        if devices.num_workers(self.strategy) == 1:
            return

        @tf.function
        def total():
            return self.strategy.reduce("SUM", self.strategy.run(tf.constant, args=(float(step),)), axis=None)

        if abs(float(total()) - step * self.strategy.num_replicas_in_sync) > 0.5:
            raise ValueError(
                f"The workers found checkpoints of different steps; work_dir must be the same shared folder for all. "
                f"Received: step {step} here, {self.work_dir}"
            )

    def _tell(self, begin: Start) -> None:
        if not self.chief:
            return
        at_once, times = share_out(self.recipe, self.strategy.num_replicas_in_sync)
        print(
            f"{begin.run.model['name']['name']}, {begin}; {self.recipe.batch_size} clips a step: "
            f"{self.strategy.num_replicas_in_sync} replicas x {times} micro-batches of {at_once}"
        )
        for field, (before, now) in differences(self.recipe).items():
            print(f"  {field}: {now!r} instead of {before!r}")
        if self.split.shortest < self.recipe.num_frames:
            print(
                f"note: the shortest video has {self.split.shortest} frames, fewer than the {self.recipe.num_frames} "
                "of a clip; videos that short are looped"
            )

    def _details(self, begin: Start) -> dict:
        changed = {field: dict(recipe=before, run=now) for field, (before, now) in differences(self.recipe).items()}
        return dict(
            differs_from_recipe=changed,
            start=str(begin),
            data_dir=str(self.data_dir),
            replicas=self.strategy.num_replicas_in_sync,
            workers=devices.num_workers(self.strategy),
            pace=dataclasses.asdict(self.pace),
            **versions(),
        )

    def _result(self, last: Report | None, seconds: float) -> dict:
        known = read_metrics(self.work_dir / METRICS)[-1:] if last is None else [last._asdict()]
        found = known[0] if known else {}
        result = dict(
            step=self.trainer.step,
            loss=found.get("loss"),
            top1_train=found.get("top1"),
            seconds_of_this_session=seconds,
            damaged=self.damage.names,
            peak_memory_gib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        )
        if self.trainer.step < self.recipe.steps:
            return result | dict(stopped=self.stop.name)
        if self.chief and (last or not (self.work_dir / RESULT).exists()):
            write_json(self.work_dir / RESULT, result)
        return result

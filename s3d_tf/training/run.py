"""One training run from flags to result: claims the work_dir, trains, logs, checkpoints, resumes, stops."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import resource
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from .. import machine
from ..data.damage import Damage
from ..data.locks import hold
from ..data.pipeline import KEYS, Batch, check, order, training_batches
from ..data.split import Split, open_split
from ..files import write_json
from ..weights.own import attach
from . import advice, devices
from .asynchronous import AsynchronousTrainer
from .checkpoints import NEWEST, Best, Checkpoints, steps_in
from .config import Run, check_run, has_run, read_run, write_run
from .evaluate import evaluate
from .journal import EVALUATIONS, METRICS, Journal, read_metrics
from .loop import DivergedError, Report, Trainer
from .objective import Classification, Objective
from .pace import Pace
from .progress import COMPILING, EVALUATING, READING, SAVING, Progress
from .recipes import RECIPES, Recipe, differences, doubts
from .sharing import share_out
from .stopping import Stop, StoppedError
from .warm_start import Start, start
from .workers import agree, lost_worker

RESULT = "result.json"
DIVERGED = "diverged.json"


def train(
    recipe: Recipe, data_dir: Path, work_dir: Path, strategy: tf.distribute.Strategy, pace: Pace | None = None
) -> dict:
    """Trains a recipe on the split "train" of a prepared data set; goes on from the newest checkpoint of work_dir.

    Writes `config.json`, `metrics.jsonl` (a line every `steps_per_call` steps), TensorBoard summaries, `checkpoints/`,
    with `evaluate_every` also `evaluations.jsonl` and `best/`, and at the end `result.json` into work_dir; the first
    worker does, where there are many.

    Returns:
        What `result.json` holds; with `stopped`, the name of the signal, when it was told to stop before.

    Raises:
        ValueError: no such data, the work_dir holds another run, or more damaged records than `pace` allows.
        FloatingPointError: the loss became NaN or infinite; the last checkpoint stays.
        OSError: a full disk, or a worker that was lost.
    """
    split = open_split(data_dir, "train")
    return Training(recipe, split, Path(data_dir), Path(work_dir), strategy, pace or Pace()).run()


class Training:
    """A run of a classifier; of another kind of network where a subclass says what that does otherwise.

    Args:
        split: what is trained on.
        others: see `train`.

    Raises:
        ValueError: a recipe that does not fit the data or the devices.
    """

    recipes: Mapping[str, Any] = RECIPES  # the named ones
    of_short = "videos that short are looped"

    def __init__(self, recipe: Any, split: Split, data_dir: Path, work_dir: Path, strategy, pace: Pace):
        self.split, self.data_dir, self.work_dir, self.strategy, self.pace = split, data_dir, work_dir, strategy, pace
        self.recipe, self.chief = recipe, devices.is_chief(strategy)
        self.check()
        share_out(recipe, strategy.num_replicas_in_sync)
        devices.check_precision(recipe.precision, recipe.num_frames)
        self.damage = Damage(split, pace.max_damaged)
        self.stop, self.interrupted = Stop(), False
        self.began, self.evaluation_seconds, self.advised = self.clock(), 0.0, False

    @staticmethod
    def clock() -> float:
        """Returns seconds."""
        return time.perf_counter()

    def check(self) -> None:
        """Raises a ValueError for data that the recipe cannot be trained on, or a pace that cannot be kept."""
        check(self.split, self.recipe.crop, (self.recipe.stream,))
        self.validation = open_split(self.data_dir, self.pace.evaluate_split) if self.pace.evaluate_every else None
        if self.validation and devices.num_workers(self.strategy) > 1:
            several = "Many workers"
        elif self.validation and devices.is_asynchronous(self.strategy):
            several = "Parameter servers"
        else:
            return
        raise ValueError(
            f"{several} do not evaluate; run scripts/evaluate.py beside. Received: "
            f"evaluate_every={self.pace.evaluate_every}"
        )

    def begin(self, known: Run | None) -> Start:
        """What the weights start from; `known` is the run as it was when it began."""
        return start(self.recipe, self.split, known)

    def objective(self, begin: Start) -> Objective:
        """What is learnt."""
        return Classification(begin.run.preprocessing)

    def doubts(self) -> list[str]:
        """What a user may have forgotten, a sentence each."""
        return doubts(self.recipe)

    def batches(self, **share) -> tf.data.Dataset:
        """Micro-batches; `share` as for `Trainer.distribute`."""
        recipe = self.recipe
        options = dict(num_frames=recipe.num_frames, crop=recipe.crop, flip=recipe.flip, seed=recipe.seed)
        return training_batches(self.split, streams=(recipe.stream,), damage=self.damage, **options, **share)

    def names_in(self, data_step: int) -> list[str]:
        """Of the videos that a step took its clips from; none where they are not known."""
        indices = next(iter(order(self.split, self.recipe.batch_size, self.recipe.seed, data_step)))[1].numpy()
        return [self.split.media_ids[index] for index in indices]

    @property
    def shown(self) -> str:
        """The key of a batch under which its clips lie."""
        return KEYS[self.recipe.stream]

    def run(self) -> dict:
        try:
            self.work_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"The work_dir cannot be made ({error.strerror}). Received: {self.work_dir}") from None
        with contextlib.ExitStack() as stack:
            if self.chief and not stack.enter_context(hold(self.work_dir / "run.lock", 0, 1)):
                raise ValueError(f"Another process trains there; wait for it, or stop it. Received: {self.work_dir}")
            stack.enter_context(lost_worker(self.strategy, self.work_dir))
            return self._run()

    def _run(self) -> dict:
        known = (
            read_run(self.work_dir, type(self.recipe))
            if has_run(self.work_dir) and any(steps_in(self.work_dir / NEWEST))
            else None
        )
        begin = self.begin(known)
        resumed = check_run(self.work_dir, begin.run)
        self._tell(begin)
        make = AsynchronousTrainer if devices.is_asynchronous(self.strategy) else Trainer
        self.trainer = make(
            self.recipe,
            begin.build,
            self.strategy,
            self.objective(begin),
            self.pace.xla,
            stop=self.stop,
        )
        attach(self.trainer.model, begin.run.preprocessing)
        if self.chief:
            write_run(self.work_dir, begin.run, self._details(begin))
        self.checkpoints = Checkpoints(self.work_dir, self.trainer.model, self.trainer.state, self.pace.keep)
        step = self.checkpoints.restore()
        if self.chief:
            self.checkpoints.clear(after=step)
            if (step or 0) < self.recipe.steps:
                (self.work_dir / RESULT).unlink(missing_ok=True)  # of a run of fewer steps
            if step is not None:
                print(f"going on from step {step} of {self.recipe.steps} ({self.work_dir})")
            elif resumed:
                print(f"starting anew, no checkpoint in {self.work_dir / NEWEST} yet")
        self._meet(step)
        with self.damage.explained(), self.stop.listening():
            last = self._train()
        agree(self.strategy, self.trainer.step, self.work_dir)  # nobody leaves before the last checkpoint is there
        return self._result(last)

    def _train(self) -> Report | None:
        """From where the trainer is to the end of the recipe, or to a signal."""
        self.journal = self._open_journal(self.trainer.step)
        try:
            return self._steps()
        except DivergedError as error:  # a weight, found while a run that was stopped is saved
            self._go_back(error, self.pace.go_back + 1)
        finally:
            self.journal.close()

    def _open_journal(self, step: int) -> Journal:
        progress = Progress(
            step,
            self.recipe.steps,
            self.trainer.micro_batches,
            evaluate_every=self.pace.evaluate_every,
            whole_steps=devices.num_workers(self.strategy) > 1,
            on_first_step=self._advise,
            shown=self.chief,
        )
        self.stop.observer = progress
        return Journal(self.work_dir if self.chief else None, step, progress)

    def _advise(self) -> None:
        """Prints once what to change when the run takes more than a day."""
        progress, gpu = self.journal.progress, bool(tf.config.list_physical_devices("GPU"))
        if self.chief and not self.advised:
            left = progress.steps - progress.step, progress.seconds_left
            for line in advice.for_long_run(self.recipe, *left, self.strategy.num_replicas_in_sync, gpu):
                progress.write(line)
        self.advised = True

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """While this lasts, a signal stops a run of one process at once; many workers agree at the end of a step."""
        if devices.num_workers(self.strategy) > 1:
            yield
            return
        with self.stop.interruptible():
            self.stop.check()
            yield

    def _on_micro_batch(self, taken: int, done: int) -> None:
        """Shows progress; see `Trainer.train`."""
        self.journal.progress.micro_batch(taken, done)

    def _steps(self) -> Report | None:
        trainer, steps = self.trainer, self.recipe.steps
        report, gone_back = None, 0
        try:
            self._evaluate_if_missing()
            if trainer.step >= steps:
                return None
            with self.journal.progress.during(READING), self._interruptible():
                iterator = self._with_first_clips_shown(trainer.distribute(self.batches))
            self.journal.progress.begin(COMPILING)
            while trainer.step < steps and not trainer.stopped:
                before = trainer.step
                try:
                    new = trainer.train(iterator, self._until_next(), self._on_micro_batch)
                    if new is None:
                        break
                    report = new
                    self.journal.report(report)
                    if trainer.step > before:
                        self._keep()
                except DivergedError as error:
                    gone_back += 1
                    self._go_back(error, gone_back)
                    iterator = trainer.distribute(self.batches)
            if trainer.step < steps:
                self._save()
        except StoppedError:  # amid an evaluation, or before the first call's graph was there
            self.interrupted = True
            self._save()
        return report

    def _until_next(self) -> int:
        """Steps up to the next thing to be done between calls."""
        step, pace = self.trainer.step, self.pace
        rhythms = [every for every in (pace.checkpoint_every, pace.evaluate_every) if every]
        return min(pace.steps_per_call, self.recipe.steps - step, *(every - step % every for every in rhythms))

    def _keep(self) -> None:
        if self._due(self.pace.checkpoint_every) or self._due(self.pace.evaluate_every):
            self._save()
        if self._due(self.pace.evaluate_every):
            self._evaluate()

    def _due(self, every: int) -> bool:
        step = self.trainer.step
        return every > 0 and (step % every == 0 or step >= self.recipe.steps)

    def _save(self) -> None:
        with self.journal.progress.during(SAVING):
            self.trainer.check_finite()  # on every worker: all have the same weights, and go back together
            if self.chief:
                self.journal.flush()
                self.checkpoints.save(self.trainer.step)

    def _evaluate(self) -> None:
        step, began = self.trainer.step, self.clock()
        with self.journal.progress.during(EVALUATING):
            result, _ = evaluate(
                self.trainer.model,
                self.validation,
                at_least=self.recipe.eval_frames,
                batch_size=self.strategy.num_replicas_in_sync,
                strategy=self.strategy,
                max_damaged=self.pace.max_damaged,
                before_batch=self.stop.check,
            )
        seconds = self.clock() - began
        self.evaluation_seconds += seconds
        self.journal.progress.evaluated(seconds)
        Best(self.work_dir, self.trainer.model).offer(step, result["top1"])
        self.journal.evaluation(step, result, self._evaluation_share())

    def _evaluation_share(self) -> float:
        """Returns evaluation's share of the time of this session, in [0, 1]."""
        return self.evaluation_seconds / max(self.clock() - self.began, 1e-9)

    def _evaluate_if_missing(self) -> None:
        """What a run did not come to that was killed after its checkpoint."""
        due = self.trainer.step and self._due(self.pace.evaluate_every)
        if due and self.trainer.step not in [line["step"] for line in read_metrics(self.work_dir / EVALUATIONS)]:
            self._evaluate()

    def _go_back(self, error: DivergedError, times: int) -> None:
        """To the last checkpoint, with the clips after those of the step that failed; or an end with their names."""
        names, newest = self.names_in(error.data_step), self.checkpoints.step
        if self.chief:
            write_json(self.work_dir / DIVERGED, dict(step=error.step + 1, clips=names))
        where = f", on {len(names)} clips ({', '.join(names[:2])}, ...; all in {self.work_dir / DIVERGED})"
        what = f"{error}{where if names else ''}"
        if times > self.pace.go_back or newest is None:
            hint = "lower the learning rate, set --clip_norm"
            if newest is None:
                where, hint = "There is no checkpoint yet to go back to", f"{hint} or a lower --checkpoint_every"
            else:
                where = f"The last good checkpoint is {self.checkpoints.path(newest)}"
                hint += " or a higher --go_back" if self.pace.go_back else ", or let it go back with --go_back=3"
            raise FloatingPointError(f"{what}. {where}; {hint}.") from None
        self.journal.close()
        newest = self.checkpoints.restore()
        agree(self.strategy, newest, self.work_dir)
        self.trainer.data_step.assign(error.data_step + 1)
        self.journal = self._open_journal(newest)
        if self.chief:
            self.checkpoints.clear(after=newest)
            print(f"\n{what}; going back to step {newest}, on with other clips ({times} of {self.pace.go_back})")

    def _with_first_clips_shown(self, iterator: Iterator[Batch]) -> Iterator[Batch]:
        """Returns the same batches; the clips of the first go to TensorBoard."""
        first = next(iterator)
        clips = self.strategy.experimental_local_results(first[self.shown])[0]
        self.journal.clips(self.trainer.step, clips.numpy())
        return itertools.chain([first], iterator)

    def _meet(self, step: int | None) -> None:
        """Has many workers start from the same weights, the first one's, and finds out whether work_dir is shared."""
        if devices.num_workers(self.strategy) == 1:
            return
        if step is None and self.chief:
            self.checkpoints.save(0)
        agree(self.strategy, step or 0, self.work_dir)
        if step is None and not self.chief and self.checkpoints.restore() != 0:
            raise ValueError(f"work_dir must be the same shared folder for all workers. Received: {self.work_dir}")

    def _tell(self, begin: Start) -> None:
        if not self.chief:
            return
        at_once, times = share_out(self.recipe, self.strategy.num_replicas_in_sync)
        print(
            f"{begin}; {self.recipe.batch_size} clips a step: "
            f"{self.strategy.num_replicas_in_sync} replicas x {times} micro-batches of {at_once}"
        )
        for field, (before, now) in differences(self.recipe, self.recipes).items():
            print(f"  {field}: {now!r} instead of {before!r}")
        for doubt in self.doubts():
            print(f"note: {doubt}")
        if lacking := self.split.empty_classes:
            print(f"note: {len(lacking)} of {len(self.split.classes)} classes have no video: {', '.join(lacking[:10])}")
        if self.split.shortest < self.recipe.num_frames:
            print(
                f"note: the shortest video has {self.split.shortest} frames, fewer than the {self.recipe.num_frames} "
                f"of a clip; {self.of_short}"
            )

    def _details(self, begin: Start) -> dict:
        changed = {
            field: dict(recipe=before, run=now)
            for field, (before, now) in differences(self.recipe, self.recipes).items()
        }
        return dict(
            differs_from_recipe=changed,
            start=str(begin),
            data_dir=str(self.data_dir),
            replicas=self.strategy.num_replicas_in_sync,
            workers=devices.num_workers(self.strategy),
            pace=dataclasses.asdict(self.pace),
            onednn=machine.onednn_settings(),
            **machine.versions(),
        )

    def _result(self, last: Report | None) -> dict:
        known = read_metrics(self.work_dir / METRICS)[-1:] if last is None else [last.line()]
        found = known[0] if known else {}
        result = dict(
            step=self.trainer.step,
            loss=found.get("loss"),
            **{f"{name}_train": found.get(name) for name in self.trainer.objective.measures},
            seconds_of_this_session=round(self.clock() - self.began, 1),
            damaged=self.damage.names,
            peak_memory_gib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        )
        if self.pace.evaluate_every:
            seconds, share = round(self.evaluation_seconds, 1), round(self._evaluation_share(), 3)
            result |= dict(evaluation_seconds=seconds, evaluation_share=share)
        if self.interrupted or self.trainer.step < self.recipe.steps:
            return result | dict(stopped=self.stop.name or "another worker's signal")
        if self.chief and (last or not (self.work_dir / RESULT).exists()):
            write_json(self.work_dir / RESULT, result)
        return result

"""One training run from flags to result: claims the work_dir, trains, logs, checkpoints, resumes."""

from __future__ import annotations

import dataclasses
import json
import platform
import resource
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from .. import __version__
from ..data.damage import LIMIT, Damage
from ..data.pipeline import check, training_batches
from ..data.split import Split, open_split
from ..files import write_json, write_text
from .checkpoints import Checkpoints, Run, build, check_run, claim_run
from .loop import Report, Trainer
from .recipes import Recipe

METRICS = "metrics.jsonl"
RESULT = "result.json"


@dataclasses.dataclass(frozen=True)
class Pace:
    """How often a run does what does not change its weights.

    Attributes:
        steps_per_call: steps in one call of the compiled graph, and so between two lines of metrics.
        checkpoint_every: steps.
        keep: checkpoints that stay.
        max_damaged: records damaged after preparation that are passed over; one more stops the run.
    """

    steps_per_call: int = 10
    checkpoint_every: int = 500
    keep: int = 3
    max_damaged: int = LIMIT

    def __post_init__(self):
        if min(self.steps_per_call, self.checkpoint_every, self.keep) < 1 or self.max_damaged < 0:
            raise ValueError(
                f"steps_per_call, checkpoint_every and keep must be at least 1, max_damaged 0. Received: {self}"
            )


def train(
    recipe: Recipe, data_dir: Path, work_dir: Path, strategy: tf.distribute.Strategy, pace: Pace | None = None
) -> dict:
    """Trains a recipe on the split "train" of a prepared data set; goes on from the newest checkpoint of work_dir.

    Writes `config.json`, `metrics.jsonl` (a line each call), TensorBoard summaries, `checkpoints/` and at the end
    `result.json` into work_dir.

    Returns:
        What `result.json` holds.

    Raises:
        ValueError: no such data, the work_dir holds another run, or more damaged records than `pace` allows.
        FloatingPointError: the loss became NaN or infinite; the last checkpoint stays.
    """
    pace = pace or Pace()
    split = open_split(data_dir, "train")
    run = Run(recipe, split.classes, split.frame_size)
    check_run(work_dir, run)
    check(split, recipe.crop)
    trainer = Trainer(recipe, lambda: build(run), strategy)
    claim_run(work_dir, run, dict(data_dir=str(data_dir), replicas=strategy.num_replicas_in_sync, **versions()))
    checkpoints = Checkpoints(work_dir, trainer.model, trainer.optimizer, pace.keep)
    if (step := checkpoints.restore()) is not None:
        print(f"going on from step {step} of {recipe.steps} ({work_dir})")
    _warn_short(split, recipe)
    start = time.perf_counter()
    damage = Damage(split, pace.max_damaged)
    with damage.explained():
        last = _train(trainer, checkpoints, split, damage, work_dir, pace)
    seconds = round(time.perf_counter() - start, 1)
    loss, top1 = (last.loss, last.top1) if last else _last_metrics(work_dir / METRICS)
    result = dict(
        step=trainer.step,
        loss=loss,
        top1_train=top1,
        seconds_of_this_session=seconds,
        damaged=damage.names,
        peak_memory_gib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    )
    if last or not (work_dir / RESULT).exists():
        write_json(work_dir / RESULT, result)
    return result


def _train(
    trainer: Trainer, checkpoints: Checkpoints, split: Split, damage: Damage, work_dir: Path, pace: Pace
) -> Report | None:
    recipe, first = trainer.recipe, trainer.step
    if first >= recipe.steps:
        return None
    batches = training_batches(
        split,
        num_frames=recipe.num_frames,
        crop=recipe.crop,
        flip=recipe.flip,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        first_step=first,
        damage=damage,
    )
    iterator = trainer.distribute(batches)
    _drop_lines_after(work_dir / METRICS, first)
    writer = tf.summary.create_file_writer(str(work_dir / "tensorboard"))
    report = None
    with (
        (work_dir / METRICS).open("a") as metrics,
        tqdm(total=recipe.steps, initial=first, unit="step", desc="training") as bar,
        writer.as_default(),
    ):
        while trainer.step < recipe.steps:
            until_save = pace.checkpoint_every - trainer.step % pace.checkpoint_every
            report = trainer.train(iterator, min(pace.steps_per_call, until_save, recipe.steps - trainer.step))
            _log(report, metrics, bar)
            if report.step % pace.checkpoint_every == 0 or report.step == recipe.steps:
                metrics.flush()
                checkpoints.save(report.step)
    return report


def _log(report: Report, metrics, bar: tqdm) -> None:
    metrics.write(json.dumps(report._asdict()) + "\n")
    for name, value in report._asdict().items():
        if name != "step":
            tf.summary.scalar(name, value, step=report.step)
    bar.set_postfix_str(
        f"loss {report.loss:.3f}, top-1 {report.top1:.1%}, {report.clips_per_second:.3g} clips/s, "
        f"input wait {report.input_wait:.1%}, lr {report.learning_rate:.3g}"
    )
    bar.update(report.step - bar.n)


def _last_metrics(path: Path) -> tuple[float | None, float | None]:
    lines = path.read_text().splitlines() if path.exists() else []
    last = json.loads(lines[-1]) if lines else {}
    return last.get("loss"), last.get("top1")


def _drop_lines_after(path: Path, step: int) -> None:
    """The steps after the checkpoint will be taken again: their lines go, and a half-written last one with them."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError):
            break
    write_text(path, "".join(kept))


def _warn_short(split, recipe: Recipe) -> None:
    if split.shortest < recipe.num_frames:
        print(
            f"note: the shortest video has {split.shortest} frames, fewer than the {recipe.num_frames} of a clip; "
            "videos that short are looped"
        )


def versions() -> dict[str, str]:
    """What a run was made with."""
    return dict(
        s3d_tf=__version__,
        tensorflow=tf.__version__,
        keras=keras.__version__,
        numpy=np.__version__,
        python=platform.python_version(),
    )

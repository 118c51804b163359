"""Checkpoints of a run: the newest few and the best, never half-written, by variable name."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import tensorflow as tf
from absl import logging

from ..files import read_json, write_json, write_text
from ..networks import build_model
from ..weights import load_pretrained
from ..weights.own import attach
from .config import Run, has_run, read_run

NEWEST, BEST = "checkpoints", "best"
_BEST_RESULT = "best.json"
_PARTIAL = "partial"
_DAMAGED = (tf.errors.OpError, IndexError)  # what reading a file that was cut off or overwritten gives


def load_model(work_dir: Path, best: bool = False) -> tuple[keras.Model, Run, int]:
    """The network of a work_dir with the weights of its newest checkpoint, or its best, the run, and the step.

    The model carries its `preprocessing`, as one from `s3d_tf.load_pretrained` does.

    Raises:
        ValueError: no run, no checkpoint yet, or none that is whole.
    """
    run = read_run(work_dir)
    model = build_model(**run.model)
    step = Checkpoints(work_dir, model, folder=BEST if best else NEWEST).restore()
    if step is None:
        hint = "train with --evaluate_every" if best else "train first"
        raise ValueError(f"No checkpoint in {work_dir / (BEST if best else NEWEST)} yet; {hint}.")
    attach(model, run.preprocessing)
    return model, run, step


def load_known(weights: str | Path, best: bool = False) -> tuple[keras.Model, Run | None, int | None]:
    """As `load_model` of a work_dir; of weights of any known source the network alone, with its `preprocessing`.

    Raises:
        ValueError: as `load_model` and `s3d_tf.load_pretrained`.
    """
    return load_model(Path(weights), best) if has_run(Path(weights)) else (load_pretrained(weights), None, None)


def load_weights(weights: str | Path) -> keras.Model:
    """The network of `load_known`."""
    return load_known(weights)[0]


class Checkpoints:
    """The newest checkpoints of a work_dir, by variable name, so that they outlive changes of our classes.

    Args:
        work_dir: they lie in its `folder`.
        model: the network.
        state: what else there is to keep, by name; None to load the network alone.
        keep: how many of the newest stay.
    """

    def __init__(
        self,
        work_dir: Path,
        model: keras.Model,
        state: Mapping[str, tf.Variable] | None = None,
        keep: int = 3,
        folder: str = NEWEST,
    ):
        self.folder, self._keep, self._partial = work_dir / folder, keep, state is None
        # A dropout's seed is none of it: it follows from the recipe and the step.
        weights = {v.path: v.value for v in model.variables if v.name != "seed_generator_state"}
        self._checkpoint = tf.train.Checkpoint(variables={**weights, **(state or {})})
        self.step: int | None = None  # of the last one saved or restored

    def steps(self) -> list[int]:
        """Of the checkpoints there are, lowest first."""
        return steps_in(self.folder)

    def path(self, step: int) -> Path:
        """What TensorFlow calls the checkpoint of that step."""
        return self.folder / f"step-{step}"

    def save(self, step: int) -> Path:
        """Writes a checkpoint under a temporary name, renames it, and only then drops the oldest.

        Raises:
            OSError: it cannot be written (a full disk); the ones before stay as they are.
        """
        if step == self.step and step in self.steps():  # it is there already
            return self.path(step)
        partial = self.folder / _PARTIAL
        try:
            partial.mkdir(parents=True, exist_ok=True)
            self._checkpoint.write(str(partial / f"step-{step}"))
            for file in sorted(partial.glob(f"step-{step}.*"), key=lambda file: file.suffix == ".index"):
                os.replace(file, self.folder / file.name)
            partial.rmdir()
            others = [other for other in self.steps() if other != step]
            stay = others[max(0, len(others) - (self._keep - 1)) :]
            self._list([*stay, step])
        except (tf.errors.OpError, OSError) as error:
            self.clear()
            reason = error.message if isinstance(error, tf.errors.OpError) else str(error)
            stays = f"the one of step {self.step} stays" if self.step is not None else "there is none yet"
            raise OSError(f"Cannot write the checkpoint of step {step}; {stays}. Received: {reason}") from None
        self.step = step
        for old in set(others) - set(stay):
            self._delete(old)
        return self.path(step)

    def restore(self) -> int | None:
        """Loads the newest checkpoint that is whole; its step, or None when there is none.

        Raises:
            ValueError: none is whole, or they are of another network.
            OSError: a file of one cannot be opened.
        """
        with _without_remarks():
            return self._restore()

    def _restore(self) -> int | None:
        steps, damaged = self.steps(), []
        for step in reversed(steps):
            self._check_reachable(step)
            try:
                status = self._checkpoint.read(str(self.path(step)))
                status.assert_existing_objects_matched()
                if self._partial:
                    status.expect_partial()
                else:
                    status.assert_consumed()
                break
            except _DAMAGED as error:
                reason = re.sub(r"\{\{.*?\}\} ?", "", str(getattr(error, "message", error))).splitlines()[0]
                damaged.append(f"{self.path(step)} ({reason[:200]})")
            except (AssertionError, ValueError) as error:
                reason = str(error).splitlines()[0]
                raise ValueError(f"The checkpoint {self.path(step)} does not fit: {reason}") from None
        else:
            if steps:
                raise ValueError(f"No checkpoint is whole; all are damaged. Received: {'; '.join(damaged)}")
            return None
        self.step = step
        if damaged:
            logging.warning("damaged, the checkpoint before is taken (step %d): %s", step, "; ".join(damaged))
        return step

    def _check_reachable(self, step: int) -> None:
        """A file that cannot be opened, by its permissions or a disk that fails, is no damage: it may be whole."""
        for file in sorted(self.folder.glob(f"step-{step}.*")):
            try:
                with file.open("rb") as opened:
                    opened.read(1)
            except OSError as error:
                raise OSError(f"The checkpoint cannot be read ({error.strerror}). Received: {file}") from None

    def clear(self, after: int | None = None) -> None:
        """Deletes what a killed or failed save left behind, and checkpoints after a step."""
        for step in self.steps():
            if after is not None and step > after:
                self._delete(step)
        shutil.rmtree(self.folder / _PARTIAL, ignore_errors=True)
        whole = {f"step-{step}" for step in self.steps()}
        for path in self.folder.glob("*"):
            orphan = re.fullmatch(r"(step-\d+)\.data-.*", path.name)
            if ".tmp-" in path.name or (orphan and orphan[1] not in whole):
                path.unlink(missing_ok=True)

    def _delete(self, step: int) -> None:
        """The index first: what is left of a checkpoint without one is nobody's."""
        prefix = self.path(step).name
        for path in sorted(self.folder.glob(f"{prefix}.*"), key=lambda path: path.suffix != ".index"):
            path.unlink(missing_ok=True)

    def _list(self, steps: list[int]) -> None:
        """The file by which `tf.train.latest_checkpoint` finds them; we look at the folder itself."""
        names = [self.path(step).name for step in steps]
        lines = [f'model_checkpoint_path: "{names[-1]}"', *(f'all_model_checkpoint_paths: "{name}"' for name in names)]
        write_text(self.folder / "checkpoint", "".join(line + "\n" for line in lines))


@contextlib.contextmanager
def _without_remarks() -> Iterator[None]:
    """TensorFlow names every variable of a checkpoint that it could not read to the end, hundreds of lines."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        gc.collect()  # the remarks come when what was begun is thrown away
        logger.setLevel(level)


def steps_in(folder: Path) -> list[int]:
    """Of the checkpoints in a folder, lowest first. An index is renamed into place last, so all else is there."""
    found = (re.fullmatch(r"step-(\d+)\.index", path.name) for path in folder.glob("step-*.index"))
    return sorted(int(match[1]) for match in found if match)


class Best:
    """The one checkpoint with the highest top-1 on a validation split."""

    def __init__(self, work_dir: Path, model: keras.Model):
        self._checkpoints = Checkpoints(work_dir, model, keep=1, folder=BEST)
        self._result = self._checkpoints.folder / _BEST_RESULT

    def offer(self, step: int, top1: float) -> bool:
        """Keeps the weights as they are now if they are better than the best so far; whether they were."""
        self._checkpoints.clear()
        best = -1.0
        with contextlib.suppress(ValueError):  # none yet
            known = read_json(self._result)
            best = known["top1"] if known["step"] in self._checkpoints.steps() else best
        if top1 <= best:
            return False
        self._checkpoints.save(step)
        write_json(self._result, dict(step=step, top1=top1))
        return True

"""What a work_dir holds of a run: its configuration and its newest checkpoints."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from ..files import read_json, write_json
from ..networks import build_model
from ..weights import Preprocessing
from ..weights.own import attach
from .recipes import Recipe

CONFIG = "config.json"
_FOLDER = "checkpoints"


class Run(NamedTuple):
    """The configuration of a run: all that is needed to build its network and to feed it."""

    recipe: Recipe
    classes: tuple[str, ...]
    frame_size: tuple[int, int] | int  # rows and columns, or the shorter side, that frames are resized to


def check_run(work_dir: Path, run: Run) -> None:
    """Refuses a work_dir that holds another run's checkpoints.

    Raises:
        ValueError: with the fields that differ.
    """
    if not _has_checkpoint(work_dir):
        return
    before, now = _flat(read_run(work_dir)), _flat(run)
    if differing := [f"{key} {before[key]!r}, now {now[key]!r}" for key in now if before[key] != now[key]]:
        raise ValueError(
            f"{work_dir} holds a run of another configuration: {'; '.join(differing)}. Name another work_dir, or "
            "delete this one."
        )


def claim_run(work_dir: Path, run: Run, details: Mapping) -> None:
    """Writes the configuration of a run with some details, unless checkpoints of it are there already."""
    path = work_dir / CONFIG
    if _has_checkpoint(work_dir):
        return
    work_dir.mkdir(parents=True, exist_ok=True)
    write_json(
        path, dict(recipe=dataclasses.asdict(run.recipe), classes=run.classes, frame_size=run.frame_size) | details
    )


def read_run(work_dir: Path) -> Run:
    """The run that a work_dir holds.

    Raises:
        ValueError: it holds none.
    """
    path = work_dir / CONFIG
    if not path.exists():
        raise ValueError(f"No training run: {path} is missing; name the work_dir of scripts/train.py.")
    config = read_json(path)
    try:
        fields = {key: tuple(v) if isinstance(v, list) else v for key, v in config["recipe"].items()}
        size = config["frame_size"]
        return Run(Recipe(**fields), tuple(config["classes"]), size if isinstance(size, int) else tuple(size))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no configuration of a training run of this version: {error}") from None


def build(run: Run) -> keras.Model:
    """The run's network with fresh weights."""
    r = run.recipe
    keras.utils.set_random_seed(r.seed)
    return build_model(r.network, len(run.classes), width=r.width, dropout=r.dropout, norm_momentum=r.norm_momentum)


def load_model(work_dir: Path) -> tuple[keras.Model, Run, int]:
    """The network of a work_dir with the weights of its newest checkpoint, the run, and the checkpoint's step.

    The model carries its `preprocessing`, as one from `s3d_tf.load_pretrained` does.

    Raises:
        ValueError: no run, or no checkpoint yet.
    """
    run = read_run(work_dir)
    model = build(run)
    step = Checkpoints(work_dir, model).restore()
    if step is None:
        raise ValueError(f"No checkpoint in {work_dir / _FOLDER} yet; train first.")
    attach(model, preprocessing(run))
    return model, run, step


def preprocessing(run: Run) -> Preprocessing:
    """What a run's clips go through, for its weights' other users."""
    r = run.recipe
    return Preprocessing(resize=run.frame_size, crop=r.crop, min_frames=r.num_frames, labels=run.classes)


class Checkpoints:
    """The newest checkpoints of a work_dir, by variable name, so that they outlive changes of our classes.

    Args:
        work_dir: they lie in its folder `checkpoints`.
        model: the network.
        optimizer: built; None to load the network alone.
        keep: how many of the newest stay.
    """

    def __init__(
        self, work_dir: Path, model: keras.Model, optimizer: keras.optimizers.Optimizer | None = None, keep: int = 3
    ):
        seed = re.compile(r"^seed_generator(_\d+)?/")  # the dropout's; Keras numbers it by the models made before
        self._variables = {v.path: v.value for v in model.variables if not seed.match(v.path)}
        if optimizer is not None:
            self._variables |= {seed.sub("dropout/", v.path): v.value for v in model.variables if seed.match(v.path)}
            self._variables |= {f"optimizer/{v.path}": v.value for v in optimizer.variables}
        self._checkpoint = tf.train.Checkpoint(variables=self._variables)
        self._partial = optimizer is None
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(work_dir / _FOLDER), max_to_keep=keep, checkpoint_name="step"
        )

    def save(self, step: int) -> Path:
        """Writes a checkpoint under a temporary name, renames it, and drops the oldest."""
        try:
            return Path(self._manager.save(checkpoint_number=step))
        except tf.errors.OpError as error:
            raise OSError(f"Cannot write a checkpoint: {error.message}") from None

    def restore(self) -> int | None:
        """Loads the newest checkpoint; its step, or None when there is none."""
        newest = self._manager.latest_checkpoint
        if newest is None:
            return None
        try:
            status = self._checkpoint.restore(newest)
            status.assert_existing_objects_matched()
            if self._partial:
                status.expect_partial()
            else:
                status.assert_consumed()
        except (tf.errors.OpError, AssertionError, ValueError, IndexError) as error:
            raise ValueError(
                f"The checkpoint {newest} does not fit or is damaged: {str(error).splitlines()[0]}"
            ) from None
        return int(os.path.basename(newest).rpartition("-")[2])


def _has_checkpoint(work_dir: Path) -> bool:
    return (work_dir / CONFIG).exists() and any((work_dir / _FOLDER).glob("step-*.index"))


def _flat(run: Run) -> dict:
    return {**dataclasses.asdict(run.recipe), "classes": run.classes, "frame_size": run.frame_size}

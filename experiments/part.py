"""A part of an experiment: one network, trained once, and measured on the split "val". Experiments share parts.

A part's folder is a work_dir of scripts/train.py: `config.json`, `metrics.jsonl`, `result.json` and the checkpoint,
with `evaluation_val.json` and `evaluation_val_reversed.json` beside them as scripts/evaluate.py writes them. Sets whose
official lists name no "val" are measured on "test".
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from s3d_tf.data.manifest import MANIFEST
from s3d_tf.data.split import open_split
from s3d_tf.files import read_json, write_json
from s3d_tf.training import checkpoints, devices, run
from s3d_tf.training.evaluate import evaluate
from s3d_tf.training.recipes import Recipe
from s3d_tf.training.stopping import StoppedError

FORWARDS, BACKWARDS = "forwards", "backwards"
CLASSIFIED = ("top1", "top5", "mean_class_accuracy", "num_videos", "chance", "protocol", "damaged")
"""What the line of a part in `metrics.jsonl` says of an evaluation."""

EVALUATIONS = {FORWARDS: "evaluation_{}.json", BACKWARDS: "evaluation_{}_reversed.json"}  # of a split


@dataclasses.dataclass(frozen=True)
class Part:
    """What is trained and on what; all of it but the replicas decides the numbers.

    Attributes:
        recipe: see `s3d_tf.training.recipes.Recipe`; its `weights` stay empty with `begins_from`.
        records: a folder that preparation has written.
        begins_from: the part whose weights are the start of this one (inflation, transfer).
        num_replicas: devices that share a batch; None for all.
        eval_batch: videos that are evaluated at once, over all replicas; it does not change the numbers.
        split: on which it is measured.
    """

    recipe: Recipe
    records: Path
    begins_from: Part | None = None
    num_replicas: int | None = None
    eval_batch: int | None = None
    split: str = "val"

    told: ClassVar = CLASSIFIED

    @property
    def needs(self) -> tuple[Part, ...]:
        """The parts that must be trained before it."""
        return (self.begins_from,) if self.begins_from else ()

    @property
    def key(self) -> str:
        """The name of its folder: network, data, seed, and a hash of everything that decides the numbers."""
        recipe = self.recipe
        begins = self.begins_from.key if self.begins_from else None
        decides = dict(recipe=dataclasses.asdict(recipe), data=fingerprint(self.records), begins_from=begins)
        words = [recipe.network or "follows", *recipe.network_changes, self.records.name, f"{recipe.steps}steps"]
        words += ["flow"] * (recipe.stream == "flow") + ["transfer"] * (begins is not None)
        return called([*words, f"seed{recipe.seed}"], decides)

    def folder(self, parts_dir: Path) -> Path:
        """Where it is kept among all parts."""
        return parts_dir / self.key

    def evaluation(self, parts_dir: Path, direction: str) -> Path:
        """Where its evaluation is kept."""
        return self.folder(parts_dir) / EVALUATIONS[direction].format(self.split)

    def is_trained(self, parts_dir: Path) -> bool:
        """Whether its training has come to its end."""
        return is_trained(self.folder(parts_dir), self.recipe.steps)

    def missing(self, parts_dir: Path, directions: tuple[str, ...]) -> list[str]:
        """Which of the directions have not been evaluated."""
        return [each for each in directions if not self.evaluation(parts_dir, each).exists()]

    def is_done(self, parts_dir: Path, directions: tuple[str, ...]) -> bool:
        """Whether nothing of it is left to do."""
        return self.is_trained(parts_dir) and not self.missing(parts_dir, directions)

    def read(self, parts_dir: Path, directions: tuple[str, ...]) -> dict:
        """`part`, `steps`, `seconds` (of the last session of its training) and what each direction gave.

        Raises:
            ValueError: a file is missing, or no JSON.
        """
        found = dict(part=self.key) | trained(self.folder(parts_dir))
        return found | {each: read_json(self.evaluation(parts_dir, each)) for each in directions}

    def measure(self, parts_dir: Path, directions: tuple[str, ...]) -> None:
        """See `measure`."""
        measure(self, parts_dir, directions)


def called(words: Sequence[str], decides: Mapping[str, Any]) -> str:
    """The name of a part's folder: some words, and a hash of everything that decides its numbers."""
    digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:8]
    return "-".join([*(re.sub(r"[^A-Za-z0-9_]+", "_", word) for word in words), digest])


def is_trained(folder: Path, steps: int) -> bool:
    """Whether a work_dir's training has come to its end."""
    with contextlib.suppress(ValueError):  # no such file yet
        return read_json(folder / run.RESULT)["step"] >= steps
    return False


def trained(folder: Path) -> dict:
    """`steps` and `seconds` (of the last session) of a work_dir's training.

    Raises:
        ValueError: it has not ended.
    """
    result = read_json(folder / run.RESULT)
    return dict(steps=result["step"], seconds=result["seconds_of_this_session"])


@functools.lru_cache
def fingerprint(records: Path) -> str:
    """A hash of the classes of a prepared set and of the bytes of its shards.

    Raises:
        ValueError: no prepared set.
    """
    manifest = read_json(records / MANIFEST)
    shards = {name: split["sha256"] for name, split in manifest["splits"].items()}
    content = json.dumps([manifest["classes"], manifest["dataset"], shards], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def measure(part: Part, parts_dir: Path, directions: tuple[str, ...]) -> None:
    """Trains a part and evaluates it; what is there already is not done again, and what was begun goes on.

    Raises:
        StoppedError: it was told to stop, and has saved.
        ValueError, OSError, FloatingPointError: as `s3d_tf.training.run.train` and `evaluate`.
    """
    folder = part.folder(parts_dir)
    strategy = devices.make_strategy(part.num_replicas)
    if not part.is_trained(parts_dir):
        pace = run.Pace(steps_per_call=min(10, part.recipe.steps), keep=1)
        result = run.train(_begun(part, parts_dir), part.records, folder, strategy, pace)
        if "stopped" in result:
            raise StoppedError
    missing = part.missing(parts_dir, directions)
    if not missing:
        return
    with strategy.scope():
        model, _, step = checkpoints.load_model(folder)
    split = open_split(part.records, part.split)
    for direction in missing:
        result, _ = evaluate(
            model,
            split,
            at_least=part.recipe.eval_frames,
            batch_size=part.eval_batch or strategy.num_replicas_in_sync,
            strategy=strategy,
            backwards=direction == BACKWARDS,
        )
        about = dict(network=model.name, weights=f"step {step}", split=part.split)
        write_json(part.evaluation(parts_dir, direction), about | result)


def _begun(part: Part, parts_dir: Path) -> Recipe:
    """The recipe, with the folder of the part whose weights it begins from."""
    if part.begins_from is None:
        return part.recipe
    return dataclasses.replace(part.recipe, weights=str(part.begins_from.folder(parts_dir)), width=0.0)

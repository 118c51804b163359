"""One training run of a detector: as a classifier's, with other data and another objective."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from ..data.pipeline import KEYS, check_flip, check_streams
from ..data.records import RGB_STREAM
from ..data.split import Split, open_split
from ..training.config import Run, describe_split
from ..training.run import Pace, Training
from . import examples, recipes
from .objective import Detection
from .recipes import DetectionRecipe
from .start import Start, start


def recorded(split: Split, recipe: DetectionRecipe, **share) -> tf.data.Dataset:
    """The batches of a recipe from records; see `examples.training_batches`."""
    return examples.training_batches(
        split,
        num_frames=recipe.num_frames,
        size=(recipe.rows, recipe.columns),
        flip=recipe.flip,
        seed=recipe.seed,
        streams=recipe.shown,
        **share,
    )


def train(
    recipe: DetectionRecipe,
    data_dir: Path,
    work_dir: Path,
    strategy: tf.distribute.Strategy,
    pace: Pace | None = None,
    batches: Callable[..., tf.data.Dataset] = recorded,
) -> dict:
    """Trains a detector; goes on from the newest checkpoint of work_dir.

    Writes what `s3d_tf.training.run.train` writes; `metrics.jsonl` has the four losses and the proposals' recall.

    Args:
        data_dir: a prepared data set, whose split "train" is trained on.
        batches: called with the split, the recipe, `damage` and what `Trainer.distribute` names, gives endless batches
            as `objective.Detection` takes them.

    Returns:
        What `result.json` holds; with `stopped`, the name of the signal, when it was told to stop before.

    Raises:
        ValueError: no such data, the work_dir holds another run, weights that do not fit, or a pace that cannot be
            kept.
        FloatingPointError: the loss became NaN or infinite; the last checkpoint stays.
        OSError: a full disk, or a worker that was lost.
    """
    split = open_split(data_dir, "train")
    return DetectionTraining(batches, recipe, split, Path(data_dir), Path(work_dir), strategy, pace or Pace()).run()


class DetectionTraining(Training):
    """A run of a detector.

    Args:
        make: the `batches` of `train`.
        others: see `Training`.
    """

    recipes = recipes.RECIPES
    of_short = "at the ends of a video its first and last frame are repeated"

    def __init__(self, make: Callable[..., tf.data.Dataset], *others):
        super().__init__(*others)
        self.make = make

    def check(self) -> None:
        check_streams(self.split, self.recipe.shown)
        check_flip(self.split, self.recipe.flip)
        if self.pace.evaluate_every:
            raise ValueError(
                "A detector is evaluated by scripts/evaluate_detector.py. Received: "
                f"evaluate_every={self.pace.evaluate_every}"
            )

    def begin(self, known: Run | None) -> Start:
        return start(self.recipe, self.split.classes, describe_split(self.split), known)

    def objective(self, begin: Start) -> Detection:
        return Detection(self.recipe)

    def doubts(self) -> list[str]:
        return recipes.doubts(self.recipe)

    def batches(self, **share) -> tf.data.Dataset:
        return self.make(self.split, self.recipe, damage=self.damage, **share)

    @property
    def shown(self) -> str:
        return KEYS[RGB_STREAM]

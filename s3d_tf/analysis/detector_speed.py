"""How long a detector takes for a clip, in detecting and in learning, on clips in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ..detection.detector import Detector
from ..detection.objective import Detection
from ..detection.recipes import DetectionRecipe
from ..detection.start import start
from ..training.optimizer import make_optimizer
from . import timing

DETECT, TRAIN = "detect", "train"


def measure(recipe: DetectionRecipe, num_classes: int, step: str, repeats: int) -> dict:
    """Times one kind of steps of `recipe.batch_size` clips of noise, each with two actors.

    Args:
        step: `DETECT` or `TRAIN`.
        repeats: steps after the first, which compiles.

    Returns:
        `first`, seconds of the first step; `seconds`, the median of the others; `parameters`.
    """
    detector = start(recipe, [str(number) for number in range(num_classes)], "noise").build()
    run = timing.timed(dict(detect=_detecting, train=_learning)[step](detector, _batch(recipe, num_classes)))
    first = run()
    seconds = [run() for _ in range(repeats)]
    return dict(first=first, seconds=float(np.median(seconds)), parameters=detector.count_params())


def _batch(recipe: DetectionRecipe, num_classes: int) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(0)
    shape = (recipe.batch_size, recipe.num_frames, recipe.rows, recipe.columns)
    actors = np.tile(np.float32([[0.2, 0.1, 0.8, 0.4], [0.1, 0.5, 0.9, 0.9]]), (recipe.batch_size, 1, 1))
    found = dict(clip=rng.integers(0, 256, (*shape, 3), np.uint8), flow=rng.integers(0, 256, (*shape, 2), np.uint8))
    found |= dict(boxes=actors, labels=rng.integers(0, num_classes, (recipe.batch_size, 2)).astype(np.int32))
    return {name: tf.constant(value) for name, value in found.items()}


def _detecting(detector: Detector, batch: dict[str, tf.Tensor]) -> Callable[[], object]:
    answer = tf.function(detector)
    return lambda: answer(batch)["count"].numpy()


def _learning(detector: Detector, batch: dict[str, tf.Tensor]) -> Callable[[], object]:
    optimizer, objective = make_optimizer(detector.recipe), Detection(detector.recipe)
    optimizer.build(detector.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss, _ = objective(detector, batch, tf.constant(0, tf.int64))
        optimizer.apply(tape.gradient(loss, detector.trainable_variables), detector.trainable_variables)
        return loss

    return lambda: step().numpy()

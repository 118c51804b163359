"""How much of a training step is the network's own: the loop on real records beside the bare step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ..data import clips
from ..data.pipeline import training_batches
from ..data.split import Split
from ..networks import build_model
from ..training.loop import Trainer
from ..training.optimizer import make_optimizer
from ..training.recipes import Recipe
from . import timing


def measure(recipe: Recipe, split: Split, strategy: tf.distribute.Strategy, repeats: int) -> dict:
    """Times steps of the loop, on clips from records, and of the bare network on clips in memory, in turn.

    Args:
        recipe: of one micro-batch a step.
        repeats: rounds after the first.

    Returns:
        `loop` and `bare`, median seconds a step; `overhead`, the median over the rounds of loop / bare - 1;
        `input_wait`, the median share of the loop's step.
    """
    shape = dict(num_classes=len(split.classes), width=recipe.width, dropout=recipe.dropout)
    trainer = Trainer(recipe, lambda: build_model(recipe.network, **shape), strategy)
    options = dict(num_frames=recipe.num_frames, crop=recipe.crop, flip=recipe.flip, seed=recipe.seed)
    iterator = trainer.distribute(lambda **share: training_batches(split, **options, **share))
    waits: list[float] = []

    def loop() -> None:
        waits.append(trainer.train(iterator, 1).input_wait)

    runs = dict(loop=timing.timed(loop), bare=timing.timed(bare_step(recipe, build_model(recipe.network, **shape))))
    seconds = timing.interleave(runs, repeats)
    return dict(
        loop=float(np.median(seconds["loop"])),
        bare=float(np.median(seconds["bare"])),
        overhead=timing.ratio(seconds, "loop", "bare") - 1,
        input_wait=float(np.median(waits[1:])),
    )


def bare_step(recipe: Recipe, model) -> Callable[[], float]:
    """Forward, backward and the optimizer's step of a network on the same clips again and again, and nothing else."""
    optimizer = make_optimizer(recipe)
    optimizer.build(model.trainable_variables)
    rng = np.random.default_rng(0)
    shape = (recipe.batch_size, recipe.num_frames, recipe.crop, recipe.crop, 3)
    clip = tf.constant(rng.integers(0, 256, shape, np.uint8))
    label = tf.constant(rng.integers(0, model.output_shape[-1], recipe.batch_size))

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            logits = model(clips.scale(clip), training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    return lambda: float(step())

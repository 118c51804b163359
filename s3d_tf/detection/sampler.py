"""Which of many anchors or proposals the losses look at: a few, and not nearly all of them background."""

from __future__ import annotations

import tensorflow as tf


def sample(positive: tf.Tensor, negative: tf.Tensor, size: int, share: float, seed: tf.Tensor) -> tf.Tensor:
    """A random balanced sample, as the Object Detection API's `BalancedPositiveNegativeSampler` takes it.

    Args:
        positive, negative: `[B, N]` bool, candidates of each kind.
        size: how many to take of each row.
        share: of `size`, the most that may be positive. What is missing of them is filled with negatives; where these
            are too few as well, the sample is smaller.
        seed: `[2]` integers; the same seed gives the same sample.

    Returns:
        `[B, N]` bool.
    """
    keys = tf.random.stateless_uniform(tf.shape(positive), seed)
    chosen = _first(positive, keys, int(size * share))
    rest = size - tf.reduce_sum(tf.cast(chosen, tf.int32), axis=1, keepdims=True)
    return chosen | _first(negative & ~positive, keys, rest)


def gather(chosen: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Numbers of the chosen in each row of `[B, N]` bool, in their order: `[B, min(size, N)]` int32, and which of them
    are chosen at all, bool (others fill up where there are too few)."""
    places = tf.argsort(tf.cast(~chosen, tf.int32), axis=1, stable=True)[:, :size]
    return places, tf.gather(chosen, places, batch_dims=1)


def _first(candidates: tf.Tensor, keys: tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
    """The `count` candidates of each row with the lowest keys."""
    order = tf.argsort(tf.where(candidates, keys, 2.0), axis=1)
    rank = tf.argsort(order, axis=1)
    return candidates & (rank < count)

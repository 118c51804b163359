"""The losses of Faster R-CNN as the Object Detection API has them, a number for each frame."""

from __future__ import annotations

import tensorflow as tf


def smooth_l1(predicted: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Half the square of a difference below 1, the difference less a half above, summed up over the last axis."""
    difference = tf.abs(predicted - wanted)
    return tf.reduce_sum(tf.where(difference < 1, 0.5 * difference**2, difference - 0.5), axis=-1)


def classification(logits: tf.Tensor, labels: tf.Tensor, sampled: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy, nats, of the sampled.

    Args:
        logits: `[B, N, C]` float32.
        labels: `[B, N]` int32.
        sampled: `[B, N]` bool.

    Returns:
        `[B]` float32; 0 where nothing was sampled.
    """
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return _mean(entropy, sampled, sampled)


def localisation(predicted: tf.Tensor, wanted: tf.Tensor, positive: tf.Tensor, sampled: tf.Tensor) -> tf.Tensor:
    """Smooth L1 of the deltas of those sampled that are positive, over the number of all sampled.

    Args:
        predicted, wanted: `[B, N, 4]` float32.
        positive, sampled: `[B, N]` bool.

    Returns:
        `[B]` float32.
    """
    return _mean(smooth_l1(predicted, wanted), positive & sampled, sampled)


def _mean(values: tf.Tensor, counted: tf.Tensor, sampled: tf.Tensor) -> tf.Tensor:
    total = tf.reduce_sum(tf.where(counted, values, 0.0), axis=1)
    return total / tf.maximum(tf.reduce_sum(tf.cast(sampled, tf.float32), axis=1), 1.0)

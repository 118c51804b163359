"""From what the second stage says of each proposal to detections: a class, a score and a box each."""

from __future__ import annotations

import tensorflow as tf

from . import boxes as box
from .proposals import suppress


def detections(
    scores: tf.Tensor,
    deltas: tf.Tensor,
    proposals: tf.Tensor,
    valid: tf.Tensor,
    size: tf.Tensor,
    *,
    least_score: float,
    threshold: float,
    each: int,
    most: int,
) -> dict[str, tf.Tensor]:
    """Non-maximum suppression of each class on its own, then the best of all classes.

    Args:
        scores: `[B, N, C]` float32 in [0, 1], without the background's.
        deltas: `[B, N, C, 4]` float32, of each class from the proposals.
        proposals: `[B, N, 4]` float32, pixels.
        valid: `[B, N]` bool, False where a proposal is padding.
        size: rows and columns of the frame, pixels.
        least_score: what scores no more is left out.
        threshold: a box that overlaps a better one of its class by more is suppressed.
        each: most detections of a class.
        most: most detections of a frame.

    Returns:
        `boxes` `[B, most, 4]` float32 in [0, 1], `scores` `[B, most]` float32 falling, `classes` `[B, most]` int32 and
        `count` `[B]` int32; after `count` of them boxes and scores are 0 and classes -1.
    """
    batch, number, classes = (tf.shape(scores)[axis] for axis in range(3))
    found = box.clip(box.decode(deltas, proposals[:, :, None]), size)
    found = tf.reshape(tf.transpose(found, [0, 2, 1, 3]), [batch * classes, number, 4])  # a class of a frame each
    alone = tf.where(valid[..., None] & (scores > least_score), scores, -1.0)
    alone = tf.reshape(tf.transpose(alone, [0, 2, 1]), [batch * classes, number])
    alone = tf.where(box.has_area(found), alone, -1.0)
    alone, order = tf.math.top_k(alone, number)
    kept = suppress(tf.gather(found, order, batch_dims=1), alone, threshold, tf.minimum(each, number))
    flat_scores = tf.reshape(tf.where(kept.valid, kept.scores, -1.0), [batch, -1])
    flat_boxes = tf.reshape(kept.boxes, [batch, -1, 4])
    fill = tf.maximum(most - tf.shape(flat_scores)[1], 0)
    flat_scores = tf.pad(flat_scores, [[0, 0], [0, fill]], constant_values=-1.0)
    flat_boxes = tf.pad(flat_boxes, [[0, 0], [0, fill], [0, 0]])
    best, place = tf.math.top_k(flat_scores, most)
    there = best > least_score
    shares = box.to_shares(tf.gather(flat_boxes, place, batch_dims=1), size)
    return dict(
        boxes=tf.where(there[..., None], shares, 0.0),
        scores=tf.where(there, best, 0.0),
        classes=tf.where(there, place // tf.minimum(each, number), -1),
        count=tf.reduce_sum(tf.cast(there, tf.int32), axis=1),
    )

"""From the proposal network's answer at every anchor to a few hundred boxes worth a closer look."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from . import boxes as box


class Proposals(NamedTuple):
    """The best boxes of each frame, best first."""

    boxes: tf.Tensor  # [B, count, 4] float32, pixels, within the frame; zeros where there are no more
    scores: tf.Tensor  # [B, count] float32, 0 there
    valid: tf.Tensor  # [B, count] bool


def propose(
    scores: tf.Tensor,
    deltas: tf.Tensor,
    anchors: tf.Tensor,
    size: tf.Tensor,
    *,
    before: int,
    threshold: float,
    count: int,
) -> Proposals:
    """Decodes, clips and thins out, as the API those that then have no area too; nothing is learnt through it.

    Args:
        scores: `[B, N]` float32, of being an object.
        deltas: `[B, N, 4]` float32, from the anchors.
        anchors: `[N, 4]` float32, pixels.
        size: rows and columns of the frame, pixels.
        before: the best so many go into the suppression. Of equal scores the first anchor counts.
        threshold: a box that overlaps a better one by more is suppressed.
        count: most boxes of a frame.
    """
    scores, deltas = tf.stop_gradient(scores), tf.stop_gradient(deltas)
    found = box.clip(box.decode(deltas, anchors), size)
    scores, best = tf.math.top_k(tf.where(box.has_area(found), scores, -1.0), tf.minimum(before, tf.shape(scores)[1]))
    return suppress(tf.gather(found, best, batch_dims=1), scores, threshold, count)


def suppress(boxes: tf.Tensor, scores: tf.Tensor, threshold: float, count: int) -> Proposals:
    """Non-maximum suppression of `[B, N, 4]` boxes with `[B, N]` scores that fall; a score below 0 is never valid."""
    count = tf.convert_to_tensor(count)
    kept, number = tf.image.non_max_suppression_padded(
        boxes,
        scores,
        count,
        iou_threshold=threshold,
        pad_to_max_output_size=True,
        sorted_input=True,
        canonicalized_coordinates=True,
    )
    scores = tf.gather(scores, kept, batch_dims=1)
    valid = tf.sequence_mask(number, count) & (scores >= 0)
    scores = tf.where(valid, scores, 0.0)
    return Proposals(tf.where(valid[..., None], tf.gather(boxes, kept, batch_dims=1), 0.0), scores, valid)

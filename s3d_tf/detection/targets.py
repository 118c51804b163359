"""What the losses want of anchors and of proposals: a class and deltas for each of those that were sampled."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from . import boxes as box
from .boxes import PADDING
from .matcher import BACKGROUND, match
from .recipes import DetectionRecipe
from .sampler import gather, sample


class Truth(NamedTuple):
    """The true boxes of a batch; one at least a frame, if only padding."""

    boxes: tf.Tensor  # [B, M, 4] float32, pixels
    labels: tf.Tensor  # [B, M] int32 from 0, -1 is padding

    @property
    def there(self) -> tf.Tensor:
        """`[B, M]` bool, False is padding."""
        return self.labels >= 0


class Targets(NamedTuple):
    """Of N anchors or proposals."""

    labels: tf.Tensor  # [B, N] int32, 0 is background
    deltas: tf.Tensor  # [B, N, 4] float32, meant where the label is not 0
    sampled: tf.Tensor  # [B, N] bool, what the losses look at

    @property
    def positive(self) -> tf.Tensor:
        """`[B, N]` bool."""
        return self.labels > 0


def truth(boxes: tf.Tensor, labels: tf.Tensor, size: tf.Tensor) -> Truth:
    """From a batch: `[B, M, 4]` float32 in [0, 1] and `[B, M]` int32, of frames of `size` (rows, columns)."""
    boxes = tf.pad(boxes, [[0, 0], [0, 1], [0, 0]])  # so that there is one to look at
    labels = tf.pad(tf.cast(labels, tf.int32), [[0, 0], [0, 1]], constant_values=PADDING)
    return Truth(box.to_pixels(boxes, size), labels)


def of_anchors(anchors: tf.Tensor, used: tf.Tensor, true: Truth, recipe: DetectionRecipe, seed: tf.Tensor) -> Targets:
    """Object or not, of `[N, 4]` anchors, pixels, of which `used` `[N]` bool may be learnt from."""
    matches = match(
        box.iou(anchors, true.boxes),
        true.there,
        positive=recipe.anchor_positive,
        negative=recipe.anchor_negative,
        force=True,
        candidates=used,
    )
    sampled = sample(matches >= 0, matches == BACKGROUND, recipe.anchor_sample, recipe.anchor_share, seed)
    return Targets(tf.cast(matches >= 0, tf.int32), _deltas(anchors, true, matches), sampled)


def of_proposals(
    proposals: tf.Tensor, valid: tf.Tensor, true: Truth, recipe: DetectionRecipe, seed: tf.Tensor
) -> tuple[tf.Tensor, Targets]:
    """A sample of `[B, P, 4]` proposals, pixels, those that are `valid` `[B, P]` bool, and the classes they are of.

    Returns:
        `[B, N, 4]` boxes, N being `recipe.proposal_sample`, or P where there are fewer, and their targets; a label is
        1 + that of the true box.
    """
    if recipe.add_true_boxes:
        proposals = tf.concat([proposals, true.boxes], axis=1)
        valid = tf.concat([valid, true.there], axis=1)
    threshold = recipe.proposal_positive
    overlaps = box.iou(proposals, true.boxes)
    matches = match(overlaps, true.there, positive=threshold, negative=threshold, candidates=valid)
    chosen = sample(matches >= 0, matches == BACKGROUND, recipe.proposal_sample, recipe.proposal_share, seed)
    places, sampled = gather(chosen, recipe.proposal_sample)
    proposals, matches = (tf.gather(values, places, batch_dims=1) for values in (proposals, matches))
    labels = tf.gather(true.labels, tf.maximum(matches, 0), batch_dims=1)
    labels = tf.where(matches >= 0, labels + 1, 0)
    return proposals, Targets(labels, _deltas(proposals, true, matches), sampled)


def recall(proposals: tf.Tensor, true: Truth, threshold: float = 0.5) -> tf.Tensor:
    """Share of the true boxes of each frame that a proposal overlaps by `threshold`, `[B]`; 1 where there are none."""
    found = (tf.reduce_max(box.iou(proposals, true.boxes), axis=1) >= threshold) & true.there
    found, number = (tf.reduce_sum(tf.cast(values, tf.float32), axis=1) for values in (found, true.there))
    return tf.where(number > 0, found / tf.maximum(number, 1.0), 1.0)


def _deltas(anchors: tf.Tensor, true: Truth, matches: tf.Tensor) -> tf.Tensor:
    return box.encode(tf.gather(true.boxes, tf.maximum(matches, 0), batch_dims=1), anchors)

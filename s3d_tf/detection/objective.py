"""What a detector is trained for: the four losses of Faster R-CNN at once, over both networks (section 5.3)."""

from __future__ import annotations

import tensorflow as tf

from ..data.pipeline import Batch
from . import boxes as box
from . import losses, targets
from .anchors import inside
from .detector import Detector, check_truth, clip_keys
from .recipes import DetectionRecipe


class Detection:
    """An `Objective` (`s3d_tf.training.objective`) of batches with `boxes` and `labels`.

    Args:
        recipe: see `DetectionRecipe`.
    """

    measures = ("objectness", "anchor_boxes", "classes", "boxes", "recall")

    def __init__(self, recipe: DetectionRecipe):
        self.recipe, self.keys = recipe, (*clip_keys(recipe), "boxes", "labels")

    def __call__(self, model: Detector, batch: Batch, number: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The losses with their weights; `recall` is that of the proposals at an overlap of 0.5.

        Args:
            batch: clips as `Detector.call` takes them, `boxes` `[B, M, 4]` float32 in [0, 1], `labels` `[B, M]` int32
                from 0, -1 where a box is padding. A frame without boxes is background.

        Raises:
            ValueError: shapes or types that are none of these.
        """
        model.check(batch)
        check_truth(batch["boxes"], batch["labels"])
        recipe, size = self.recipe, tf.shape(batch["clip"])[2:4]
        seeds = tf.unstack(
            tf.random.experimental.stateless_split(tf.stack([tf.cast(recipe.seed, tf.int64), number]), 2)
        )
        true = targets.truth(batch["boxes"], batch["labels"], size)

        first = model.first_stage(batch["clip"], training=True)
        used = inside(first.anchors, size) | recipe.outside_anchors
        wanted = targets.of_anchors(first.anchors, used, true, recipe, seeds[0])
        objectness = losses.classification(first.logits, wanted.labels, wanted.sampled)
        anchor_boxes = losses.localisation(first.deltas, wanted.deltas, wanted.positive, wanted.sampled)

        proposed = model.propose(first, size)
        sample, wanted = targets.of_proposals(proposed.boxes, proposed.valid, true, recipe, seeds[1])
        second = model.second_stage(model.maps(batch, training=True), box.to_shares(sample, size), training=True)
        places = tf.maximum(wanted.labels - 1, 0)
        classes, boxes = [], []
        for logits, deltas in zip(tf.unstack(second.logits), tf.unstack(second.deltas), strict=True):
            classes.append(losses.classification(logits, wanted.labels, wanted.sampled))
            own = tf.gather(deltas, places, batch_dims=2)  # each proposal's box of its true class
            boxes.append(losses.localisation(own, wanted.deltas, wanted.positive, wanted.sampled))
        classes, boxes = (tf.add_n(each) / len(each) for each in (classes, boxes))

        total = recipe.objectness_weight * objectness + recipe.anchor_box_weight * anchor_boxes
        total += recipe.class_weight * classes + recipe.box_weight * boxes
        measures = (objectness, anchor_boxes, classes, boxes, targets.recall(proposed.boxes, true))
        return tf.reduce_sum(total), [tf.reduce_sum(values) for values in measures]

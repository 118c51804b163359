"""Boxes: `[ymin, xmin, ymax, xmax]` floats. Their overlap, and their differences from anchors as numbers to learn.

Inside of the detector boxes are in pixels: Keras adds 1e-7 to a union, which is not little beside that of boxes in
[0, 1].
"""

from __future__ import annotations

import keras
import tensorflow as tf

_CORNERS = dict(anchor_format="yxyx", box_format="yxyx")
PADDING = -1
"""Label of a box that is none."""

VARIANCE = (0.1, 0.1, 0.2, 0.2)
"""Deltas are divided by it: the scale factors 10, 10, 5, 5 of the Object Detection API's box coder."""


def iou(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Intersection over union, `[B, N, 4]` and `[B, M, 4]` (or without B) in pixels -> `[B, N, M]`.

    A box without area has none with anything.
    """
    return keras.utils.bounding_boxes.compute_iou(boxes, others, "yxyx")


def encode(boxes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
    """What turns anchors into boxes, both `[..., 4]`: `(y - ya) / ha, (x - xa) / wa, log(h / ha), log(w / wa)` of their
    centres and sizes, over `VARIANCE`."""
    return keras.utils.bounding_boxes.encode_box_to_deltas(anchors, boxes, **_CORNERS, variance=VARIANCE)


def decode(deltas: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
    """The inverse of `encode`."""
    return keras.utils.bounding_boxes.decode_deltas_to_boxes(anchors, deltas, **_CORNERS, variance=VARIANCE)


def clip(boxes: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Boxes `[..., 4]` cut off at the border of a frame of `size` (rows, columns)."""
    return tf.clip_by_value(boxes, 0.0, corners(size))


def has_area(boxes: tf.Tensor) -> tf.Tensor:
    """Which of `[..., 4]` boxes have a height and a width, `[...]` bool; those outside of a frame lose it in `clip`."""
    return tf.reduce_all(boxes[..., 2:] > boxes[..., :2], axis=-1)


def to_pixels(boxes: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Boxes `[..., 4]` in [0, 1] as pixels of a frame of `size` (rows, columns)."""
    return boxes * corners(size)


def to_shares(boxes: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """The inverse of `to_pixels`."""
    return boxes / corners(size)


def corners(size: tf.Tensor) -> tf.Tensor:
    """`(rows, columns)` -> `[4]` float32 (rows, columns, rows, columns): the largest box."""
    return tf.tile(tf.cast(size, tf.float32), [2])

"""Anchors: the boxes that a proposal network starts from, the same few at every place of its feature map."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def grid(
    rows: int | tf.Tensor,
    columns: int | tf.Tensor,
    *,
    scales: Sequence[float],
    ratios: Sequence[float],
    base: float,
    stride: float,
    offset: float = 0.0,
) -> tf.Tensor:
    """Anchors around the places of a feature map, as the Object Detection API's grid anchor generator makes them.

    Args:
        rows, columns: of the feature map.
        scales: an anchor's area is `(scale * base) ** 2`.
        ratios: width over height.
        base: side of the anchor of scale 1, pixels.
        stride: pixels between two places.
        offset: of the first place's centre from the frame's corner, pixels.

    Returns:
        `[rows * columns * ratios * scales, 4]` float32, pixels, in that order, scales fastest. They reach past the
        frame.
    """
    roots = tf.sqrt(tf.constant(ratios, tf.float32))[:, None]
    sides = tf.constant(scales, tf.float32)[None] * base
    sizes = tf.reshape(tf.stack([sides / roots, sides * roots], axis=-1), [-1, 2])  # [ratios * scales, 2]
    y, x = (tf.range(count, dtype=tf.int32) for count in (rows, columns))
    places = tf.cast(tf.stack(tf.meshgrid(y, x, indexing="ij"), axis=-1), tf.float32)  # [rows, columns, 2]
    centres = (places * stride + offset)[:, :, None]
    return tf.reshape(tf.concat([centres - sizes / 2, centres + sizes / 2], axis=-1), [-1, 4])


def inside(anchors: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Which of `[N, 4]` anchors lie wholly in a frame of `size` (rows, columns), `[N]` bool."""
    bottom_right = tf.cast(size, tf.float32)
    return tf.reduce_all(anchors[:, :2] >= 0, axis=1) & tf.reduce_all(anchors[:, 2:] <= bottom_right, axis=1)

"""ROI pooling over time: what a video network saw inside of a box, the same box in every frame."""

from __future__ import annotations

import tensorflow as tf


def pool(features: tf.Tensor, boxes: tf.Tensor, crop: int, cell: int) -> tf.Tensor:
    """Crops boxes out of feature maps, resizes them bilinearly and max-pools what came out.

    Gu et al. 2018 extend ROI pooling to 3D in this way: the 2D one, at the same place over all time steps.

    Args:
        features: `[B, T, H, W, C]` floats.
        boxes: `[B, N, 4]` float32, in [0, 1] of the frame; 0 is the centre of the first place and 1 of the last.
        crop: side of a resized crop.
        cell: side and stride of the max-pool.

    Returns:
        `[B * N, T, crop / cell, crop / cell, C]`, the boxes of the first frame first.
    """
    batch, frames, height, width, channels = (_size(features, axis) for axis in range(5))
    number = _size(boxes, 1)
    flat = tf.reshape(tf.transpose(features, [0, 2, 3, 1, 4]), [batch, height, width, frames * channels])
    owners = tf.repeat(tf.range(batch), number)
    crops = tf.image.crop_and_resize(flat, tf.reshape(boxes, [-1, 4]), owners, [crop, crop])
    cells = tf.nn.max_pool2d(crops, cell, cell, "VALID")
    side = crop // cell
    pooled = tf.reshape(cells, [-1, side, side, frames, channels])
    return tf.transpose(pooled, [0, 3, 1, 2, 4])


def _size(tensor: tf.Tensor, axis: int) -> int | tf.Tensor:
    return tensor.shape[axis] or tf.shape(tensor)[axis]

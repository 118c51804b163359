"""The two ends of a network: blocks of pixels into channels before its stem, the pool of its head."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("s3d_tf")
class HeadPool(keras.Layer):
    """Mean over space, then over every two neighbouring frames: `[B, T, H, W, C]` -> `[B, max(T - 1, 1), 1, 1, C]`.

    At 224x224 this is the authors' [2, 7, 7] average pool with stride 1, clipped to the map; here for any size.
    """

    def call(self, inputs):
        x = ops.mean(inputs, axis=(2, 3), keepdims=True)
        num_frames = ops.shape(x)[1]
        rest = num_frames * (1 - 1 // num_frames)  # a single frame has no neighbour and stays: x[:, 0:], else x[:, T:]
        return ops.concatenate([(x[:, :-1] + x[:, 1:]) / 2, x[:, rest:]], axis=1)

    def compute_output_shape(self, input_shape):
        batch, num_frames, _, _, channels = input_shape
        return (batch, None if num_frames is None else max(num_frames - 1, 1), 1, 1, channels)


@keras.saving.register_keras_serializable("s3d_tf")
class SpaceToDepth(keras.Layer):
    """Blocks of 2x2x2 pixels become channels: `[B, T, H, W, C]` -> `[B, T/2, H/2, W/2, 8 C]`, frames slowest.

    An odd length gets a zero at its end (MIL-NCE's code refuses it).
    """

    def call(self, inputs):
        channels = inputs.shape[-1]
        _, *sizes, _ = ops.shape(inputs)
        x = ops.pad(inputs, ((0, 0), *((0, size % 2) for size in sizes), (0, 0)))
        t, h, w = ((size + 1) // 2 for size in sizes)
        x = ops.reshape(x, (-1, t, 2, h, 2, w, 2, channels))
        x = ops.transpose(x, (0, 1, 3, 5, 2, 4, 6, 7))  # [B, T/2, H/2, W/2, 2, 2, 2, C]
        return ops.reshape(x, (-1, t, h, w, 8 * channels))

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        return (batch, *(None if size is None else (size + 1) // 2 for size in sizes), 8 * channels)

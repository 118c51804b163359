"""Max-pooling over frames, rows and columns whose gradient goes to one of several equal maxima, on every backend.

TensorFlow's `MaxPool3DGrad` on the CPU gives the whole gradient to each of them, unless oneDNN has taken its place,
which it does in most graphs, but not always and never eagerly. Equal maxima are the rule in these networks, where pools
overlap and follow one another: the gradient of Conv2d_1a_7x7 was found up to 50 times too long.
"""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("s3d_tf")
class SpatioTemporalMaxPool(keras.Layer):
    """The maximum of each window: `[B, T, H, W, C]` -> `[B, T', H', W', C]`; first over space in 2D, then over time.

    Args:
        kernel, strides: of frames, rows and columns.
        padding: "same" (TensorFlow's; what is outside of the clip counts for nothing) or "valid".
    """

    def __init__(self, kernel: tuple[int, int, int], strides: tuple[int, int, int], padding: str = "same", **kwargs):
        super().__init__(**kwargs)
        self.kernel, self.strides, self.padding = tuple(kernel), tuple(strides), padding

    def call(self, inputs):
        num_frames, height, width = ops.shape(inputs)[1:4]
        x, channels = inputs, inputs.shape[-1]
        if self.kernel[1:] != (1, 1) or self.strides[1:] != (1, 1):
            x = ops.reshape(x, (-1, height, width, channels))
            x = ops.max_pool(x, self.kernel[1:], self.strides[1:], self.padding, data_format="channels_last")
            height, width = ops.shape(x)[1:3]
        if self.kernel[0] > 1 or self.strides[0] > 1:
            x = ops.reshape(x, (-1, num_frames, height * width, channels))
            x = ops.max_pool(x, (self.kernel[0], 1), (self.strides[0], 1), self.padding, data_format="channels_last")
            num_frames = ops.shape(x)[1]
        return ops.reshape(x, (-1, num_frames, height, width, channels))

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        lengths = (
            None if size is None else -(-size // step) if self.padding == "same" else (size - taps) // step + 1
            for size, taps, step in zip(sizes, self.kernel, self.strides, strict=True)
        )
        return (batch, *lengths, channels)

    def get_config(self):
        return {**super().get_config(), "kernel": self.kernel, "strides": self.strides, "padding": self.padding}

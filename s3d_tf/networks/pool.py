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
    """The maximum of each window: `[B, T, H, W, C]` -> `[B, T', H', W', C]`; first over space, then over time.

    Args:
        kernel, strides: of frames, rows and columns.
        padding: "same" (TensorFlow's; what is outside of the clip counts for nothing) or "valid".
    """

    def __init__(self, kernel: tuple[int, int, int], strides: tuple[int, int, int], padding: str = "same", **kwargs):
        super().__init__(**kwargs)
        self.kernel, self.strides, self.padding = tuple(kernel), tuple(strides), padding

    def call(self, inputs):
        num_frames, height, width = ops.shape(inputs)[1:4]
        x = ops.reshape(inputs, (-1, height, width, inputs.shape[-1]))  # [B T, H, W, C]
        x = ops.max_pool(x, self.kernel[1:], self.strides[1:], self.padding, data_format="channels_last")
        height, width = ops.shape(x)[1:3]
        x = ops.reshape(x, (-1, num_frames, height, width, inputs.shape[-1]))
        return self._over_time(x, num_frames)

    def _over_time(self, x, num_frames):
        taps, step = self.kernel[0], self.strides[0]
        if taps == 1:
            return x[:, ::step] if step > 1 else x
        if self.padding == "same":
            count = (num_frames + step - 1) // step
            lacking = (count - 1) * step + taps - num_frames  # may be negative: the last frames are not seen
            lacking = lacking * (lacking > 0) if isinstance(lacking, int) else ops.maximum(lacking, 0)
            before, after = lacking // 2, lacking - lacking // 2
            # The frame at the border again: it is in that window anyway, so the maximum stays.
            first, last = ops.repeat(x[:, :1], taps - 1, axis=1), ops.repeat(x[:, -1:], taps - 1, axis=1)
            x = ops.concatenate([first[:, taps - 1 - before :], x, last[:, :after]], axis=1)
        else:
            count = (num_frames - taps) // step + 1
        largest = x[:, : (count - 1) * step + 1 : step]
        for tap in range(1, taps):
            largest = ops.maximum(largest, x[:, tap : tap + (count - 1) * step + 1 : step])
        return largest

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        lengths = (
            None if size is None else -(-size // step) if self.padding == "same" else (size - taps) // step + 1
            for size, taps, step in zip(sizes, self.kernel, self.strides, strict=True)
        )
        return (batch, *lengths, channels)

    def get_config(self):
        return {**super().get_config(), "kernel": self.kernel, "strides": self.strides, "padding": self.padding}

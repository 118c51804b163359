"""What a network takes: a clip that is a float and large enough, looked at before the first layer."""

from __future__ import annotations

import keras

MIN_FRAMES, MIN_PIXELS = 8, 32  # what a temporal stride of 8 and a spatial one of 32 leave one of


@keras.saving.register_keras_serializable("s3d_tf")
class ClipModel(keras.Model):
    """A functional model of `[B, T, H, W, C]` floats that refuses what Keras would cast or pad in silence.

    Only what is known when it is called is looked at, of a traced call the static shape; no op is added.

    Raises:
        ValueError: on call, pixels that are integers (a network sees scaled floats), another rank, or a clip that is
            too small.
    """

    def __call__(self, inputs, *args, **kwargs):
        for clip in keras.tree.flatten(inputs):  # Keras takes {"clip": clip} and [clip] too
            check_clip(clip)
        return super().__call__(inputs, *args, **kwargs)


def check_clip(clip) -> None:
    """Raises a ValueError for a tensor or array of integers, of another rank, or less than 8 frames of 32x32 pixels."""
    shape, dtype = getattr(clip, "shape", None), getattr(clip, "dtype", None)
    name = "" if dtype is None else keras.backend.standardize_dtype(dtype)
    if name.startswith(("int", "uint", "bool")):
        raise ValueError(f"A clip is floats, scaled as the weights' preprocessing says. Received: dtype={name}")
    if shape is not None:
        if len(shape) != 5:
            raise ValueError(f"A clip is [batch, frames, rows, columns, channels]. Received: shape={tuple(shape)!r}")
        check_size(tuple(shape)[1:], f"shape={tuple(shape)!r}")


def check_size(shape: tuple, received: str) -> None:
    """Raises a ValueError, ending with `received`, for too small a `(frames, rows, columns)`; None is any."""
    for size, least in zip(shape, (MIN_FRAMES, MIN_PIXELS, MIN_PIXELS), strict=False):
        if size is not None and size < least:
            raise ValueError(
                f"A clip needs at least {MIN_FRAMES} frames of {MIN_PIXELS}x{MIN_PIXELS} pixels. Received: {received}"
            )

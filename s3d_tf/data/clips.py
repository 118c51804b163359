"""Pure tensor functions with explicit seeds: choose frames, decode only those, crop, flip, scale.

A seed is `[2]` int32; the same seed gives the same clip, whatever ran before.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def random_clip(num_available: tf.Tensor, num_frames: int, seed: tf.Tensor) -> tf.Tensor:
    """Indices `[num_frames]` int32 of consecutive frames at a random start; shorter videos are looped."""
    num_starts = tf.maximum(num_available - num_frames, 0) + 1
    start = tf.random.stateless_uniform([], seed, 0, num_starts, tf.int32)
    return (start + tf.range(num_frames)) % num_available


def all_frames(num_available: tf.Tensor, at_least: int, backwards: bool = False) -> tf.Tensor:
    """Indices `[max(num_available, at_least)]` int32 of every frame in order; shorter videos are looped."""
    indices = tf.range(tf.maximum(num_available, at_least)) % num_available
    return num_available - 1 - indices if backwards else indices


def random_box(height: tf.Tensor, width: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
    """A random `crop` x `crop` box as `[4]` int32: top, left, height, width."""
    room = tf.cast(tf.stack([height - crop + 1, width - crop + 1]), tf.float32)
    top, left = tf.unstack(tf.cast(tf.random.stateless_uniform([2], seed) * room, tf.int32))
    return tf.stack([top, left, crop, crop])


def centre_box(height: tf.Tensor, width: tf.Tensor, crop: int) -> tf.Tensor:
    """The middle `crop` x `crop` box as `[4]` int32: top, left, height, width."""
    return tf.stack([(height - crop) // 2, (width - crop) // 2, crop, crop])


def jpeg_size(jpeg: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`(height, width)` in pixels from the header alone."""
    shape = tf.io.extract_jpeg_shape(jpeg)
    return shape[0], shape[1]


def decode(jpegs: tf.Tensor, box: tf.Tensor, crop: int) -> tf.Tensor:
    """JPEGs `[T]` -> RGB `[T, crop, crop, 3]` uint8; only what lies inside `box` is decoded."""
    frames = tf.map_fn(
        lambda jpeg: tf.image.decode_and_crop_jpeg(jpeg, box, channels=3, dct_method="INTEGER_ACCURATE"),
        jpegs,
        fn_output_signature=tf.TensorSpec([crop, crop, 3], tf.uint8),
    )
    return tf.ensure_shape(frames, [None, crop, crop, 3])


def random_flip(clip: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirrors the whole clip left to right, or not."""
    return tf.cond(tf.random.stateless_uniform([], seed) < 0.5, lambda: tf.reverse(clip, [2]), lambda: clip)


def scale(
    clip: tf.Tensor, factors: Sequence[float] = (2 / 255,) * 3, offsets: Sequence[float] = (-1.0,) * 3
) -> tf.Tensor:
    """uint8 in [0, 255] -> float32, by a factor and then an offset a channel; [-1, 1] by default."""
    return tf.cast(clip, tf.float32) * tf.constant(factors) + tf.constant(offsets)


def target_size(height: tf.Tensor, width: tf.Tensor, resize: int | tuple[int, int]) -> tf.Tensor:
    """`[2]` int32: `resize` as (rows, columns), or with its shorter side of `resize` pixels and the aspect kept."""
    if isinstance(resize, tuple):
        return tf.constant(resize)
    size = tf.cast(tf.stack([height, width]), tf.float64)
    return tf.cast(tf.round(size * resize / tf.reduce_min(size)), tf.int32)


def resize(clip: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """`[N, H, W, 3]` uint8 -> `[N, *size, 3]` uint8, averaging when it shrinks, as at preparation.

    Frames of that size already are left as they are.
    """

    def one(frame: tf.Tensor) -> tf.Tensor:
        resized = tf.image.resize(frame, size, method="bilinear", antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)

    # A frame at a time: all at once would be held as floats at full size.
    frames = tf.TensorSpec([None, None, 3], tf.uint8)
    fits = tf.reduce_all(tf.shape(clip)[1:3] == size)
    return tf.cond(fits, lambda: clip, lambda: tf.map_fn(one, clip, fn_output_signature=frames))


def crop_centre(clip: tf.Tensor, crop: int) -> tf.Tensor:
    """The middle `crop` x `crop` of `[..., H, W, 3]`."""
    shape = tf.shape(clip)
    top, left, _, _ = tf.unstack(centre_box(shape[-3], shape[-2], crop))
    return clip[..., top : top + crop, left : left + crop, :]

"""Pure tensor functions with explicit seeds: choose frames, decode only those, crop, flip, scale.

A seed is `[2]` int32; the same seed gives the same clip, whatever ran before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from .records import FLOW_STREAM, RGB_STREAM, Record

CHANNELS = {RGB_STREAM: 3, FLOW_STREAM: 2}

JPEG_BLOCK = 16
"""Columns that a JPEG decoder takes at a time; a crop that starts amid them takes it a quarter longer."""


class Chosen(NamedTuple):
    """The frames of one clip or, with more dimensions in front, of several; still encoded."""

    streams: dict[str, tf.Tensor]  # [..., T] string, JPEG, by stream
    box: tf.Tensor  # [..., 4] int32: top, left, height, width of what is decoded of them
    size: tf.Tensor  # [..., 2] int32: rows and columns that they must have
    mirrored: tf.Tensor  # [...] bool: left to right


def random_clip(num_available: tf.Tensor, num_frames: int, seed: tf.Tensor) -> tf.Tensor:
    """Indices `[num_frames]` int32 of consecutive frames at a random start; shorter videos are looped."""
    num_starts = tf.maximum(num_available - num_frames, 0) + 1
    start = tf.random.stateless_uniform([], seed, 0, num_starts, tf.int32)
    return (start + tf.range(num_frames)) % num_available


def all_frames(num_available: tf.Tensor, at_least: int, backwards: bool = False) -> tf.Tensor:
    """Indices `[max(num_available, at_least)]` int32 of every frame in order; shorter videos are looped."""
    indices = tf.range(tf.maximum(num_available, at_least)) % num_available
    return num_available - 1 - indices if backwards else indices


def spread_clips(num_available: tf.Tensor, num_frames: int, num_clips: int, backwards: bool = False) -> list[tf.Tensor]:
    """Indices `[num_frames]` int32 of each of `num_clips` clips, from the first frame to the last one evenly spread."""
    room = tf.maximum(num_available - num_frames, 0)
    starts = [room // 2] if num_clips == 1 else [room * i // (num_clips - 1) for i in range(num_clips)]
    found = [(start + tf.range(num_frames)) % num_available for start in starts]
    return [num_available - 1 - indices for indices in found] if backwards else found


def spread_boxes(height: tf.Tensor, width: tf.Tensor, crop: int, num_crops: int) -> list[tf.Tensor]:
    """The centre box, or three along the longer side (left to right in a square), each as in `centre_box`."""
    top, left, *_ = tf.unstack(centre_box(height, width, crop))
    if num_crops == 1:
        return [tf.stack([top, left, crop, crop])]
    tall = height > width
    places = [
        (tf.where(tall, (height - crop) * i // 2, top), tf.where(tall, left, (width - crop) * i // 2)) for i in range(3)
    ]
    return [tf.stack([row, column, crop, crop]) for row, column in places]


def random_box(height: tf.Tensor, width: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
    """A random `crop` x `crop` box as `[4]` int32: top, left, height, width."""
    room = tf.cast(tf.stack([height - crop + 1, width - crop + 1]), tf.float32)
    top, left = tf.unstack(tf.cast(tf.random.stateless_uniform([2], seed) * room, tf.int32))
    return tf.stack([top, left, crop, crop])


def centre_box(height: tf.Tensor, width: tf.Tensor, crop: int) -> tf.Tensor:
    """The middle `crop` x `crop` box as `[4]` int32: top, left, height, width."""
    return tf.stack([(height - crop) // 2, (width - crop) // 2, crop, crop])


def num_frames(record: Record) -> tf.Tensor:
    """Frames of a record, `[]` int32, the same in each of its streams.

    Raises:
        tf.errors.InvalidArgumentError: while running, for none, or streams of different lengths.
    """
    lengths = tf.stack([tf.size(jpegs) for jpegs in record.streams.values()])
    whole = (lengths[0] > 0) & tf.reduce_all(lengths == lengths[0])
    with tf.control_dependencies([tf.debugging.Assert(whole, ["a record's streams are of lengths", lengths])]):
        return tf.identity(lengths[0])


def decode(chosen: Chosen, crop: int) -> dict[str, tf.Tensor]:
    """All chosen frames of every stream at once; only what lies inside the boxes is decoded.

    Returns:
        Of each stream `[..., T, crop, crop, C]` uint8, with 3 channels of RGB or 2 of flow.

    Raises:
        tf.errors.InvalidArgumentError: while running, for a damaged JPEG, or one whose header tells another size than
            the record does: it is refused before memory is taken.
    """
    return {stream: _decode(chosen, jpegs, crop, CHANNELS[stream]) for stream, jpegs in chosen.streams.items()}


def _decode(chosen: Chosen, jpegs: tf.Tensor, crop: int, channels: int) -> tf.Tensor:
    def one(frame: tuple[tf.Tensor, ...]) -> tf.Tensor:
        jpeg, box, size, mirrored = frame
        shape = tf.io.extract_jpeg_shape(jpeg)
        same = tf.debugging.Assert(tf.reduce_all(shape[:2] == size), ["a JPEG is of another size", shape])
        beside = box[1] % JPEG_BLOCK
        with tf.control_dependencies([same]):
            aligned = box + tf.stack([0, -beside, 0, beside])
            pixels = tf.image.decode_and_crop_jpeg(jpeg, aligned, channels=3, dct_method="INTEGER_ACCURATE")
        pixels = tf.ensure_shape(pixels[:, beside:, :channels], [crop, crop, channels])
        return tf.cond(mirrored, lambda: mirror(pixels), lambda: pixels)

    num_frames = tf.shape(jpegs)[-1]
    of_clips = (tf.reshape(chosen.box, [-1, 4]), tf.reshape(chosen.size, [-1, 2]), tf.reshape(chosen.mirrored, [-1]))
    of_frames = [tf.repeat(value, num_frames, axis=0) for value in of_clips]
    spec = tf.TensorSpec([crop, crop, channels], tf.uint8)
    pixels = tf.map_fn(one, (tf.reshape(jpegs, [-1]), *of_frames), fn_output_signature=spec)
    pixels = tf.reshape(pixels, tf.concat([tf.shape(jpegs), spec.shape], 0))
    return tf.ensure_shape(pixels, jpegs.shape + spec.shape)


def mirror(clip: tf.Tensor) -> tf.Tensor:
    """`[..., W, C]` uint8 left to right; two channels are flow, whose u is negated."""
    clip = tf.reverse(clip, [-2])
    return tf.concat([255 - clip[..., :1], clip[..., 1:]], -1) if clip.shape[-1] == 2 else clip


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
    """`[N, H, W, C]` uint8 -> `[N, *size, C]` uint8, averaging when it shrinks: by a triangle filter, where
    preparation (`frames.resize`) averages areas, of which TensorFlow has a kernel on the CPU alone.

    Frames of that size already are left as they are.
    """

    def one(frame: tf.Tensor) -> tf.Tensor:
        resized = tf.image.resize(frame, size, method="bilinear", antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)

    # A frame at a time: all at once would be held as floats at full size.
    frames = tf.TensorSpec([None, None, clip.shape[-1]], tf.uint8)
    fits = tf.reduce_all(tf.shape(clip)[1:3] == size)
    return tf.cond(fits, lambda: clip, lambda: tf.map_fn(one, clip, fn_output_signature=frames))


def crop_centre(clip: tf.Tensor, crop: int) -> tf.Tensor:
    """The middle `crop` x `crop` of `[..., H, W, 3]`."""
    shape = tf.shape(clip)
    top, left, _, _ = tf.unstack(centre_box(shape[-3], shape[-2], crop))
    return clip[..., top : top + crop, left : left + crop, :]

"""The tf.data chain of a detector: a key frame, the frames around it, its boxes; from (seed, epoch, position) alone.

A clip is `num_frames` consecutive frames of which number `num_frames // 2` is the key frame; before the first frame
of a video and after its last one that frame is repeated. Whole frames are resized to `size`, and so the boxes, as
shares of the frame, stay as they are; they follow a flip.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from ..data import clips, flow, pipeline, records
from ..data.damage import Damage
from ..data.pipeline import Batch
from ..data.split import Split
from .boxes import PADDING
from .recipes import key_frame_of

MAX_BOXES = 32
"""Boxes of a frame; places that it does not fill are padding, a record with a frame of more counts as damaged."""

LOOKED_AT = 1000
"""Records, from the first to the last, in which a box is looked for before a training."""


@tf.autograph.experimental.do_not_convert  # nothing to convert; looking for it takes a second
def training_batches(
    split: Split,
    *,
    num_frames: int,
    size: tuple[int, int],
    flip: bool,
    batch_size: int,
    seed: int,
    first_batch: int = 0,
    streams: Sequence[str] = (records.RGB_STREAM,),
    background: bool = False,
    max_boxes: int = MAX_BOXES,
    damage: Damage | None = None,
    replicas: int = 1,
    worker: int = 0,
    num_workers: int = 1,
) -> tf.data.Dataset:
    """Endless shuffled batches, a key frame of each video an epoch; `clip` and `flow` as in `pipeline.Batch`, and
    `boxes` `[B, max_boxes, 4]` float32 ymin, xmin, ymax, xmax in [0, 1], 0 where there is none, with their `labels`
    `[B, max_boxes]` int32, `boxes.PADDING` there.

    Args:
        num_frames: of a clip.
        size: rows and columns of its frames, pixels.
        background: any frame may be the key frame; without it only one with boxes, but of a video that has none
            any, so that its clips are background.
        max_boxes: most boxes of a frame.
        others: see `pipeline.training_batches`.

    Raises:
        ValueError: a stream that was not prepared, flips where left and right matter, or a set without boxes.
    """
    _check(split, num_frames, size, streams)
    _check_boxes(split)
    pipeline.check_flip(split, flip)

    def choose(seeds: tf.Tensor, index: tf.Tensor) -> dict:
        serialized = split.load(index)
        record, boxes = records.parse(serialized, streams), records.parse_boxes(serialized)
        count = clips.num_frames(record)
        key_frame = _random_key_frame(boxes.label.row_lengths(), count, background, seeds[0])
        mirrored = tf.random.stateless_uniform([], seeds[1]) < (0.5 if flip else 0.0)
        corners, labels = frame_boxes(boxes, key_frame, max_boxes)
        return dict(
            jpegs=pipeline.gather(record, around(key_frame, num_frames, count)),
            stored=record.size,
            mirrored=mirrored,
            boxes=tf.where(mirrored, mirror(corners, labels), corners),
            labels=labels,
        )

    def decode_choice(choice: dict) -> Batch:
        pixels = {
            pipeline.KEYS[stream]: decode(stream, jpegs, choice["stored"], choice["mirrored"], size)
            for stream, jpegs in choice["jpegs"].items()
        }
        return dict(pixels, boxes=choice["boxes"], labels=choice["labels"])

    return pipeline.endless(
        split,
        choose,
        decode_choice,
        num_bytes=num_frames * size[0] * size[1] * 3 * len(streams),
        batch_size=batch_size,
        seed=seed,
        first_batch=first_batch,
        damage=damage,
        replicas=replicas,
        worker=worker,
        num_workers=num_workers,
    )


@tf.autograph.experimental.do_not_convert
def evaluation_batches(
    split: Split,
    *,
    num_frames: int,
    size: tuple[int, int],
    batch_size: int,
    streams: Sequence[str] = (records.RGB_STREAM,),
    max_boxes: int = MAX_BOXES,
) -> tf.data.Dataset:
    """Every frame of every video as the key frame, in order; a batch is of one video, its last one may be smaller.

    As of `training_batches`, and `video` `[B]` string, the media id, and `frame` `[B]` int32, from 0. Each frame is
    decoded once a batch. A damaged record is left out: it is the caller who compares what came with
    `split.num_frames`.
    """
    _check(split, num_frames, size, streams)
    starts = [np.arange(0, count, batch_size) for count in split.num_frames]
    video = np.repeat(np.arange(split.num_videos), [len(some) for some in starts])

    def batch(index: tf.Tensor, start: tf.Tensor) -> Batch:
        serialized = split.load(index)
        record, boxes = records.parse(serialized, streams), records.parse_boxes(serialized)
        count = clips.num_frames(record)
        key_frames = tf.range(start, tf.minimum(start + batch_size, count))
        wanted = around(key_frames[:, None], num_frames, count)  # [B, T]
        first, last = tf.reduce_min(wanted), tf.reduce_max(wanted)
        pixels = {}
        for stream, jpegs in record.streams.items():
            decoded = decode(stream, jpegs[first : last + 1], record.size, tf.constant(False), size)
            pixels[pipeline.KEYS[stream]] = tf.gather(decoded, wanted - first)
        each = (tf.TensorSpec([max_boxes, 4]), tf.TensorSpec([max_boxes], tf.int32))
        corners, labels = tf.map_fn(
            lambda frame: frame_boxes(boxes, frame, max_boxes), key_frames, fn_output_signature=each
        )
        names = tf.fill(tf.shape(key_frames), record.media_id)
        return dict(pixels, boxes=corners, labels=labels, video=names, frame=key_frames)

    places = tf.data.Dataset.from_tensor_slices((video, np.concatenate(starts).astype(np.int32)))
    return places.map(batch, num_parallel_calls=2, deterministic=True).ignore_errors().prefetch(1)


def around(key_frame: tf.Tensor, num_frames: int, count: tf.Tensor) -> tf.Tensor:
    """Numbers of the frames of a clip, `[]` int32 -> `[num_frames]` int32 or `[B, 1]` -> `[B, num_frames]`."""
    return tf.clip_by_value(key_frame - key_frame_of(num_frames) + tf.range(num_frames), 0, count - 1)


def frame_boxes(boxes: records.Boxes, frame: tf.Tensor, max_boxes: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The boxes of one frame, `[max_boxes, 4]` float32, and their labels, `[max_boxes]` int32.

    Raises:
        tf.errors.InvalidArgumentError: while running, for a frame of more boxes.
    """
    there = tf.cast(frame, tf.int64) < boxes.label.nrows()  # a record without boxes has no frames of them
    row = tf.where(there, tf.cast(frame, tf.int64), 0)
    splits = tf.pad(boxes.label.row_splits, [[0, 1]], constant_values=0)
    start, end = splits[row], tf.where(there, splits[row + 1], splits[row])
    count = tf.cast(end - start, tf.int32)
    fits = tf.debugging.Assert(count <= max_boxes, ["a frame has more boxes than max_boxes:", count])
    with tf.control_dependencies([fits]):
        fill = max_boxes - tf.identity(count)
    corners = tf.pad(tf.reshape(boxes.corners.flat_values, [-1, 4])[start:end], [[0, fill], [0, 0]])
    labels = tf.pad(tf.cast(boxes.label.values[start:end], tf.int32), [[0, fill]], constant_values=PADDING)
    return tf.ensure_shape(corners, [max_boxes, 4]), tf.ensure_shape(labels, [max_boxes])


def mirror(corners: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Boxes `[N, 4]` left to right; padding stays."""
    ymin, xmin, ymax, xmax = tf.unstack(corners, axis=-1)
    return tf.where(labels[:, None] >= 0, tf.stack([ymin, 1 - xmax, ymax, 1 - xmin], -1), corners)


def decode(stream: str, jpegs: tf.Tensor, stored: tf.Tensor, mirrored: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Frames `[..., T]` string -> `[..., T, *size, C]` uint8, with 3 channels of RGB or 2 of flow.

    Args:
        stored: `[..., 2]` int32, rows and columns that the frames must have.
        mirrored: `[...]` bool.

    Raises:
        tf.errors.InvalidArgumentError: while running, for a damaged JPEG or one of another size.
    """
    channels = clips.CHANNELS[stream]

    def one(frame: tuple[tf.Tensor, ...]) -> tf.Tensor:
        jpeg, own_size, is_mirrored = frame
        shape = tf.io.extract_jpeg_shape(jpeg)
        same = tf.debugging.Assert(tf.reduce_all(shape[:2] == own_size), ["a JPEG is of another size", shape])
        with tf.control_dependencies([same]):
            pixels = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")[..., :channels]
        pixels = clips.resize(pixels[None], tf.constant(size))[0]
        if stream == records.FLOW_STREAM:
            pixels = _rescale(pixels, own_size, size)
        pixels = tf.cond(is_mirrored, lambda: clips.mirror(pixels), lambda: pixels)
        return tf.ensure_shape(pixels, [*size, channels])

    num_frames = tf.shape(jpegs)[-1]
    of_frames = [tf.repeat(tf.reshape(stored, [-1, 2]), num_frames, axis=0)]
    of_frames.append(tf.repeat(tf.reshape(mirrored, [-1]), num_frames, axis=0))
    spec = tf.TensorSpec([*size, channels], tf.uint8)
    pixels = tf.map_fn(one, (tf.reshape(jpegs, [-1]), *of_frames), fn_output_signature=spec)
    return tf.ensure_shape(tf.reshape(pixels, tf.concat([tf.shape(jpegs), spec.shape], 0)), jpegs.shape + spec.shape)


def _rescale(pixels: tf.Tensor, stored: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Flow of resized frames in pixels of their new size: u with the columns, v with the rows."""
    factors = tf.constant(size, tf.float32)[::-1] / tf.cast(stored[::-1], tf.float32)
    zero = flow.LIMIT / flow.STEP
    scaled = (tf.cast(pixels, tf.float32) - zero) * factors + zero
    return tf.cast(tf.clip_by_value(tf.round(scaled), 0, 255), tf.uint8)


def _random_key_frame(num_boxes: tf.Tensor, count: tf.Tensor, background: bool, seed: tf.Tensor) -> tf.Tensor:
    """`[]` int32, one of `count` frames, of which the first ones have `num_boxes` boxes."""
    annotated = tf.cast(tf.where(num_boxes > 0)[:, 0], tf.int32)
    candidates = tf.cond(
        (tf.size(annotated) > 0) & (not background), lambda: annotated, lambda: tf.range(count, dtype=tf.int32)
    )
    return candidates[tf.random.stateless_uniform([], seed, 0, tf.size(candidates), tf.int32)]


def _check(split: Split, num_frames: int, size: tuple[int, int], streams: Sequence[str]) -> None:
    pipeline.check_streams(split, streams)
    if num_frames < 1 or min(size) < 1:
        raise ValueError(f"A clip has 1 frame or more, of 1 pixel or more. Received: {num_frames} of {size}")
    if short := int((split.num_frames < num_frames).sum()):
        logging.log_first_n(
            logging.WARNING,
            "%d of %d videos have fewer than %d frames, the shortest %d: their first and last frames are repeated",
            *(1, short, split.num_videos, num_frames, split.shortest),
        )


def _check_boxes(split: Split) -> None:
    """Raises a ValueError if none of the records that are looked at has a box."""
    looked_at = np.unique(np.linspace(0, split.num_videos - 1, LOOKED_AT).round().astype(np.int64))
    for index in looked_at:
        with contextlib.suppress(tf.errors.OpError):  # damage is counted later
            if tf.size(records.parse_boxes(split.load(tf.constant(index))).label.values) > 0:
                return
    raise ValueError(
        f"None of {len(looked_at)} records has a box: prepare a set with boxes (docs/datasets.md). Received: "
        f"{split.dataset}"
    )

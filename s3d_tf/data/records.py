"""The record format: one `tf.train.SequenceExample` a video. No other file names a key.

The keys are those of MediaPipe's media_sequence, which DMVR and TensorFlow's official models read:

| key | where | type | what |
|---|---|---|---|
| `image/encoded` | feature list | bytes | one RGB JPEG a frame |
| `image/timestamp` | feature list | int64 | microseconds from the start, one a frame |
| `image/format`, `image/height`, `image/width`, `image/frame_rate` | context | | "JPEG", pixels, frames per second |
| `clip/label/index`, `clip/label/text` | context | int64, bytes | the class |
| `clip/media_id` | context | bytes | the path relative to the data set's root |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

FRAMES = "image/encoded"
TIMESTAMPS = "image/timestamp"
FORMAT, HEIGHT, WIDTH, FRAME_RATE = "image/format", "image/height", "image/width", "image/frame_rate"
LABEL, LABEL_TEXT, MEDIA_ID = "clip/label/index", "clip/label/text", "clip/media_id"


class Record(NamedTuple):
    """One parsed record, all scalars but the frames."""

    frames: tf.Tensor  # [F] string, JPEG
    label: tf.Tensor  # [] int64
    media_id: tf.Tensor  # [] string


def encode(
    frames: Sequence[bytes],
    timestamps: Sequence[int],
    size: tuple[int, int],
    fps: float,
    label: int,
    label_text: str,
    media_id: str,
) -> bytes:
    """One serialized record; the same arguments give the same bytes."""
    context = {
        FORMAT: _bytes([b"JPEG"]),
        HEIGHT: _ints([size[0]]),
        WIDTH: _ints([size[1]]),
        FRAME_RATE: tf.train.Feature(float_list=tf.train.FloatList(value=[fps])),
        LABEL: _ints([label]),
        LABEL_TEXT: _bytes([label_text.encode()]),
        MEDIA_ID: _bytes([media_id.encode("utf-8", "surrogateescape")]),
    }
    lists = {
        FRAMES: tf.train.FeatureList(feature=[_bytes([frame]) for frame in frames]),
        TIMESTAMPS: tf.train.FeatureList(feature=[_ints([t]) for t in timestamps]),
    }
    example = tf.train.SequenceExample(
        context=tf.train.Features(feature=context), feature_lists=tf.train.FeatureLists(feature_list=lists)
    )
    return example.SerializeToString(deterministic=True)


def parse(serialized: tf.Tensor) -> Record:
    """A serialized record (`[]` string) -> `Record`. No frame is decoded."""
    context, lists = tf.io.parse_single_sequence_example(
        serialized,
        context_features={
            LABEL: tf.io.FixedLenFeature([], tf.int64),
            MEDIA_ID: tf.io.FixedLenFeature([], tf.string),
        },
        sequence_features={FRAMES: tf.io.FixedLenSequenceFeature([], tf.string)},
    )
    return Record(lists[FRAMES], context[LABEL], context[MEDIA_ID])


def _bytes(values: Sequence[bytes]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _ints(values: Sequence[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

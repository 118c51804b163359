"""The record format: one `tf.train.SequenceExample` a video. No other file names a key.

The keys are those of MediaPipe's media_sequence, which DMVR and TensorFlow's official models read:

| key | where | type | what |
|---|---|---|---|
| `image/encoded` | feature list | bytes | one RGB JPEG a frame |
| `image/timestamp` | feature list | int64 | microseconds from the start, one a frame |
| `image/format`, `image/height`, `image/width`, `image/frame_rate` | context | | "JPEG", pixels, frames per second |
| `FORWARD_FLOW/encoded` | feature list | bytes | one JPEG a frame: u, v and a constant as its channels (flow.py) |
| `FORWARD_FLOW/format` | context | bytes | "JPEG", then how the flow was computed, as JSON |
| `clip/label/index`, `clip/label/text` | context | int64, bytes | the class |
| `clip/media_id` | context | bytes | the path relative to the data set's root |
| `region/bbox/ymin`, `.../xmin`, `.../ymax`, `.../xmax` | feature lists | float | of each frame its boxes, in [0, 1] |
| `region/label/index`, `region/track/index` | feature lists | int64 | class and track of each of those boxes |

A record holds RGB or flow or both; the lists that it has are of equal length.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import tensorflow as tf

FRAMES = "image/encoded"
TIMESTAMPS = "image/timestamp"
FORMAT, HEIGHT, WIDTH, FRAME_RATE = "image/format", "image/height", "image/width", "image/frame_rate"
FLOW, FLOW_FORMAT = "FORWARD_FLOW/encoded", "FORWARD_FLOW/format"
LABEL, LABEL_TEXT, MEDIA_ID = "clip/label/index", "clip/label/text", "clip/media_id"
BOX = ("region/bbox/ymin", "region/bbox/xmin", "region/bbox/ymax", "region/bbox/xmax")
BOX_LABEL, BOX_TRACK = "region/label/index", "region/track/index"

RGB_STREAM, FLOW_STREAM = "rgb", "flow"
STREAMS = {RGB_STREAM: FRAMES, FLOW_STREAM: FLOW}
"""Name of each stream of JPEGs and the key that holds it."""


class Box(NamedTuple):
    """Where an actor is in one frame; corners as shares of the frame's height and width, in [0, 1]."""

    frame: int  # from 0
    ymin: float
    xmin: float
    ymax: float
    xmax: float
    label: int
    track: int  # the same actor has the same number in all frames of a video


@dataclasses.dataclass(frozen=True)
class Content:
    """What is to be written of one video.

    Attributes:
        streams: JPEGs by stream (`STREAMS`), a frame each; all of one length.
        timestamps: of each frame, microseconds.
        size: rows and columns of the frames, pixels.
        fps: frames per second.
        label, label_text, media_id: see the table of keys.
        flow_method: how the flow was computed, JSON; empty without flow.
        boxes: in any order; None for a set that has none.
    """

    streams: dict[str, Sequence[bytes]]
    timestamps: Sequence[int]
    size: tuple[int, int]
    fps: float
    label: int
    label_text: str
    media_id: str
    flow_method: str = ""
    boxes: Iterable[Box] | None = None


class Record(NamedTuple):
    """One parsed record, all scalars but the streams."""

    streams: dict[str, tf.Tensor]  # [F] string, JPEG, by stream
    size: tf.Tensor  # [2] int32: rows and columns of the frames, pixels
    label: tf.Tensor  # [] int64
    media_id: tf.Tensor  # [] string


class Boxes(NamedTuple):
    """The boxes of one parsed record, by frame."""

    corners: tf.RaggedTensor  # [F, (boxes), 4] float32: ymin, xmin, ymax, xmax in [0, 1]
    label: tf.RaggedTensor  # [F, (boxes)] int64
    track: tf.RaggedTensor  # [F, (boxes)] int64


def encode(content: Content) -> bytes:
    """One serialized record; the same content gives the same bytes."""
    context = {
        FORMAT: _bytes([b"JPEG"]),
        HEIGHT: _ints([content.size[0]]),
        WIDTH: _ints([content.size[1]]),
        FRAME_RATE: _floats([content.fps]),
        LABEL: _ints([content.label]),
        LABEL_TEXT: _bytes([content.label_text.encode()]),
        MEDIA_ID: _bytes([content.media_id.encode("utf-8", "surrogateescape")]),
    }
    if FLOW_STREAM in content.streams:
        context[FLOW_FORMAT] = _bytes([b"JPEG", content.flow_method.encode()])
    lists = {STREAMS[name]: _list(_bytes([jpeg]) for jpeg in jpegs) for name, jpegs in content.streams.items()}
    lists[TIMESTAMPS] = _list(_ints([time]) for time in content.timestamps)
    if content.boxes is not None:
        lists |= _encode_boxes(content.boxes, len(content.timestamps))
    example = tf.train.SequenceExample(
        context=tf.train.Features(feature=context), feature_lists=tf.train.FeatureLists(feature_list=lists)
    )
    return example.SerializeToString(deterministic=True)


def parse(serialized: tf.Tensor, streams: Sequence[str] = (RGB_STREAM,)) -> Record:
    """A serialized record (`[]` string) -> `Record` with these streams. No frame is decoded.

    A stream that the record lacks is empty.
    """
    context, lists = tf.io.parse_single_sequence_example(
        serialized,
        context_features={
            HEIGHT: tf.io.FixedLenFeature([], tf.int64),
            WIDTH: tf.io.FixedLenFeature([], tf.int64),
            LABEL: tf.io.FixedLenFeature([], tf.int64),
            MEDIA_ID: tf.io.FixedLenFeature([], tf.string),
        },
        sequence_features={
            STREAMS[name]: tf.io.FixedLenSequenceFeature([], tf.string, allow_missing=True) for name in streams
        },
    )
    size = tf.cast(tf.stack([context[HEIGHT], context[WIDTH]]), tf.int32)
    return Record({name: lists[STREAMS[name]] for name in streams}, size, context[LABEL], context[MEDIA_ID])


def parse_boxes(serialized: tf.Tensor) -> Boxes:
    """The boxes of a serialized record (`[]` string); of a record without boxes, none in no frames."""
    keys = {**dict.fromkeys(BOX, tf.float32), BOX_LABEL: tf.int64, BOX_TRACK: tf.int64}
    _, lists = tf.io.parse_single_sequence_example(
        serialized, sequence_features={key: tf.io.RaggedFeature(dtype) for key, dtype in keys.items()}
    )
    corners = tf.stack([lists[key].with_row_splits_dtype(tf.int64) for key in BOX], axis=-1)
    return Boxes(
        corners, lists[BOX_LABEL].with_row_splits_dtype(tf.int64), lists[BOX_TRACK].with_row_splits_dtype(tf.int64)
    )


def _encode_boxes(boxes: Iterable[Box], num_frames: int) -> dict[str, tf.train.FeatureList]:
    by_frame: list[list[Box]] = [[] for _ in range(num_frames)]
    for box in boxes:
        if box.frame < num_frames:
            by_frame[box.frame].append(box)
    lists = {
        key: _list(_floats([box[1 + corner] for box in frame]) for frame in by_frame) for corner, key in enumerate(BOX)
    }
    lists[BOX_LABEL] = _list(_ints([box.label for box in frame]) for frame in by_frame)
    lists[BOX_TRACK] = _list(_ints([box.track for box in frame]) for frame in by_frame)
    return lists


def _list(features: Iterable[tf.train.Feature]) -> tf.train.FeatureList:
    return tf.train.FeatureList(feature=list(features))


def _bytes(values: Sequence[bytes]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _ints(values: Sequence[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(values: Sequence[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))

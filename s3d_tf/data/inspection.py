"""A prepared data set read back: whether it is what its manifest says, and some of its records."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..files import read_json
from . import clips, records, shards
from .manifest import MANIFEST
from .split import Split, read_split


class Clip(NamedTuple):
    """Some frames of one video, cropped."""

    media_id: str
    label: int
    num_frames: int  # of the whole video
    indices: np.ndarray  # [T] int, which of its frames
    streams: dict[str, np.ndarray]  # [T, crop, crop, C] uint8 each
    corner: tuple[int, int]  # top and left of the crop, pixels
    frame_size: tuple[int, int]  # rows and columns of the whole frame
    boxes: list[np.ndarray] | None  # of each frame [N, 4]: ymin, xmin, ymax, xmax of the whole frame, in [0, 1]
    box_labels: list[np.ndarray] | None  # of each frame [N], classes


def open_manifest(data_dir: Path) -> dict[str, Any]:
    """The manifest of a prepared data set.

    Raises:
        ValueError: there is none, or it is of another version.
    """
    if not (data_dir / MANIFEST).exists():
        raise ValueError(
            f"No prepared data set: {data_dir / MANIFEST} is missing; run scripts/prepare_videos.py first."
        )
    manifest = read_json(data_dir / MANIFEST)
    try:
        for split in manifest["splits"].values():
            _ = split["shards"].keys() == split["sha256"].keys(), split["frames"], split["missing"]
        _ = manifest["classes"], manifest["videos"], manifest["settings"]["streams"], manifest["dataset"]["name"]
    except (KeyError, TypeError, AttributeError):
        raise ValueError(
            f"The manifest is not of this version; prepare again. Received: {data_dir / MANIFEST}"
        ) from None
    return manifest


def check(data_dir: Path, manifest: dict[str, Any], on_shard: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Reads every shard and every record, and yields a line for whatever differs from the manifest.

    Args:
        on_shard: called after each shard.
    """
    for name, row in manifest["splits"].items():
        split = read_split(manifest, data_dir, name)
        for number, (shard, num_bytes) in enumerate(row["shards"].items()):
            if problem := _check_file(data_dir / shard, num_bytes, row["sha256"][shard]):
                yield f"{shard}: {problem}"
            if (data_dir / shard).exists():
                for index in np.flatnonzero(split.file == number):
                    if problem := _check_record(split, int(index)):
                        yield f"{shard}: {split.media_ids[index]}: {problem}"
            on_shard()


def _check_file(path: Path, num_bytes: int, digest: str) -> str:
    if not path.exists():
        return "the shard is missing"
    if path.stat().st_size != num_bytes:
        return f"{path.stat().st_size} bytes instead of {num_bytes}"
    return "" if shards.sha256(path) == digest else "its SHA-256 is not that of the manifest"


def _check_record(split: Split, index: int) -> str:
    try:
        record = records.parse(split.load(tf.constant(index, tf.int64)), split.streams)
    except tf.errors.OpError:
        return "the record is damaged"
    if (media_id := record.media_id.numpy().decode("utf-8", "surrogateescape")) != split.media_ids[index]:
        return f"in its place is {media_id}"
    if not 0 <= int(record.label) < len(split.classes):
        return f"it has the label {int(record.label)}"
    for name, jpegs in record.streams.items():
        jpegs = jpegs.numpy()
        if len(jpegs) != split.num_frames[index]:
            return f"it has {len(jpegs)} frames of {name} instead of {split.num_frames[index]}"
        bad = [i for i, jpeg in enumerate(jpegs) if jpeg[:2] != b"\xff\xd8" or jpeg[-2:] != b"\xff\xd9"]
        if bad:
            return f"frame {bad[0]} of {name} is no whole JPEG"
    return ""


def random_clips(
    data_dir: Path, manifest: dict[str, Any], num_clips: int, num_frames: int, span: int, crop: int, seed: int
) -> list[Clip]:
    """Clips of `num_frames` frames spread over `span` consecutive ones, as a network sees them in training.

    Videos are drawn by a seed, of any split, none twice; frames and crop too.

    Raises:
        ValueError: the crop does not fit into the stored frames.
    """
    if crop > min(manifest["settings"]["size"]):
        raise ValueError(f"The crop must fit into the stored frames. Received: {crop}")
    drawn = random.Random(seed)
    splits = [read_split(manifest, data_dir, name) for name in manifest["splits"]]
    places = [(split, index) for split in splits for index in range(split.num_videos)]
    chosen = drawn.sample(places, min(num_clips, len(places)))
    return [_clip(split, index, num_frames, span, crop, drawn) for split, index in chosen]


def _clip(split: Split, index: int, num_frames: int, span: int, crop: int, drawn: random.Random) -> Clip:
    serialized = split.load(tf.constant(index, tf.int64))
    record = records.parse(serialized, split.streams)
    available = int(clips.num_frames(record))
    seeds = [[drawn.randrange(1 << 31), drawn.randrange(1 << 31)] for _ in range(2)]
    span_indices = clips.random_clip(available, span, seeds[0]).numpy()
    indices = span_indices[np.linspace(0, len(span_indices) - 1, num_frames).round().astype(int)]
    box = clips.random_box(record.size[0], record.size[1], crop, seeds[1])
    jpegs = {name: tf.gather(stream, indices) for name, stream in record.streams.items()}
    pixels = clips.decode(clips.Chosen(jpegs, box, record.size, tf.constant(False)), crop)
    boxes = records.parse_boxes(serialized)
    there = bool(boxes.corners.nrows())
    corners, labels = (
        [values[int(i)].numpy() for i in indices] if there else None for values in (boxes.corners, boxes.label)
    )
    return Clip(
        split.media_ids[index],
        int(record.label),
        available,
        indices,
        {name: stream.numpy() for name, stream in pixels.items()},
        (int(box[0]), int(box[1])),
        (int(record.size[0]), int(record.size[1])),
        corners,
        labels,
    )

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


class Clip(NamedTuple):
    """Some frames of one video, cropped."""

    media_id: str
    label: int
    num_frames: int  # of the whole video
    indices: np.ndarray  # [T] int, which of its frames
    streams: dict[str, np.ndarray]  # [T, crop, crop, 3] uint8 each
    corner: tuple[int, int]  # top and left of the crop, pixels
    frame_size: tuple[int, int]  # rows and columns of the whole frame
    boxes: list[np.ndarray] | None  # of each frame [N, 4]: ymin, xmin, ymax, xmax of the whole frame, in [0, 1]


def open_manifest(data_dir: Path) -> dict[str, Any]:
    """The manifest of a prepared data set.

    Raises:
        ValueError: there is none, or it is of another version.
    """
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
    """Reads every shard and yields a line for whatever differs from the manifest.

    Args:
        on_shard: called after each shard.
    """
    frames = {(line["split"], line["path"]): line["frames"] for line in manifest["videos"]}
    expected = {
        key for line in manifest["videos"] if line["status"] == "written" for key in [(line["split"], line["path"])]
    }
    seen: set[tuple[str, str]] = set()
    for split_name, split in manifest["splits"].items():
        for name, num_bytes in split["shards"].items():
            problem = _check_file(data_dir / name, num_bytes, split["sha256"][name])
            if problem:
                yield f"{name}: {problem}"
            if (data_dir / name).exists():
                for line in _check_records(data_dir / name, split_name, manifest, frames, seen):
                    yield f"{name}: {line}"
            on_shard()
    for split_name, path in sorted(expected - seen):
        yield f"{split_name}: no shard holds {path}"


def _check_file(path: Path, num_bytes: int, digest: str) -> str:
    if not path.exists():
        return "the shard is missing"
    if path.stat().st_size != num_bytes:
        return f"{path.stat().st_size} bytes instead of {num_bytes}"
    return "" if shards.sha256(path) == digest else "its SHA-256 is not that of the manifest"


def _check_records(
    path: Path, split: str, manifest: dict[str, Any], frames: dict[tuple[str, str], int], seen: set[tuple[str, str]]
) -> Iterator[str]:
    index = 0
    try:
        for index, serialized in enumerate(tf.data.TFRecordDataset(str(path))):
            record = records.parse(serialized, manifest["settings"]["streams"])
            media_id = record.media_id.numpy().decode("utf-8", "surrogateescape")
            where = f"record {index} ({media_id})"
            key = (split, media_id)
            if key not in frames or key in seen:
                yield f"{where} is {'there twice' if key in seen else 'not in the manifest'}"
            seen.add(key)
            if not 0 <= int(record.label) < len(manifest["classes"]):
                yield f"{where} has the label {int(record.label)}"
            for name, jpegs in record.streams.items():
                jpegs = jpegs.numpy()
                if len(jpegs) != frames.get(key, len(jpegs)):
                    yield f"{where} has {len(jpegs)} frames of {name} instead of {frames[key]}"
                bad = [i for i, jpeg in enumerate(jpegs) if jpeg[:2] != b"\xff\xd8" or jpeg[-2:] != b"\xff\xd9"]
                if bad:
                    yield f"{where}: frame {bad[0]} of {name} is no whole JPEG"
    except tf.errors.DataLossError:
        yield f"record {index + 1 if index else 0} is damaged, and those after it cannot be read"
    except tf.errors.InvalidArgumentError as error:
        yield f"record {index} does not parse: {error.message[:200]}"


def random_clips(
    data_dir: Path, manifest: dict[str, Any], num_clips: int, num_frames: int, span: int, crop: int, seed: int
) -> list[Clip]:
    """Clips of `num_frames` frames spread over `span` consecutive ones, as a network sees them in training.

    Videos are drawn by a seed, of any split; frames and crop too.

    Raises:
        ValueError: the crop does not fit into the stored frames.
    """
    if crop > min(manifest["settings"]["size"]):
        raise ValueError(f"The crop must fit into the stored frames. Received: {crop}")
    drawn = random.Random(seed)
    names = [name for split in manifest["splits"].values() for name in split["shards"] if (data_dir / name).exists()]
    drawn.shuffle(names)
    taken: dict[str, list[int]] = {}  # the order of each shard's records, less those taken
    found: list[Clip] = []
    while names and len(found) < num_clips:
        name = names.pop(0)
        dataset = tf.data.TFRecordDataset(str(data_dir / name))
        if name not in taken:
            count = sum(1 for _ in dataset)
            taken[name] = drawn.sample(range(count), count)
        if taken[name]:
            serialized = next(iter(dataset.skip(taken[name].pop())))
            found.append(_clip(serialized, manifest["settings"]["streams"], num_frames, span, crop, drawn))
            names.append(name)  # its turn comes again
    return found


def _clip(
    serialized: tf.Tensor, streams: list[str], num_frames: int, span: int, crop: int, drawn: random.Random
) -> Clip:
    record = records.parse(serialized, streams)
    available = int(tf.size(record.streams[streams[0]]))
    seeds = [[drawn.randrange(1 << 31), drawn.randrange(1 << 31)] for _ in range(2)]
    chosen = clips.random_clip(available, span, seeds[0]).numpy()
    indices = chosen[np.linspace(0, len(chosen) - 1, num_frames).round().astype(int)]
    height, width = (int(side) for side in clips.jpeg_size(record.streams[streams[0]][0]))
    box = clips.random_box(tf.constant(height), tf.constant(width), crop, seeds[1])
    pixels = {
        name: clips.decode(tf.gather(jpegs, indices), box, crop).numpy() for name, jpegs in record.streams.items()
    }
    boxes = records.parse_boxes(serialized).corners
    by_frame = [boxes[int(i)].numpy() for i in indices] if boxes.nrows() else None
    return Clip(
        record.media_id.numpy().decode("utf-8", "replace"),
        int(record.label),
        available,
        indices,
        pixels,
        (int(box[0]), int(box[1])),
        (height, width),
        by_frame,
    )

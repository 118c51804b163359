"""The unit of preparation: a shard is planned, written under a temporary name, renamed, and found complete or not."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import tensorflow as tf

from ..files import read_json, temporary_name, write_json
from . import video
from .encoding import encode_video
from .listing import Item
from .settings import Settings

PARTS = ".shards"
"""Folder beside the shards: what became of the videos of each."""

FRAMING = 16
"""Bytes that a TFRecord file adds to a record: its length and two checksums."""

OnVideo = Callable[[int, "dict[str, Any] | None"], None]
"""Called with a video's place in its shard: before it is decoded with None, afterwards with its outcome."""


class Shard(NamedTuple):
    name: str
    items: list[Item]
    label_ids: dict[str, int]


class Written(NamedTuple):
    """What lies beside a shard."""

    num_bytes: int
    sha256: str
    videos: list[dict[str, Any]]  # see `encoding.encode_video`
    opencv: str = ""  # the version that decoded them


def plan(items: list[Item], classes: list[str], settings: Settings) -> list[Shard]:
    """Spreads the items of each split over shards in a seeded order, so that each shard holds a mix of classes."""
    ids = {label: index for index, label in enumerate(classes)}
    by_split: dict[str, list[Item]] = {}
    for item in items:
        by_split.setdefault(item.split, []).append(item)
    shards = []
    for split, chosen in sorted(by_split.items()):
        random.Random(f"{settings.seed} {split}").shuffle(chosen)
        count = -(-len(chosen) // settings.shard_size)
        for index in range(count):
            name = f"{split}-{index:05d}-of-{count:05d}.tfrecord"
            shards.append(Shard(name, chosen[index::count], {i.label: ids[i.label] for i in chosen[index::count]}))
    return shards


def write_shard(
    shard: Shard,
    output_dir: Path,
    settings: Settings,
    on_video: OnVideo = lambda index, outcome: None,
    crashed: Mapping[int, str] = {},
) -> None:
    """Decodes, resizes and encodes the shard's videos; writes its outcome, then the shard.

    Args:
        on_video: see `OnVideo`.
        crashed: videos that are not to be opened again, by place, with the reason.

    Raises:
        OSError: the folder cannot be written. No half shard is left.
    """
    cv2.setNumThreads(1)  # one process a core
    videos, offset = [], 0
    final = output_dir / shard.name
    temporary = temporary_name(final)
    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for index, item in enumerate(shard.items):
                on_video(index, None)
                if index in crashed:
                    outcome, record = _crashed(item, crashed[index]), None
                else:
                    outcome, record = encode_video(item, shard.label_ids[item.label], settings)
                if record is not None:
                    outcome |= dict(shard=shard.name, offset=offset)  # where pipelines find it
                    writer.write(record)
                    offset += len(record) + FRAMING
                videos.append(outcome)
                on_video(index, outcome)
        digest = sha256(temporary)
        write_json(
            _beside(shard, output_dir), Written(temporary.stat().st_size, digest, videos, cv2.__version__)._asdict()
        )
        os.replace(temporary, final)
    except tf.errors.OpError as error:
        raise OSError(f"The shard cannot be written: {error.message}. Received: {final}") from None
    except OSError as error:
        if error.strerror is None:
            raise
        raise OSError(f"The shard cannot be written: {error.strerror}. Received: {final}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def read_written(shard: Shard, output_dir: Path) -> Written | None:
    """What lies beside a shard, or None when the shard is not complete."""
    try:
        num_bytes = (output_dir / shard.name).stat().st_size
        written = Written(**read_json(_beside(shard, output_dir)))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return written if written.num_bytes == num_bytes else None


def is_done(shard: Shard, output_dir: Path) -> bool:
    """Whether a shard is there, and would not have more videos if it were written again: none of the files that were
    out of reach (a disk that was not mounted) is within reach now, or some that it holds have gone."""
    written = read_written(shard, output_dir)
    if written is None:
        return False
    by_status: dict[str, list[Item]] = {}
    for item, outcome in zip(shard.items, written.videos, strict=True):
        by_status.setdefault(outcome["status"], []).append(item)
    found = any(video.is_within_reach(item.path) for item in by_status.get("missing", ()))
    return not (found and all(video.is_within_reach(item.path) for item in by_status.get("written", ())))


def remove_leftovers(shards: Iterable[Shard], output_dir: Path) -> None:
    """Deletes what killed processes left of these shards; the caller holds their locks."""
    names = {shard.name for shard in shards}
    for leftover in (*output_dir.glob("*.tfrecord.tmp-*"), *(output_dir / PARTS).glob("*.json.tmp-*")):
        if leftover.name.split(".tmp-")[0].removesuffix(".json") in names:
            leftover.unlink(missing_ok=True)


def remove(shards: Iterable[Shard], output_dir: Path) -> None:
    """Deletes these shards and what lies beside them."""
    for shard in shards:
        (output_dir / shard.name).unlink(missing_ok=True)
        _beside(shard, output_dir).unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _beside(shard: Shard, output_dir: Path) -> Path:
    return output_dir / PARTS / f"{shard.name}.json"


def _crashed(item: Item, reason: str) -> dict[str, Any]:
    known = dict(path=item.media_id, split=item.split, label=item.label, status="unreadable", reason=reason)
    return known | dict(frames=0, decoded=0, declared_frames=0)

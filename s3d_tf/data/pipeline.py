"""The tf.data chain: shards -> batches of uint8 clips. Deterministic from (seed, epoch, position)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import tensorflow as tf

from ..files import read_json
from . import clips, records
from .prepare import MANIFEST

SHUFFLE_BLOCK = 256  # encoded records that are shuffled together, about 4 MB each at 250 frames of 256x256
READERS = 8  # shards read side by side

Batch = dict[str, tf.Tensor]
"""`clip` [B, T, H, W, 3] uint8, `label` [B] int64, `weight` [B] float32 (0 marks padding), `media_id` [B] string."""


@dataclasses.dataclass(frozen=True)
class Split:
    """One split of a prepared data set.

    Attributes:
        files: its shards.
        num_videos: records in them.
        shortest, longest: frames of the shortest and of the longest one.
        classes: name of each label.
        frame_size: rows and columns of the stored frames.
    """

    files: tuple[str, ...]
    num_videos: int
    shortest: int
    longest: int
    classes: tuple[str, ...]
    frame_size: tuple[int, int]


def open_split(data_dir: str | Path, split: str) -> Split:
    """Reads what preparation wrote beside the shards.

    Raises:
        ValueError: no prepared data set, no such split, or no videos in it.
    """
    path = Path(data_dir) / MANIFEST
    if not path.exists():
        raise ValueError(f"No prepared data set: {path} is missing; run scripts/prepare_videos.py first.")
    manifest = read_json(path)
    try:
        rows, classes, size = manifest["splits"], tuple(manifest["classes"]), tuple(manifest["settings"]["size"])
        if split not in rows:
            raise ValueError(f"{data_dir} has no split {split!r}, only {', '.join(rows)}; prepare it, or name another.")
        row = rows[split]
        files = tuple(str(Path(data_dir) / name) for name in row["shards"])
        found = Split(files, row["written"], row["shortest"], row["longest"], classes, size)
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"The manifest is not of this version; prepare again. Received: {path}") from None
    for name, size in row["shards"].items():
        file = Path(data_dir) / name
        if not file.exists() or file.stat().st_size != size:
            raise ValueError(
                f"The shard {file} is missing or is not as long as it was written; delete it and prepare again. "
                f"Received: {file.stat().st_size if file.exists() else 'no file'} instead of {size} bytes"
            )
    if not found.num_videos:
        raise ValueError(f"The split {split!r} of {data_dir} holds no videos.")
    return found


def training_batches(
    split: Split, *, num_frames: int, crop: int, flip: bool, batch_size: int, seed: int, first_step: int = 0
) -> tf.data.Dataset:
    """Endless shuffled batches: `num_frames` consecutive frames, a random `crop`, maybe flipped.

    Args:
        first_step: batches to leave out, as a run that was interrupted after them needs; nothing of them is decoded.
    """
    check_crop(split, crop)
    epoch, skipped = divmod(first_step * batch_size, split.num_videos)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        base = tf.stack([tf.cast(seed, tf.int64), epoch])
        files = tf.random.experimental.stateless_shuffle(tf.constant(split.files), base)

        def mix(index: tf.Tensor, block: tf.Tensor) -> tf.Tensor:
            return tf.random.experimental.stateless_shuffle(
                block, tf.random.experimental.stateless_fold_in(base, index)
            )

        shuffled = (
            read(tf.data.Dataset.from_tensor_slices(files))
            .batch(SHUFFLE_BLOCK)
            .enumerate()
            .map(mix)
            .prefetch(1)
            .unbatch()
        )
        return shuffled.enumerate().map(lambda position, record: (epoch, position, record))

    def clip(epoch: tf.Tensor, position: tf.Tensor, serialized: tf.Tensor) -> Batch:
        record = records.parse(serialized)
        base = tf.stack([tf.cast(seed, tf.int64), epoch * split.num_videos + position])
        seeds = [tf.cast(tf.random.experimental.stateless_fold_in(base, i), tf.int64) for i in range(3)]
        chosen = tf.gather(
            record.streams["rgb"], clips.random_clip(tf.size(record.streams["rgb"]), num_frames, seeds[0])
        )
        box = clips.random_box(*clips.jpeg_size(chosen[0]), crop, seeds[1])
        pixels = tf.ensure_shape(clips.decode(chosen, box, crop), [num_frames, crop, crop, 3])
        if flip:
            pixels = clips.random_flip(pixels, seeds[2])
        return example(pixels, record)

    return (
        tf.data.Dataset.range(epoch, tf.int64.max)
        .flat_map(one_epoch)
        .skip(skipped)
        .map(clip, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size, drop_remainder=True)
        .prefetch(2)
    )


def evaluation_batches(
    split: Split, *, at_least: int, crop: int, batch_size: int, replicas: int = 1, backwards: bool = False
) -> tf.data.Dataset:
    """Every video once: all its frames, looped up to `at_least`, centre crop.

    Videos of at most `at_least` frames come in batches of `batch_size`, longer ones one for each replica. A batch
    that is not full repeats its first clip with weight 0, so that the numbers depend on neither.
    """
    check_crop(split, crop)

    def clip(record: records.Record) -> Batch:
        chosen = tf.gather(record.streams["rgb"], clips.all_frames(tf.size(record.streams["rgb"]), at_least, backwards))
        box = clips.centre_box(*clips.jpeg_size(chosen[0]), crop)
        return example(clips.decode(chosen, box, crop), record)

    def chosen(records_: tf.data.Dataset) -> tf.data.Dataset:
        return records_.map(clip, num_parallel_calls=2)

    every = read(tf.data.Dataset.from_tensor_slices(list(split.files))).map(records.parse)
    usual = chosen(every.filter(lambda record: tf.size(record.streams["rgb"]) <= at_least)).batch(batch_size)
    usual = usual.map(lambda batch: padded(batch, batch_size))
    if split.longest <= at_least:
        return usual.prefetch(1)
    long = chosen(every.filter(lambda record: tf.size(record.streams["rgb"]) > at_least)).batch(1)
    return usual.concatenate(long.map(lambda batch: padded(batch, replicas))).prefetch(1)


def read(files: tf.data.Dataset) -> tf.data.Dataset:
    """Serialized records of shards, a few shards at a time, always in the same order."""
    return files.interleave(
        tf.data.TFRecordDataset, cycle_length=READERS, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def example(pixels: tf.Tensor, record: records.Record) -> Batch:
    return dict(clip=pixels, label=record.label, weight=tf.constant(1.0), media_id=record.media_id)


def padded(batch: Batch, size: int) -> Batch:
    """A batch filled up to `size` with its first clip at weight 0."""
    count = tf.shape(batch["label"])[0]
    indices = tf.where(tf.range(size) < count, tf.range(size), 0)
    filled = {key: tf.gather(value, indices) for key, value in batch.items()}
    filled["weight"] = tf.cast(tf.range(size) < count, tf.float32)
    return filled


def check_crop(split: Split, crop: int) -> None:
    if crop > min(split.frame_size):
        raise ValueError(
            f"The crop must fit into the stored frames of {split.frame_size[0]}x{split.frame_size[1]} pixels; prepare "
            f"larger frames or set a smaller crop. Received: {crop}"
        )

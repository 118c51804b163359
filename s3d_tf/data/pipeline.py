"""The tf.data chain: records -> batches of uint8 clips. Deterministic from (seed, epoch, position)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from . import clips, records
from .damage import Damage
from .split import Split

Batch = dict[str, tf.Tensor]
"""`clip` [B, T, H, W, 3] uint8 RGB, or `flow` [B, T, H, W, 2] uint8, or both; `label` [B] int64, `weight` [B] float32
(0 marks padding), `media_id` [B] string. With views they are [B, V, T, H, W, C]."""

KEYS = {records.RGB_STREAM: "clip", records.FLOW_STREAM: "flow"}
"""Where each stream lies in a batch."""


GROUP_BYTES = 64 << 20
"""Batches up to this size are decoded as a whole, larger ones clip by clip, so that not too many are held at once."""


@dataclasses.dataclass(frozen=True)
class Views:
    """Evaluation on several clips of a video instead of all its frames.

    Attributes:
        num_clips: clips of `num_frames` consecutive frames, evenly spread over the video.
        num_crops: of each clip: 1, the centre, or 3, along the longer side.
        num_frames: frames of a clip; shorter videos are looped.
    """

    num_clips: int
    num_crops: int = 1
    num_frames: int = 64

    def __post_init__(self):
        if self.num_clips < 1 or self.num_crops not in (1, 3) or self.num_frames < 1:
            raise ValueError(f"Views are 1 clip or more, of 1 or 3 crops, of 1 frame or more. Received: {self}")


@tf.autograph.experimental.do_not_convert  # nothing to convert; looking for it takes a second
def training_batches(
    split: Split,
    *,
    num_frames: int,
    crop: int,
    flip: bool,
    batch_size: int,
    seed: int,
    first_batch: int = 0,
    streams: Sequence[str] = (records.RGB_STREAM,),
    damage: Damage | None = None,
    replicas: int = 1,
    worker: int = 0,
    num_workers: int = 1,
) -> tf.data.Dataset:
    """Endless shuffled batches: `num_frames` consecutive frames, a random `crop`, maybe flipped.

    Args:
        batch_size: clips of a batch.
        first_batch: batches of all workers to leave out, as a run that was interrupted after them needs; nothing of
            them is read.
        streams: RGB and flow of one clip share frames, crop and flip.
        damage: counts damaged records; a limit of `damage.LIMIT` by default.
        replicas, worker, num_workers: of each `replicas` x `num_workers` batches give the `worker`th `replicas` only.

    Raises:
        ValueError: a crop that does not fit, a stream that was not prepared, flips where left and right matter.
    """
    check(split, crop, streams)
    check_flip(split, flip)

    def choose(seeds: tf.Tensor, index: tf.Tensor) -> dict:
        record = records.parse(split.load(index), streams)
        frames = clips.random_clip(clips.num_frames(record), num_frames, seeds[0])
        box = clips.random_box(*tf.unstack(record.size), crop, seeds[1])
        mirrored = tf.random.stateless_uniform([], seeds[2]) < (0.5 if flip else 0.0)
        chosen = clips.Chosen(gather(record, frames), box, record.size, mirrored)
        return dict(chosen=chosen, label=record.label, media_id=record.media_id)

    def decode(choice: dict) -> Batch:
        return example(clips.decode(choice["chosen"], crop), choice["label"], choice["media_id"])

    return endless(
        split,
        choose,
        decode,
        num_bytes=num_frames * crop * crop * 3,
        batch_size=batch_size,
        seed=seed,
        first_batch=first_batch,
        damage=damage,
        replicas=replicas,
        worker=worker,
        num_workers=num_workers,
    )


def endless(
    split: Split,
    choose: Callable[[tf.Tensor, tf.Tensor], dict],
    decode: Callable[[dict], Batch],
    *,
    num_bytes: int,
    batch_size: int,
    seed: int,
    first_batch: int = 0,
    damage: Damage | None = None,
    replicas: int = 1,
    worker: int = 0,
    num_workers: int = 1,
) -> tf.data.Dataset:
    """Endless shuffled batches of whatever is made of one record; a damaged record is replaced by the next whole one.

    Args:
        choose: of three seeds `[3, 2]` int64 and a record's number, what is to be decoded of it.
        decode: one choice, or several with one more dimension in front, to a batch.
        num_bytes: of one decoded clip.
        others: see `training_batches`.

    Raises:
        ValueError: batches left out that cannot be shared among the workers.
    """
    if first_batch % (replicas * num_workers):
        raise ValueError(
            f"first_batch must be a multiple of {replicas} replicas x {num_workers} workers. Received: {first_batch}"
        )
    damage = damage or Damage(split)

    def choose_numbered(seeds: tf.Tensor, index: tf.Tensor) -> dict:
        return dict(choose(seeds, index), seeds=seeds, index=index)

    def choose_whole(position: tf.Tensor, index: tf.Tensor) -> dict:
        base = tf.stack([tf.cast(seed, tf.int64), position])
        seeds = tf.stack([tf.random.experimental.stateless_fold_in(base, i) for i in range(3)])
        return damage.or_next(lambda number: choose_numbered(tf.cast(seeds, tf.int64), number), index)

    def decode_alone(choice: dict) -> Batch:
        return damage.or_next(lambda number: decode(choose_numbered(choice["seeds"], number)), choice["index"])

    # Frames are decoded to their place in the batch: copying clips together would take a fifth of the time.
    group = batch_size if batch_size * num_bytes <= GROUP_BYTES else 1
    decoded = (
        order(split, batch_size, seed, first_batch)
        .batch(replicas)
        .shard(num_workers, worker)
        .unbatch()
        .unbatch()
        .map(choose_whole, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(group, drop_remainder=True)
        .map(
            lambda choices: damage.or_one_by_one(decode, decode_alone, choices),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
    )
    batches = decoded if group == batch_size else decoded.unbatch().batch(batch_size, drop_remainder=True)
    return batches.prefetch(2 * replicas).apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))


def order(split: Split, batch_size: int, seed: int, first_batch: int = 0) -> tf.data.Dataset:
    """Which record is where: endless batches of (position over all epochs, record), each `[batch_size]` int64."""
    epoch, skipped = divmod(first_batch * batch_size, split.num_videos)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        base = tf.stack([tf.cast(seed, tf.int64), epoch])
        indices = tf.random.experimental.stateless_shuffle(tf.range(split.num_videos, dtype=tf.int64), base)
        positions = epoch * split.num_videos + tf.range(split.num_videos, dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices((positions, indices))

    return tf.data.Dataset.range(epoch, tf.int64.max).flat_map(one_epoch).skip(skipped).batch(batch_size)


@tf.autograph.experimental.do_not_convert  # nothing to convert; looking for it takes a second
def evaluation_batches(
    split: Split,
    *,
    at_least: int,
    crop: int,
    batch_size: int,
    replicas: int = 1,
    backwards: bool = False,
    streams: Sequence[str] = (records.RGB_STREAM,),
    views: Views | None = None,
) -> tf.data.Dataset:
    """Every video once: all its frames, looped up to `at_least`, centre crop; or some `views` of it.

    Videos of at most `at_least` frames come in batches of `batch_size`, longer ones one for each replica. A batch
    that is not full repeats its first clip with weight 0, so that the numbers depend on neither. A damaged record is
    left out: it is the caller who compares what came with `split.media_ids`.
    """
    check(split, crop, streams)
    if backwards and records.FLOW_STREAM in streams:
        raise ValueError(f"Flow is of one direction: backwards takes RGB only. Received: {', '.join(streams)}")

    def clip(index: tf.Tensor) -> Batch:
        record = records.parse(split.load(index), streams)
        count, (height, width) = clips.num_frames(record), tf.unstack(record.size)
        if views is None:
            frames = clips.all_frames(count, at_least, backwards)
            box, size = clips.centre_box(height, width, crop), record.size
        else:
            spread = clips.spread_clips(count, views.num_frames, views.num_clips, backwards)
            boxes = clips.spread_boxes(height, width, crop, views.num_crops)
            frames = tf.repeat(tf.stack(spread), views.num_crops, axis=0)
            box = tf.tile(tf.stack(boxes), [views.num_clips, 1])
            size = tf.tile(record.size[None], [views.num_clips * views.num_crops, 1])
        chosen = clips.Chosen(gather(record, frames), box, size, tf.zeros(box.shape[:-1], tf.bool))
        return example(clips.decode(chosen, crop), record.label, record.media_id)

    def batches(indices: np.ndarray, size: int, full: int) -> tf.data.Dataset:
        found = tf.data.Dataset.from_tensor_slices(indices).map(clip, num_parallel_calls=2, deterministic=True)
        found = found.ignore_errors()
        if full == 1:  # nothing to be copied together
            return found.map(lambda batch: {key: value[None] for key, value in batch.items()})
        return found.batch(size).map(lambda batch: padded(batch, full))

    usual = np.flatnonzero(split.num_frames <= at_least) if views is None else np.arange(split.num_videos)
    long = np.setdiff1d(np.arange(split.num_videos), usual)
    found = batches(usual, batch_size, batch_size)
    if len(long):
        found = found.concatenate(batches(long, 1, replicas))
    return found.prefetch(1)


def gather(record: records.Record, frames: tf.Tensor) -> dict[str, tf.Tensor]:
    return {stream: tf.gather(jpegs, frames) for stream, jpegs in record.streams.items()}


def example(pixels: dict[str, tf.Tensor], label: tf.Tensor, media_id: tf.Tensor) -> Batch:
    named = {KEYS[stream]: value for stream, value in pixels.items()}
    return dict(named, label=label, weight=tf.ones_like(label, tf.float32), media_id=media_id)


def padded(batch: Batch, size: int) -> Batch:
    """A batch filled up to `size` with its first clip at weight 0."""
    count = tf.shape(batch["label"])[0]
    indices = tf.where(tf.range(size) < count, tf.range(size), 0)
    filled = {key: tf.gather(value, indices) for key, value in batch.items()}
    filled["weight"] = tf.cast(tf.range(size) < count, tf.float32)
    return filled


def check_flip(split: Split, flip: bool) -> None:
    """Raises a ValueError for flips where left and right matter."""
    if flip and not split.may_flip:
        raise ValueError(
            f"The classes of {split.dataset} tell left from right; do not flip (--flip=false). Received: flip={flip}"
        )


def check(split: Split, crop: int, streams: Sequence[str] = (records.RGB_STREAM,)) -> None:
    """Raises a ValueError when the stored frames do not have what is asked of them."""
    smaller = split.frame_size if isinstance(split.frame_size, int) else min(split.frame_size)
    if crop > smaller:
        raise ValueError(
            f"The crop must fit into the stored frames, whose smaller side is {smaller} pixels; prepare larger frames "
            f"or set a smaller crop. Received: {crop}"
        )
    check_streams(split, streams)


def check_streams(split: Split, streams: Sequence[str]) -> None:
    """Raises a ValueError for streams that were not prepared."""
    if lacking := [stream for stream in streams if stream not in split.streams]:
        raise ValueError(
            f"The records hold {', '.join(split.streams)}; prepare them with --streams. Received: {', '.join(lacking)}"
        )

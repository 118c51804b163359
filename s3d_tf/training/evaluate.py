"""Top-1 and top-5 of a network on a split, with the protocol beside the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ..data import clips
from ..data.damage import LIMIT
from ..data.pipeline import Batch, Views, evaluation_batches
from ..data.split import Split
from ..weights import Preprocessing


class Predictions(NamedTuple):
    """The logits of every video of a split, in the order of its records, those of long videos last."""

    logits: np.ndarray  # [N, num_classes] float32
    labels: np.ndarray  # [N] int64
    media_ids: list[str]


def evaluate(
    model: keras.Model,
    split: Split,
    *,
    at_least: int,
    batch_size: int,
    strategy: tf.distribute.Strategy,
    backwards: bool = False,
    views: Views | None = None,
    max_damaged: int = LIMIT,
) -> tuple[dict, Predictions]:
    """Shows a network every video of a split once: all frames, looped up to `at_least`, centre crop.

    Args:
        model: made under `strategy`, with its `preprocessing` (as `load_pretrained` gives it).
        at_least: frames; shorter videos are looped.
        batch_size: clips a step over all replicas; it does not change the numbers.
        backwards: play every video backwards.
        views: instead of all frames; the logits of a video's views are averaged.
        max_damaged: records damaged after preparation that may be left out.

    Returns:
        `top1` and `top5` in [0, 1], `num_videos`, `damaged` (names of the records left out), `chance` and `protocol`;
        and the predictions behind them.

    Raises:
        ValueError: more damaged records than that, or nothing whole.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(f"batch_size must be a multiple of the {replicas} replicas. Received: {batch_size}")
    crop = model.preprocessing.crop
    batches = evaluation_batches(
        split, at_least=at_least, crop=crop, batch_size=batch_size, replicas=replicas, backwards=backwards, views=views
    )
    predict = forward(model, strategy)
    found: list[tuple[np.ndarray, ...]] = []
    with tqdm(total=split.num_videos, unit="video", desc="backwards" if backwards else "evaluating") as bar:
        for batch in strategy.experimental_distribute_dataset(batches.map(without_strings)):
            outputs = (strategy.experimental_local_results(output) for output in predict(batch))
            logits, labels, weights, media_ids = (np.concatenate([v.numpy() for v in values]) for values in outputs)
            real = weights > 0
            found.append((logits[real], labels[real], media_ids[real]))
            bar.update(int(real.sum()))
    logits, labels, media_ids = (np.concatenate(column) for column in zip(*found, strict=True)) if found else ((),) * 3
    names = [bytes(row).rstrip(b"\0").decode("utf-8", "surrogateescape") for row in media_ids]
    damaged = left_out(split, names, max_damaged)
    result = dict(
        top1=top_k(logits, labels, 1),
        top5=top_k(logits, labels, 5),
        num_videos=len(labels),
        damaged=damaged,
        chance=1 / len(split.classes),
        protocol=protocol(split, at_least, crop, views, backwards) | dict(pixels=pixel_scale(model.preprocessing)),
    )
    return result, Predictions(logits, labels, names)


def left_out(split: Split, seen: list[str], limit: int) -> list[str]:
    """The names of the records that did not come.

    Raises:
        OSError: their shard is out of reach.
        ValueError: more than `limit` of them, or all.
    """
    damaged = sorted(set(split.media_ids) - set(seen))
    missing = set(damaged)
    split.check_readable(index for index, name in enumerate(split.media_ids) if name in missing)
    if len(damaged) > limit or not seen:
        raise ValueError(
            f"{len(damaged)} of {split.num_videos} records are damaged, more than the {limit} that may be left out; "
            f"run scripts/inspect_dataset.py --check. Received: {', '.join(damaged[:20])}"
        )
    if len(seen) + len(damaged) != split.num_videos:
        raise ValueError(f"Not every video came once. Received: {len(seen)} of {split.num_videos}")
    return damaged


def protocol(split: Split, at_least: int, crop: int, views: Views | None, backwards: bool) -> dict[str, str]:
    """What was shown of each video, in words, for beside a number."""
    size = split.frame_size
    stored = f"shorter side {size}" if isinstance(size, int) else f"{size[0]}x{size[1]}"
    frames = f"all, shorter videos looped to {at_least}"
    if views:
        frames = f"{views.num_clips} clips of {views.num_frames} by {views.num_crops} crops, logits averaged"
    return dict(
        frames=frames,
        rate=f"{split.fps:g} fps" if split.fps else "frame rates as they were",
        direction="backwards" if backwards else "forwards",
        crop=f"{'centre ' if not views or views.num_crops == 1 else ''}{crop}x{crop} of {stored}",
    )


def without_strings(batch: Batch) -> Batch:
    """The batch with its media ids as `[B, 4096]` uint8, zeros behind: strings cannot go to every device."""
    return {**batch, "media_id": tf.io.decode_raw(batch["media_id"], tf.uint8, fixed_length=4096)}


def forward(model: keras.Model, strategy: tf.distribute.Strategy) -> Callable:
    """A compiled function from a distributed batch to (logits, labels, weights, media ids)."""

    scaling = model.preprocessing.scale_and_offset()

    def replica(batch: Batch):
        clip = clips.scale(batch["clip"], *scaling)  # [B, (V,) T, H, W, 3]
        views = tf.reshape(clip, [-1, *tf.unstack(tf.shape(clip)[-4:])]) if clip.shape.rank == 6 else clip
        logits = model(views, training=False)
        if clip.shape.rank == 6:
            logits = tf.reduce_mean(tf.reshape(logits, [tf.shape(clip)[0], -1, logits.shape[-1]]), 1)
        return logits, batch["label"], batch["weight"], batch["media_id"]

    return tf.function(lambda batch: strategy.run(replica, args=(batch,)), reduce_retracing=True)


def pixel_scale(preprocessing: Preprocessing) -> str:
    """In words, for the protocol beside a number."""
    if preprocessing.mean is not None:
        return f"RGB less {preprocessing.mean}, by {preprocessing.std}"
    return "RGB in [{:g}, {:g}]".format(*preprocessing.pixel_range)


def top_k(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of the rows whose label is among the `k` largest logits; of equal logits the lower id goes first."""
    ranked = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return float((ranked == labels[:, None]).any(axis=1).mean())

"""Top-1 and top-5 of a network, or of an RGB and a flow network together, with the protocol beside the numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ..data import clips
from ..data.damage import LIMIT
from ..data.pipeline import KEYS, Batch, Views, evaluation_batches
from ..data.split import Split
from .measures import Predictions, mean_class_accuracy, per_class, top_k
from .streams import NAMES, Models, by_stream, check_models, check_weights, combined, seen


def evaluate(
    models: Models,
    split: Split,
    *,
    at_least: int,
    batch_size: int,
    strategy: tf.distribute.Strategy,
    backwards: bool = False,
    views: Views | None = None,
    max_damaged: int = LIMIT,
    stream_weights: Mapping[str, float] | None = None,
    before_batch: Callable[[], None] = lambda: None,
) -> tuple[dict, Predictions]:
    """Shows networks every video of a split once: all frames, looped up to `at_least`, centre crop.

    Args:
        models: one, which sees the stream that its `preprocessing.modality` names; or one for each stream, whose logits
            are added (the paper's two-stream networks, Table 4). Made under `strategy`, with their `preprocessing` (as
            `load_pretrained` gives it).
        at_least: frames; shorter videos are looped.
        batch_size: clips a step over all replicas; it does not change the numbers.
        backwards: play every video backwards; RGB only.
        views: instead of all frames; the logits of a video's views are averaged.
        max_damaged: records damaged after preparation that may be left out.
        stream_weights: factor of each stream's logits in the sum; 1 by default.
        before_batch: called before each batch, and once the networks are traced; may raise to stop.

    Returns:
        `top1`, `top5` and `mean_class_accuracy` in [0, 1], `per_class` (see `measures.per_class`), `num_videos`,
        `damaged` (names of the records left out), `chance` and `protocol`; of several streams also `streams`, top1 and
        top5 of each alone on the same videos. And the predictions behind them.

    Raises:
        ValueError: more damaged records than that, or nothing whole; models that do not go together, or streams that
            the records lack.
        FloatingPointError: logits that are no finite numbers.
    """
    models = by_stream(models)
    check_models(models, split)
    factors = check_weights(stream_weights, models)
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(f"batch_size must be a multiple of the {replicas} replicas. Received: {batch_size}")
    crop = next(iter(models.values())).preprocessing.crop
    batches = evaluation_batches(
        split,
        at_least=at_least,
        crop=crop,
        batch_size=batch_size,
        replicas=replicas,
        backwards=backwards,
        streams=tuple(models),
        views=views,
    )
    predict = forward(models, strategy, before_batch)
    found: list[list[np.ndarray]] = []
    name = "evaluating backwards" if backwards else "evaluating"
    # leave=None: below another bar, as in training, this one disappears at the end.
    with tqdm(total=split.num_videos, unit="video", desc=f"{name} (compiling)", leave=None) as bar:
        for batch in strategy.experimental_distribute_dataset(batches.map(without_strings)):
            before_batch()
            outputs = (strategy.experimental_local_results(output) for output in predict(batch))
            weights, *columns = (np.concatenate([v.numpy() for v in values]) for values in outputs)
            found.append([column[weights > 0] for column in columns])
            bar.set_description_str(name, refresh=False)
            bar.update(int((weights > 0).sum()))
    # labels, media ids, then the logits of each stream
    columns = [np.concatenate(column) for column in zip(*found, strict=True)] if found else [()] * (2 + len(models))
    labels, media_ids, *logits = columns
    names = [bytes(row).rstrip(b"\0").decode("utf-8", "surrogateescape") for row in media_ids]
    damaged = left_out(split, names, max_damaged)
    alone = dict(zip(models, logits, strict=True))
    check_finite(alone, names)
    predictions = Predictions(combined(alone, factors), labels, names, alone)
    result = measured(predictions, split) | dict(
        damaged=damaged,
        chance=1 / len(split.classes),
        protocol=protocol(split, at_least, crop, views, backwards) | seen(models, factors),
    )
    return result, predictions


def measured(predictions: Predictions, split: Split) -> dict:
    """The numbers of an evaluation."""
    logits, labels, confusion = predictions.logits, predictions.labels, predictions.confusion
    result = dict(
        top1=top_k(logits, labels, 1),
        top5=top_k(logits, labels, 5),
        mean_class_accuracy=mean_class_accuracy(confusion),
        num_videos=len(labels),
        per_class=per_class(confusion, split.classes),
    )
    if len(predictions.streams) > 1:
        result["streams"] = {
            stream: dict(top1=top_k(alone, labels, 1), top5=top_k(alone, labels, 5))
            for stream, alone in predictions.streams.items()
        }
    return result


def check_finite(logits: Mapping[str, np.ndarray], names: list[str]) -> None:
    """Raises a FloatingPointError for logits that are NaN or infinite: ranked, they would count as something."""
    for stream, rows in logits.items():
        if not (finite := np.isfinite(rows).all(axis=1)).all():
            raise FloatingPointError(
                f"The {NAMES[stream]} model gives logits that are no finite numbers; take an earlier checkpoint. "
                f"Received: {(~finite).sum()} of {len(names)} videos, such as {names[int(np.argmin(finite))]}"
            )


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


def forward(
    models: Mapping[str, keras.Model], strategy: tf.distribute.Strategy, traced: Callable[[], None] = lambda: None
) -> Callable:
    """Returns a compiled function from a distributed batch to weights, labels, media ids and the logits of each model.

    Args:
        traced: called when the networks are traced, before TensorFlow compiles them for seconds; may raise.
    """
    traced = tf.autograph.experimental.do_not_convert(traced)

    def replica(batch: Batch):
        logits = [of_clips(model, batch[KEYS[stream]]) for stream, model in models.items()]
        traced()
        return batch["weight"], batch["label"], batch["media_id"], *logits

    return tf.function(lambda batch: strategy.run(replica, args=(batch,)), reduce_retracing=True)


def of_clips(model: keras.Model, clip: tf.Tensor) -> tf.Tensor:
    """`[B, (V,) T, H, W, C]` uint8 -> logits `[B, num_classes]`, averaged over the views."""
    scaled = clips.scale(clip, *model.preprocessing.scale_and_offset())
    if clip.shape.rank == 5:
        return model(scaled, training=False)
    logits = model(tf.reshape(scaled, [-1, *tf.unstack(tf.shape(scaled)[-4:])]), training=False)
    return tf.reduce_mean(tf.reshape(logits, [tf.shape(clip)[0], -1, logits.shape[-1]]), 1)

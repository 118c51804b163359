"""Activations of a trained part on the split that it is measured on, averaged over space and time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from s3d_tf.data import clips
from s3d_tf.data.pipeline import KEYS, evaluation_batches
from s3d_tf.data.split import Split, open_split
from s3d_tf.files import write_bytes
from s3d_tf.networks import endpoints
from s3d_tf.training import checkpoints

from .part import Part

LABELS = "labels"


def kept(part: Part, path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """What `pooled` gives for a trained part, from `path`, an .npz, if it is there; else it is computed and kept there.

    Raises:
        ValueError: no checkpoint, or no such endpoint.
    """
    if not path.exists():
        model, split = checkpoints.load_weights(path.parent), open_split(part.records, part.split)
        packed = io.BytesIO()
        np.savez(packed, **pooled(model, split, names, part.recipe.eval_frames, part.eval_batch or 1))
        write_bytes(path, packed.getvalue())
    with np.load(path) as found:
        return dict(found)


def pooled(
    model: keras.Model, split: Split, names: Sequence[str], at_least: int, batch_size: int
) -> dict[str, np.ndarray]:
    """The mean activations of every video of a split, all frames, centre crop.

    Args:
        model: with its `preprocessing`.
        names: of endpoints.
        at_least: frames; shorter videos are looped.
        batch_size: videos at once; it does not change the numbers.

    Returns:
        `labels` `[N]` int64, and for each endpoint `[N, C]` float32, means over frames, rows and columns.

    Raises:
        ValueError: no such endpoint.
    """
    p, tapped = model.preprocessing, endpoints(model, list(names))
    key = KEYS[p.modality]
    batches = evaluation_batches(split, at_least=at_least, crop=p.crop, batch_size=batch_size, streams=(p.modality,))

    @tf.function(reduce_retracing=True)
    def means(clip: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tapped(clips.scale(clip, *p.scale_and_offset()), training=False)
        return {name: tf.reduce_mean(tf.cast(found[name], tf.float32), (1, 2, 3)) for name in names}

    rows: list[dict[str, np.ndarray]] = []
    with tqdm(total=split.num_videos, unit="video", desc="activations") as bar:
        for batch in batches:
            whole = batch["weight"].numpy() > 0
            found = means(batch[key]) | {LABELS: batch["label"]}
            rows.append({name: value.numpy()[whole] for name, value in found.items()})
            bar.update(int(whole.sum()))
    return {name: np.concatenate([row[name] for row in rows]) for name in (LABELS, *names)}

"""What a network is trained for: batch -> loss. The step around it (`loop.py`) is the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import keras
import tensorflow as tf

from ..data import clips
from ..data.pipeline import KEYS, Batch
from ..weights import Preprocessing


class Objective(Protocol):
    """A loss and what else is told of a batch.

    Attributes:
        keys: of a batch, what is looked at.
        measures: names of what is told beside the loss.
    """

    keys: Sequence[str]
    measures: Sequence[str]

    def __call__(self, model: keras.Model, batch: Batch, number: tf.Tensor) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        """Sums over the clips of a micro-batch: the loss, and each of the measures; all `[]` float32.

        Args:
            model: called for training; a pure function in here, whose new moving averages the caller takes.
            number: `[]` int64, of the micro-batch in the whole run; seeds follow from it.
        """


class Classification:
    """Cross-entropy of one label a clip.

    Args:
        preprocessing: stream and range of the pixels.
    """

    measures = ("top1", "top5")

    def __init__(self, preprocessing: Preprocessing = Preprocessing()):  # noqa: B008 (frozen)
        self.keys = (KEYS[preprocessing.modality], "label")
        self._scaling = preprocessing.scale_and_offset()

    def __call__(self, model: keras.Model, batch: Batch, number: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        clip, label = (batch[key] for key in self.keys)
        logits = tf.cast(model(clips.scale(clip, *self._scaling), training=True), tf.float32)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
        rank = tf.reduce_sum(tf.cast(logits > tf.gather(logits, label, axis=1, batch_dims=1)[:, None], tf.int32), 1)
        return tf.reduce_sum(losses), [tf.reduce_sum(tf.cast(rank < k, tf.float32)) for k in (1, 5)]

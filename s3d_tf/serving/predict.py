"""A network on a video file, in this process: an exported model, or weights of any known source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..files import read_json
from ..weights import Preprocessing, load_pretrained
from . import video_input
from .answer import Answer, average, of_window
from .classifier import PIXELS, Classifier
from .decoding import UNLIMITED
from .export import METADATA, versions


class Predictor:
    """Classifies videos.

    Args:
        module: what `classify` belongs to; TensorFlow's functions do not keep it alive.
        classify: the signature `frames`: `[B, T, H, W, C]` uint8 of each stream -> a dict with `logits`
            `[B, num_classes]`.
        streams: what `classify` does to the frames of each stream.
        labels: class names in the order of the logits.
        max_frames: that `classify` takes.
    """

    def __init__(
        self,
        module,
        classify: Callable[..., dict[str, tf.Tensor]],
        streams: Mapping[str, Preprocessing],
        labels: list[str],
        max_frames: int,
    ):
        self._module, self._classify = module, classify
        self.streams, self.labels, self.max_frames = dict(streams), list(labels), max_frames

    def predict(self, path: Path) -> Answer:
        """Classifies a video by all of its frames; the logits of several windows are averaged, by their frames.

        Raises:
            ValueError: no frame of the file decodes.
        """
        windows = video_input.windows(path, self.streams, min(video_input.WINDOW, self.max_frames))
        return average((self._answer(shown) for shown in windows), self.labels)

    def _answer(self, shown: video_input.Window) -> Answer:
        given = {PIXELS[stream]: tf.constant(frames[None]) for stream, frames in shown.streams.items()}
        return of_window(shown, np.asarray(self._classify(**given)["logits"])[0], self.labels)


def load_predictor(path: Path) -> Predictor:
    """A `Predictor` of what lies at a path.

    Args:
        path: a folder that `export` wrote (the newest of its versions, or one version), or weights that
            `load_pretrained` knows.

    Raises:
        ValueError: neither.
    """
    if version := find_version(path):
        known = read_json(version / METADATA)
        try:
            model = tf.saved_model.load(str(version))
            streams = {stream: Preprocessing.from_json(values) for stream, values in known["streams"].items()}
            return Predictor(model, model.signatures["frames"], streams, known["labels"], known["max_frames"])
        except (OSError, KeyError, TypeError, AttributeError, IndexError, tf.errors.OpError) as error:
            raise ValueError(f"{version} holds no model that can be loaded: {error}") from None
    if not path.exists() or (path.is_dir() and not (path / "model.json").exists()):
        raise ValueError(
            "No exported model and no weights: name a folder that scripts/export.py, scripts/train.py or "
            f"scripts/convert_weights.py wrote, or a weights file. Received: {path}"
        )
    return predictor_of(load_pretrained(str(path)))


def predictor_of(model: keras.Model) -> Predictor:
    """A `Predictor` of a network that has its `preprocessing`."""
    classifier = Classifier({model.preprocessing.modality: model}, limits=UNLIMITED)
    signature = classifier.signatures()["frames"]

    def classify(**given: tf.Tensor) -> dict[str, tf.Tensor]:
        return signature(*given.values())

    return Predictor(classifier, classify, classifier.streams, classifier.labels, classifier.limits.max_frames)


def find_version(directory: Path) -> Path | None:
    """The folder of the newest exported version in a folder, or the folder itself when it is one; None if neither."""
    if not directory.is_dir():
        return None
    numbers = versions(directory)
    for candidate in (directory, directory / str(numbers[-1] if numbers else "")):
        if (candidate / "saved_model.pb").exists() and (candidate / METADATA).exists():
            return candidate
    return None

"""A network on a video file, in this process: an exported model, or weights of any known source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ..data import video
from ..files import read_json
from ..weights import Preprocessing, load_pretrained
from .export import METADATA, Classifier, versions

WINDOW = 250  # frames at once; longer videos go in equal windows whose logits are averaged


class Prediction(NamedTuple):
    """What a network says of one video."""

    frames: np.ndarray  # [T, rows, columns, 3] uint8 RGB, resized, before the crop
    ranking: list[tuple[str, float]]  # every class with its score in [0, 1], falling
    logits: np.ndarray  # [num_classes] float32


class Predictor:
    """Classifies video files.

    Args:
        module: what `classify` belongs to; TensorFlow's functions do not keep it alive.
        classify: `frames` `[B, T, H, W, 3]` uint8 RGB -> a dict with `logits` `[B, num_classes]`.
        preprocessing: what `classify` does to the frames; its labels name the logits.
    """

    def __init__(self, module, classify: Callable[..., dict[str, tf.Tensor]], preprocessing: Preprocessing):
        self._module, self._classify, self.preprocessing = module, classify, preprocessing

    def predict(self, path: Path) -> Prediction:
        """Classifies all frames of a video file.

        Raises:
            ValueError: no frame of the file decodes.
        """
        frames = read_frames(path, self.preprocessing)
        windows = np.array_split(frames, -(-len(frames) // WINDOW))
        outputs = [self._classify(frames=tf.constant(window[None])) for window in windows]
        logits = np.mean([output["logits"][0].numpy() for output in outputs], axis=0)
        scores = tf.nn.softmax(logits).numpy()
        labels = self.preprocessing.labels or [str(index) for index in range(len(scores))]
        order = np.argsort(-scores, kind="stable")
        return Prediction(frames, [(labels[i], float(scores[i])) for i in order], logits)


def load_predictor(path: Path) -> Predictor:
    """A `Predictor` of what lies at a path.

    Args:
        path: a folder that `export` wrote (the newest of its versions, or one version), or weights that
            `load_pretrained` knows.

    Raises:
        ValueError: neither.
    """
    if version := find_version(path):
        metadata = read_json(version / METADATA)
        try:
            model = tf.saved_model.load(str(version))
            preprocessing = Preprocessing.from_json(metadata["preprocessing"])
            return Predictor(model, model.signatures["serving_default"], preprocessing)
        except (OSError, KeyError, TypeError, IndexError, tf.errors.OpError) as error:
            raise ValueError(f"{version} holds no model that can be loaded: {error}") from None
    if not path.exists() or (path.is_dir() and not (path / "model.json").exists()):
        raise ValueError(
            "No exported model and no weights: name a folder that scripts/export.py or scripts/convert_weights.py "
            f"wrote, or a weights file. Received: {path}"
        )
    model = load_pretrained(str(path))
    classifier = Classifier(model, model.preprocessing)
    return Predictor(classifier, classifier.classify, model.preprocessing)


def find_version(directory: Path) -> Path | None:
    """The folder of the newest exported version in a folder, or the folder itself when it is one; None if neither."""
    if not directory.is_dir():
        return None
    numbers = versions(directory)
    for candidate in (directory, directory / str(numbers[-1] if numbers else "")):
        if (candidate / "saved_model.pb").exists() and (candidate / METADATA).exists():
            return candidate
    return None


def read_frames(path: Path, preprocessing: Preprocessing) -> np.ndarray:
    """All frames of a video `[T, rows, columns, 3]` uint8 RGB, resized as `preprocessing` says.

    Raises:
        ValueError: no frame of the file decodes.
    """
    try:
        clip = video.read_video(path, preprocessing.resize, min_decoded=0)
    except video.VideoError as error:
        raise ValueError(f"Cannot read {path}: {error}") from None
    return np.stack([frame.rgb for frame in clip.frames])

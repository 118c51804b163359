"""An exported model on a video file, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ..data import video
from ..files import read_json
from . import export

WINDOW = 250  # frames at once; longer videos go in equal windows whose logits are averaged


class Prediction(NamedTuple):
    """What a network says of one video."""

    frames: np.ndarray  # [T, rows, columns, 3] uint8 RGB, resized, before the crop
    ranking: list[tuple[str, float]]  # every class with its score in [0, 1], falling
    logits: np.ndarray  # [num_classes] float32


class ExportedModel:
    """A model written by `export.export`, loaded back.

    Args:
        directory: the folder of versions, of which the newest is taken, or one version's folder.

    Raises:
        ValueError: neither.
    """

    def __init__(self, directory: Path):
        self.folder = find_version(directory)
        metadata = read_json(self.folder / export.METADATA)
        self.preprocessing = export.Preprocessing(
            tuple(metadata["frame_size"]), metadata["crop"], metadata["min_frames"]
        )
        try:
            self._model = tf.saved_model.load(str(self.folder))
            self._classify = self._model.signatures["serving_default"]
        except (OSError, KeyError, tf.errors.OpError) as error:
            raise ValueError(f"{self.folder} holds no model that can be loaded: {error}") from None

    def predict(self, path: Path) -> Prediction:
        """Classifies all frames of a video file.

        Raises:
            ValueError: no frame of the file decodes.
        """
        try:
            clip = video.read_video(path, self.preprocessing.frame_size, min_decoded=0)
        except video.VideoError as error:
            raise ValueError(f"Cannot read {path}: {error}") from None
        frames = np.stack([frame.rgb for frame in clip.frames])
        windows = np.array_split(frames, -(-len(frames) // WINDOW))
        outputs = [self._classify(frames=tf.constant(window[None])) for window in windows]
        logits = np.mean([output["logits"][0].numpy() for output in outputs], axis=0)
        labels = (self.folder / export.LABELS).read_text(encoding="utf-8").splitlines()
        scores = tf.nn.softmax(logits).numpy()
        order = np.argsort(-scores, kind="stable")
        return Prediction(frames, [(labels[i], float(scores[i])) for i in order], logits)


def find_version(directory: Path) -> Path:
    """The folder of the newest version, or the folder itself when it is one.

    Raises:
        ValueError: no SavedModel there.
    """
    candidate = directory
    if directory.is_dir() and not (directory / "saved_model.pb").exists() and (found := export.versions(directory)):
        candidate = directory / str(found[-1])
    for name in ("saved_model.pb", export.METADATA):
        if not (candidate / name).exists():
            raise ValueError(
                f"No exported model: {candidate / name} is missing; name the folder that scripts/export.py wrote. "
                f"Received: {directory}"
            )
    return candidate

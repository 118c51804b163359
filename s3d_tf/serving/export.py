"""A network with its preprocessing and labels -> a SavedModel in a TF Serving version folder."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import keras
import tensorflow as tf

from ..data import clips
from ..files import write_json, write_text

METADATA = "assets.extra/s3d_tf.json"
LABELS = "assets.extra/labels.txt"


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How uint8 RGB frames become the network's clip; it is part of the exported graph.

    Attributes:
        frame_size: rows and columns that frames are resized to, pixels.
        crop: rows and columns of the centre crop, pixels.
        min_frames: shorter clips are looped up to this many.
    """

    frame_size: tuple[int, int] = (256, 256)
    crop: int = 224
    min_frames: int = 64


class Classifier(tf.Module):
    """The exported graph: frames in, named classes out.

    Args:
        model: `[B, T, H, W, 3]` float32 in [-1, 1] -> logits `[B, num_classes]`.
        labels: name of each class.
        preprocessing: see `Preprocessing`.
    """

    def __init__(self, model: keras.Model, labels: tuple[str, ...], preprocessing: Preprocessing):
        super().__init__(name="s3d_tf")
        if model.output_shape[-1] != len(labels):
            raise ValueError(f"There must be a label a logit. Received: {len(labels)} and {model.output_shape[-1]}")
        self._call = lambda clip: model(clip, training=False)
        self._variables = [variable.value for variable in model.variables]  # saved with the graph that captures them
        self._labels = tf.constant(labels)
        self._preprocessing = preprocessing

    def preprocess(self, frames: tf.Tensor) -> tf.Tensor:
        """`[B, T, H, W, 3]` uint8 RGB -> the network's clip `[B, T', crop, crop, 3]` float32 in [-1, 1]."""
        p = self._preprocessing
        frames = tf.ensure_shape(frames, [None, None, None, None, 3])  # names the shape that was received
        shape = tf.shape(frames)
        given = tf.debugging.assert_positive(shape[:4], "A clip needs at least one frame of at least one pixel.")
        with tf.control_dependencies([given]):
            flat = tf.reshape(frames, [-1, shape[2], shape[3], 3])
        fits = tf.reduce_all(shape[2:4] == tf.constant(p.frame_size))
        resized = tf.cond(fits, lambda: flat, lambda: self._resize(flat))
        cropped = clips.crop_centre(resized, p.crop)
        clip = tf.reshape(cropped, [shape[0], shape[1], p.crop, p.crop, 3])
        clip = tf.gather(clip, clips.all_frames(shape[1], p.min_frames), axis=1)
        return clips.scale(clip)

    def _resize(self, flat: tf.Tensor) -> tf.Tensor:
        size = self._preprocessing.frame_size  # a frame at a time: all at once would be held as floats at full size
        return tf.map_fn(
            lambda frame: clips.resize(frame[None], size)[0],
            flat,
            fn_output_signature=tf.TensorSpec([*size, 3], tf.uint8),
        )

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None, 3], tf.uint8, name="frames")])
    def classify(self, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        """`[B, T, H, W, 3]` uint8 RGB of any size -> `logits` `[B, N]` in the order of the labels, and all classes by
        falling score: `scores` `[B, N]` in [0, 1] and `classes` `[B, N]` strings."""
        logits = self._call(self.preprocess(frames))
        scores, order = tf.math.top_k(tf.nn.softmax(logits), tf.shape(self._labels)[0])
        return dict(logits=logits, scores=scores, classes=tf.gather(self._labels, order))


def export(model: keras.Model, labels: tuple[str, ...], preprocessing: Preprocessing, directory: Path) -> Path:
    """Writes the next version of a model, under a temporary name that is then renamed.

    Args:
        directory: the folder that TF Serving watches; versions are its folders 1, 2, ...

    Returns:
        The version's folder.
    """
    directory.mkdir(parents=True, exist_ok=True)
    version = directory / str(max(versions(directory), default=0) + 1)
    temporary = directory / f"tmp-{version.name}-{os.getpid()}"
    try:
        module = Classifier(model, labels, preprocessing)
        tf.saved_model.save(module, str(temporary), signatures={"serving_default": module.classify})
        (temporary / METADATA).parent.mkdir(exist_ok=True)
        write_json(temporary / METADATA, dict(network=model.name, **dataclasses.asdict(preprocessing)))
        write_text(temporary / LABELS, "".join(f"{label}\n" for label in labels))
        os.replace(temporary, version)
    except tf.errors.OpError as error:
        raise OSError(f"Cannot write {version}: {error.message}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return version


def versions(directory: Path) -> list[int]:
    """The versions in a folder that TF Serving would see, rising."""
    return sorted(int(child.name) for child in directory.iterdir() if child.name.isdigit() and child.is_dir())

"""A network with its preprocessing and labels -> a SavedModel in a TF Serving version folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import keras
import tensorflow as tf

from ..data import clips
from ..files import write_json, write_text
from ..weights import Preprocessing

METADATA = "assets.extra/s3d_tf.json"
LABELS = "assets.extra/labels.txt"


class Classifier(tf.Module):
    """The exported graph: frames in, named classes out.

    Args:
        model: `[B, T, H, W, 3]` float32, scaled as `preprocessing` says -> logits `[B, num_classes]`.
        preprocessing: how uint8 RGB frames become that clip; labels that it lacks are numbers.

    Raises:
        ValueError: a network of flow, or labels that do not fit the logits.
    """

    def __init__(self, model: keras.Model, preprocessing: Preprocessing):
        super().__init__(name="s3d_tf")
        num_classes = model.output_shape[-1]
        if preprocessing.modality != "rgb":
            raise ValueError(f"Only networks of RGB frames can be served. Received: {preprocessing.modality}")
        self.labels = preprocessing.labels or tuple(str(index) for index in range(num_classes))
        if num_classes != len(self.labels):
            raise ValueError(f"There must be a label a logit. Received: {len(self.labels)} and {num_classes}")
        self.preprocessing = preprocessing
        self._call = lambda clip: model(clip, training=False)
        self._variables = [variable.value for variable in model.variables]  # saved with the graph that captures them
        self._names = tf.constant(self.labels)

    def preprocess(self, frames: tf.Tensor) -> tf.Tensor:
        """`[B, T, H, W, 3]` uint8 RGB -> the network's clip `[B, T', crop, crop, 3]` float32."""
        p = self.preprocessing
        frames = tf.ensure_shape(frames, [None, None, None, None, 3])  # names the shape that was received
        shape = tf.shape(frames)
        given = tf.debugging.assert_positive(shape[:4], "A clip needs at least one frame of at least one pixel.")
        with tf.control_dependencies([given]):
            flat = tf.reshape(frames, [-1, shape[2], shape[3], 3])
        cropped = clips.crop_centre(clips.resize(flat, clips.target_size(shape[2], shape[3], p.resize)), p.crop)
        clip = tf.reshape(cropped, [shape[0], shape[1], p.crop, p.crop, 3])
        clip = tf.gather(clip, clips.all_frames(shape[1], p.min_frames), axis=1)
        return clips.scale(clip, *p.scale_and_offset())

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None, 3], tf.uint8, name="frames")])
    def classify(self, frames: tf.Tensor) -> dict[str, tf.Tensor]:
        """`[B, T, H, W, 3]` uint8 RGB of any size -> `logits` `[B, N]` in the order of the labels, and all classes by
        falling score: `scores` `[B, N]` in [0, 1] and `classes` `[B, N]` strings."""
        logits = self._call(self.preprocess(frames))
        scores, order = tf.math.top_k(tf.nn.softmax(logits), len(self.labels))
        return dict(logits=logits, scores=scores, classes=tf.gather(self._names, order))


def export(model: keras.Model, preprocessing: Preprocessing, directory: Path) -> Path:
    """Writes the next version of a model, under a temporary name that is then renamed.

    Args:
        model, preprocessing: see `Classifier`.
        directory: the folder that TF Serving watches; versions are its folders 1, 2, ...

    Returns:
        The version's folder.
    """
    module = Classifier(model, preprocessing)
    directory.mkdir(parents=True, exist_ok=True)
    version = directory / str(max(versions(directory), default=0) + 1)
    temporary = directory / f"tmp-{version.name}-{os.getpid()}"
    try:
        tf.saved_model.save(module, str(temporary), signatures={"serving_default": module.classify})
        (temporary / METADATA).parent.mkdir(exist_ok=True)
        write_json(temporary / METADATA, dict(network=model.name, preprocessing=preprocessing.to_json()))
        write_text(temporary / LABELS, "".join(f"{label}\n" for label in module.labels))
        os.replace(temporary, version)
    except tf.errors.OpError as error:
        raise OSError(f"Cannot write {version}: {error.message}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return version


def versions(directory: Path) -> list[int]:
    """The versions in a folder that TF Serving would see, rising."""
    return sorted(int(child.name) for child in directory.iterdir() if child.name.isdecimal() and child.is_dir())

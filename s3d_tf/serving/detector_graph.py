"""The exported graph of a detector: JPEGs or pixels of a clip -> boxes, classes and scores of its key frame."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants  # public as tf.compat.v1's only

from ..data import clips
from ..data.pipeline import KEYS
from ..detection.detector import Detector
from .classifier import JPEGS, PIXELS, named
from .decoding import JPEG_START, Limits, require

MAX_CLIPS = 2


class DetectorGraph:
    """A detector with its weights as constants, and all that comes before and after.

    Args:
        detector: from `load_detector`.
        limits: what a call may ask for.
    """

    def __init__(self, detector: Detector, limits: Limits = Limits(max_clips=MAX_CLIPS)):  # noqa: B008 (frozen)
        self.recipe, self.labels, self.limits = detector.recipe, detector.preprocessing.labels, limits
        self.streams = self.recipe.shown
        self.network = f"{self.recipe.backbone} and {' and '.join(trunk.name for trunk in detector.trunks)}"
        self._answer = _frozen(detector, self.streams)

    def signatures(self) -> dict[str, Callable]:
        """The signatures of the SavedModel, by name.

        `serving_default` takes JPEG strings `[B, T]` (`jpegs`, and of flow `flow_jpegs`), `frames` uint8
        `[B, T, H, W, C]` (`frames`, `flow`), `info` any strings `[N]`. T is the recipe's number of frames; the boxes
        are those of its key frame, T // 2.
        """
        strings = {JPEGS[stream]: tf.TensorSpec([None, None], tf.string) for stream in self.streams}
        pixels = {PIXELS[s]: tf.TensorSpec([None, None, None, None, clips.CHANNELS[s]], tf.uint8) for s in self.streams}
        return dict(
            serving_default=named(lambda *given: self._detect(given, self._decoded), strings),
            frames=named(lambda *given: self._detect(given, self._resized), pixels),
            info=named(self._info, {"query": tf.TensorSpec([None], tf.string)}),
        )

    def describe(self) -> dict:
        """All that a client needs to know, as a dict for JSON."""
        recipe = self.recipe
        size = dict(num_frames=recipe.num_frames, key_frame=recipe.key_frame, resize=[recipe.rows, recipe.columns])
        return dict(
            detector=self.network,
            labels=list(self.labels),
            streams=list(self.streams),
            **size,
            **(dataclasses.asdict(self.limits) | dict(max_frames=recipe.num_frames)),
        )

    def _detect(self, given: tuple[tf.Tensor, ...], decode: Callable) -> dict[str, tf.Tensor]:
        """`boxes` `[B, most, 4]` in [0, 1] of the frame, `scores` `[B, most]` falling, `classes` `[B, most]` names,
        empty after `count` `[B]` of them."""
        number, last = (tf.shape(one)[0] for one in (given[0], given[-1]))
        with require(number == last, "Frames and flow must be of as many clips; received {} and {}.", number, last):
            given = tuple(tf.identity(one) for one in given)
        batch = {
            KEYS[stream]: decode(self._counted(one), clips.CHANNELS[stream])
            for stream, one in zip(self.streams, given, strict=True)
        }
        boxes, scores, classes, count = self._answer(*batch.values())
        names = tf.constant([*self.labels, ""])
        return dict(
            boxes=boxes,
            scores=scores,
            classes=tf.gather(names, tf.where(classes < 0, len(self.labels), classes)),
            count=count,
        )

    def _counted(self, given: tf.Tensor) -> tf.Tensor:
        """One clip or more, not too many, each of the detector's number of frames."""
        number, frames = tf.unstack(tf.shape(given)[:2])
        most, needed = self.limits.max_clips, self.recipe.num_frames
        told = f"A call takes 1 to {most} clips of {needed} frames; received {{}} clips of {{}} frames."
        with require((number >= 1) & (number <= most) & (frames == needed), told, number, frames):
            return tf.identity(given)

    def _resized(self, frames: tf.Tensor, channels: int) -> tf.Tensor:
        """`[B, T, H, W, C]` uint8 of any size to the size that the detector sees."""
        shape = tf.shape(frames)
        flat = tf.reshape(frames, [-1, shape[2], shape[3], channels])
        spec = tf.TensorSpec([self.recipe.rows, self.recipe.columns, channels], tf.uint8)
        resized = tf.map_fn(self._fitted, flat, fn_output_signature=spec)
        return tf.reshape(resized, [shape[0], shape[1], *spec.shape])

    def _decoded(self, jpegs: tf.Tensor, channels: int) -> tf.Tensor:
        """`[B, T]` JPEG strings, of which each is decoded only if its header says that it is not too large."""
        flat = tf.reshape(jpegs, [-1])
        begins = tf.strings.substr(flat, 0, len(JPEG_START)) == JPEG_START
        bad = tf.argmin(tf.cast(begins, tf.int32), output_type=tf.int32)
        clip, frame = bad // self.recipe.num_frames, bad % self.recipe.num_frames
        with require(tf.reduce_all(begins), "Frame {} of clip {} is no JPEG.", frame, clip):
            flat = tf.identity(flat)
        spec = tf.TensorSpec([self.recipe.rows, self.recipe.columns, channels], tf.uint8)

        def decode(jpeg: tf.Tensor) -> tf.Tensor:
            with self._sized(tf.io.extract_jpeg_shape(jpeg)[:2]):
                frame = tf.image.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")
            return self._fitted(frame[..., :channels])

        return tf.reshape(
            tf.map_fn(decode, flat, fn_output_signature=spec), [*tf.unstack(tf.shape(jpegs)), *spec.shape]
        )

    def _fitted(self, frame: tf.Tensor) -> tf.Tensor:
        """One frame `[H, W, C]` uint8 at the detector's size, its aspect ratio given up."""
        with self._sized(tf.shape(frame)[:2]):
            frame = clips.resize(frame[None], tf.constant([self.recipe.rows, self.recipe.columns]))[0]
        return tf.ensure_shape(frame, [self.recipe.rows, self.recipe.columns, frame.shape[-1]])

    def _sized(self, size: tf.Tensor):
        within = tf.reduce_all(size > 0) & (tf.reduce_prod(tf.cast(size, tf.int64)) <= self.limits.max_pixels)
        return require(within, f"A frame may have 1 to {self.limits.max_pixels} pixels; received {{}}.", size)

    def _info(self, query: tf.Tensor) -> dict[str, tf.Tensor]:
        """`info` `[N]`: what `describe` says, as JSON, once for each query, whatever it asks."""
        count, most = tf.size(query), self.limits.max_clips
        with require(count <= most, f"A call takes at most {most} queries; received {{}}.", count):
            return dict(info=tf.fill(tf.shape(query), json.dumps(self.describe())))


def _frozen(detector: Detector, streams: tuple[str, ...]) -> Callable[..., list[tf.Tensor]]:
    """Clips uint8 of each stream -> boxes, scores, classes, count."""
    recipe = detector.recipe
    size = (None, recipe.num_frames, recipe.rows, recipe.columns)
    specs = [tf.TensorSpec([*size, clips.CHANNELS[stream]], tf.uint8) for stream in streams]

    @tf.function(autograph=False, input_signature=specs)
    def answer(*given):
        found = detector({KEYS[stream]: clip for stream, clip in zip(streams, given, strict=True)})
        return found["boxes"], found["scores"], found["classes"], found["count"]

    return convert_to_constants.convert_variables_to_constants_v2(answer.get_concrete_function(), False)

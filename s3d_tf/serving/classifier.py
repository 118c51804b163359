"""The exported graph: JPEGs or pixels of one stream or two -> named classes, or features."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping

import keras
import tensorflow as tf
from tensorflow.python.framework import convert_to_constants  # public as tf.compat.v1's only

from ..networks import endpoints, fold_norms
from ..weights import Preprocessing
from .decoding import Limits, from_jpegs, from_pixels, require, to_clip

JPEGS = {"rgb": "jpegs", "flow": "flow_jpegs"}
PIXELS = {"rgb": "frames", "flow": "flow"}
"""Names of the inputs by stream."""


class Classifier:
    """One network, or one of RGB and one of flow whose logits are added, with all that comes before and after.

    Args:
        models: with their `preprocessing` by stream, "rgb" and "flow": `[B, T, H, W, C]` float32 -> logits
            `[B, num_classes]`.
        labels: class names in the order of the logits; numbers by default.
        factors: of each stream's logits; 1 by default.
        endpoint: whose activations, averaged over time and space, are the features.
        limits: what a call may ask for.

    Raises:
        ValueError: labels, endpoint or limits that do not fit.
    """

    def __init__(
        self,
        models: Mapping[str, keras.Model],
        labels: tuple[str, ...] | None = None,
        factors: Mapping[str, float] | None = None,
        endpoint: str = "Mixed_5c",
        limits: Limits = Limits(),  # noqa: B008 (frozen)
    ):
        (num_classes,) = {model.output_shape[-1] for model in models.values()}
        known = (model.preprocessing.labels for model in models.values())
        labels = labels or next((theirs for theirs in known if theirs), None)
        self.labels = labels or tuple(str(index) for index in range(num_classes))
        if num_classes != len(self.labels):
            raise ValueError(f"There must be a label a logit. Received: {len(self.labels)} and {num_classes}")
        if odd := [label for label in self.labels if not label.isprintable()]:
            raise ValueError(f"Labels are of printable characters. Received: {odd[0]!r}")
        for model in models.values():
            limits.check(model.preprocessing)
        self.streams: dict[str, Preprocessing] = {stream: model.preprocessing for stream, model in models.items()}
        self.factors = dict.fromkeys(models, 1.0) | dict(factors or {})
        self.endpoint, self.limits = endpoint, limits
        self.network = " and ".join(model.name for model in models.values())
        self._networks = {stream: frozen(model, endpoint) for stream, model in models.items()}

    def signatures(self) -> dict[str, Callable]:
        """The signatures of the SavedModel, by name; inputs are named as in `JPEGS` and `PIXELS`.

        `serving_default` and `features` take JPEG strings `[B, T]`, `frames` and `frames_features` uint8
        `[B, T, H, W, C]`, `info` any strings `[N]`.
        """
        strings = {JPEGS[stream]: tf.TensorSpec([None, None], tf.string) for stream in self.streams}
        pixels = {
            PIXELS[stream]: tf.TensorSpec([None, None, None, None, p.channels], tf.uint8)
            for stream, p in self.streams.items()
        }
        return dict(
            serving_default=named(lambda *given: self._classify(self._decode(from_jpegs, given)), strings),
            frames=named(lambda *given: self._classify(self._decode(from_pixels, given)), pixels),
            features=named(lambda *given: self._features(self._decode(from_jpegs, given)), strings),
            frames_features=named(lambda *given: self._features(self._decode(from_pixels, given)), pixels),
            info=named(self._info, {"query": tf.TensorSpec([None], tf.string)}),
        )

    def describe(self) -> dict:
        """All that a client needs to know, as a dict for JSON."""
        streams = {stream: p.to_json() for stream, p in self.streams.items()}
        for values in streams.values():
            del values["labels"]
        return dict(
            network=self.network,
            labels=list(self.labels),
            streams=streams,
            factors=self.factors,
            endpoint=self.endpoint,
            **dataclasses.asdict(self.limits),
        )

    def _decode(self, decode: Callable, given: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """What was sent -> clips by stream."""
        first, last = (tf.shape(one)[:2] for one in (given[0], given[-1]))
        alike = "Frames and flow must be as many; received {} and {} (clips, frames)."
        with require(tf.reduce_all(first == last), alike, first, last):
            given = tuple(tf.identity(one) for one in given)
        pixels = {s: decode(one, p, self.limits) for (s, p), one in zip(self.streams.items(), given, strict=True)}
        return {stream: to_clip(one, self.streams[stream]) for stream, one in pixels.items()}

    def _classify(self, clip: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """`logits` `[B, N]` in the order of the labels; by falling score `scores` `[B, N]` in [0, 1], `classes`."""
        logits = tf.add_n([self.factors[stream] * self._networks[stream](one)[0] for stream, one in clip.items()])
        scores, order = tf.math.top_k(tf.nn.softmax(logits), len(self.labels))
        return dict(logits=logits, scores=scores, classes=tf.gather(tf.constant(self.labels), order))

    def _features(self, clip: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """`features` `[B, C]` of the one stream; of two also `flow_features`."""
        names = dict(rgb="features", flow="features" if len(clip) == 1 else "flow_features")
        return {names[stream]: self._networks[stream](one)[1] for stream, one in clip.items()}

    def _info(self, query: tf.Tensor) -> dict[str, tf.Tensor]:
        """`info` `[N]`: what `describe` says, as JSON, once for each query, whatever it asks."""
        count, most = tf.size(query), self.limits.max_clips
        with require(count <= most, f"A call takes at most {most} queries; received {{}}.", count):
            query = tf.identity(query)
        return dict(info=tf.fill(tf.shape(query), json.dumps(self.describe())))


def frozen(model: keras.Model, endpoint: str) -> Callable[[tf.Tensor], list[tf.Tensor]]:
    """A clip `[B, T, crop, crop, C]` float32 -> logits `[B, N]` and the mean of an endpoint's activations `[B, C']`.

    Batch norms are folded into the convs and the weights are constants, which the convs lay out once: a sixth faster
    than the network in memory.

    Raises:
        ValueError: no such endpoint.
    """
    folded = fold_norms(model) if hasattr(model, "s3d_config") else model
    tapped = endpoints(folded, [endpoint, "Logits"])
    p = model.preprocessing

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None, p.crop, p.crop, p.channels], tf.float32)])
    def network(clip):
        found = tapped(clip, training=False)
        tap = found[endpoint]
        return found["Logits"], tf.reduce_mean(tap, range(1, len(tap.shape) - 1))

    return convert_to_constants.convert_variables_to_constants_v2(network.get_concrete_function())


def named(function: Callable, inputs: Mapping[str, tf.TensorSpec]) -> Callable:
    """A `tf.function` whose inputs have these names."""
    specs = [tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in inputs.items()]
    return tf.function(function, input_signature=specs, autograph=False)

"""The detector: one network proposes boxes on the key frame, others look at what happens in them (section 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import keras
import tensorflow as tf

from ..data import clips
from ..data.pipeline import KEYS
from ..networks import build_model
from ..weights import Preprocessing
from . import anchors as anchor
from . import backbones, postprocess, proposals
from . import boxes as box
from .recipes import DetectionRecipe
from .roi import pool
from .towers import check_tap, split


class FirstStage(NamedTuple):
    """What the proposal network says at every anchor."""

    logits: tf.Tensor  # [B, N, 2] float32, of background and of an object
    deltas: tf.Tensor  # [B, N, 4] float32
    anchors: tf.Tensor  # [N, 4] float32, pixels


class SecondStage(NamedTuple):
    """What each head says of every proposal; one head, or with `fusion="scores"` one a stream."""

    logits: tf.Tensor  # [heads, B, N, classes + 1] float32, 0 is background
    deltas: tf.Tensor  # [heads, B, N, classes, 4] float32


class Detector(keras.Model):
    """Faster R-CNN with a video network in its second stage.

    Variables are called by their part: `proposals/...`, `rgb/...` and `flow/...` by our names, `head/...`.

    Args:
        recipe: see `DetectionRecipe`.
        num_classes: without background.
        networks: of each of the recipe's streams, arguments of `build_model`.
        pixels: of each, the scale of its pixels.
        backbone_weights: a file, or a run, that the proposals' backbone starts from.

    Raises:
        ValueError: a backbone that there is none of, a tap of another stride, or streams whose features cannot be
            averaged.
    """

    def __init__(
        self,
        recipe: DetectionRecipe,
        num_classes: int,
        networks: Mapping[str, Mapping],
        pixels: Mapping[str, Preprocessing],
        backbone_weights: str = "",
    ):
        check_tap(recipe.tap)
        super().__init__(name="detector")
        self.recipe, self.num_classes = recipe, num_classes
        self._scalings = [pixels[stream].scale_and_offset() for stream in recipe.streams]
        backbone = backbones.find(recipe.backbone)
        start = backbone.read(backbone_weights) if backbone_weights else None  # under its own names
        self._scale_frame = backbone.scale
        with keras.name_scope("proposals"):
            self.backbone = backbone.build(recipe.backbone_width, start)
            self.proposer = _proposer(self.backbone.output.shape[-1], recipe)
        self.trunks, self.tails = [], []
        for stream in recipe.streams:
            with keras.name_scope(stream):
                tower = split(build_model(**networks[stream]), recipe.tap)
            self.trunks.append(tower.trunk)
            self.tails.append(tower.tail)
        channels = [tail.output.shape[-1] for tail in self.tails]
        if recipe.fusion == "features" and len(set(channels)) > 1:
            raise ValueError(f"Features of one size are averaged; set fusion=scores. Received: {channels} channels")
        self.heads = []
        for number, stream in enumerate(recipe.streams if recipe.fusion == "scores" else ("head",)):
            with keras.name_scope("head" if stream == "head" else f"head_{stream}"):
                self.heads.append(_head(channels[number], num_classes))
        for layer in self._flatten_layers(include_self=False):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum, layer.trainable = recipe.norm_momentum, not recipe.freeze_norms
        self.built = True

    def first_stage(self, clip: tf.Tensor, training: bool = False) -> FirstStage:
        """Looks at the key frame of `[B, T, H, W, 3]` uint8 RGB."""
        recipe = self.recipe
        features = self.backbone(self._scale_frame(clip[:, recipe.key_frame]), training=training)
        logits, deltas = self.proposer(features, training=training)
        batch, rows, columns = tf.unstack(tf.shape(features)[:3])
        anchors = anchor.grid(
            rows,
            columns,
            scales=recipe.anchor_scales,
            ratios=recipe.anchor_ratios,
            base=recipe.anchor_base,
            stride=backbones.STRIDE,
            offset=recipe.anchor_offset,
        )
        logits, deltas = tf.reshape(logits, [batch, -1, 2]), tf.reshape(deltas, [batch, -1, 4])
        return FirstStage(tf.cast(logits, tf.float32), tf.cast(deltas, tf.float32), anchors)

    def propose(self, first: FirstStage, size: tf.Tensor) -> proposals.Proposals:
        """The best boxes in frames of `size` (rows, columns)."""
        return proposals.propose(
            tf.nn.softmax(first.logits)[..., 1],
            first.deltas,
            first.anchors,
            size,
            before=self.recipe.before_suppression,
            threshold=self.recipe.proposal_overlap,
            count=self.recipe.proposals,
        )

    def maps(self, batch: Mapping[str, tf.Tensor], training: bool = False) -> list[tf.Tensor]:
        """What the video networks see of whole clips, `[B, T', H/16, W/16, C]` float32 of each stream."""
        scaled = [
            clips.scale(batch[KEYS[stream]], *scaling)
            for stream, scaling in zip(self.recipe.streams, self._scalings, strict=True)
        ]
        return [
            tf.cast(trunk(clip, training=training), tf.float32) for trunk, clip in zip(self.trunks, scaled, strict=True)
        ]

    def second_stage(self, maps: list[tf.Tensor], boxes: tf.Tensor, training: bool = False) -> SecondStage:
        """Looks at `[B, N, 4]` boxes, in [0, 1], at all time steps of the maps."""
        batch, number = tf.unstack(tf.shape(boxes)[:2])
        features = [
            tail(pool(seen, boxes, self.recipe.roi_crop, self.recipe.roi_cell), training=training)
            for seen, tail in zip(maps, self.tails, strict=True)
        ]  # [B * N, C] of each stream
        if len(self.heads) < len(features):
            features = [tf.add_n(features) / len(features)]
        logits, deltas = zip(*(head(seen) for head, seen in zip(self.heads, features, strict=True)), strict=True)
        return SecondStage(
            tf.reshape(tf.stack(logits), [len(logits), batch, number, self.num_classes + 1]),
            tf.reshape(tf.stack(deltas), [len(deltas), batch, number, self.num_classes, 4]),
        )

    def call(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Detects.

        Args:
            batch: `clip` `[B, T, H, W, 3]` uint8 RGB, and for the flow stream `flow` `[B, T, H, W, 2]` uint8.

        Returns:
            See `postprocess.detections`: `boxes`, `scores`, `classes`, `count`.
        """
        self.check(batch)
        recipe, size = self.recipe, tf.shape(batch["clip"])[2:4]
        proposed = self.propose(self.first_stage(batch["clip"]), size)
        second = self.second_stage(self.maps(batch), box.to_shares(proposed.boxes, size))
        return postprocess.detections(
            tf.reduce_mean(tf.nn.softmax(second.logits), axis=0)[..., 1:],
            tf.reduce_mean(second.deltas, axis=0),
            proposed.boxes,
            proposed.valid,
            size,
            least_score=recipe.least_score,
            threshold=recipe.detection_overlap,
            each=recipe.class_detections,
            most=recipe.detections,
        )

    def check(self, batch: Mapping[str, tf.Tensor]) -> None:
        """Raises a ValueError for a batch that the detector does not take, as far as shapes are known."""
        for key in clip_keys(self.recipe):
            shape = batch[key].shape
            if shape.rank != 5 or batch[key].dtype != tf.uint8:
                raise ValueError(f"{key} must be [B, T, H, W, C] uint8. Received: {shape}, {batch[key].dtype.name}")
            frames, *sides = shape[1:4]
            if frames is not None and frames != self.recipe.num_frames:
                raise ValueError(f"A clip must have {self.recipe.num_frames} frames. Received: {key} of {frames}")
            if low := [side for side in sides if side is not None and side < 2 * backbones.STRIDE]:
                least = 2 * backbones.STRIDE
                raise ValueError(f"Frames must have {least} rows and columns or more. Received: {key} of {low[0]}")


def clip_keys(recipe: DetectionRecipe) -> tuple[str, ...]:
    """The streams that a detector looks at, as a batch calls them."""
    return tuple(KEYS[stream] for stream in recipe.shown)


def check_truth(boxes: tf.Tensor, labels: tf.Tensor) -> None:
    """Raises a ValueError unless they are `[B, M, 4]` and `[B, M]`, as far as shapes are known."""
    if boxes.shape.rank != 3 or boxes.shape[2] not in (4, None) or labels.shape.rank != 2:
        raise ValueError(f"boxes must be [B, M, 4] and labels [B, M]. Received: {boxes.shape} and {labels.shape}")


def _proposer(channels: int, recipe: DetectionRecipe) -> keras.Model:
    """Features `[B, h, w, C]` -> logits `[B, h, w, 2 A]` and deltas `[B, h, w, 4 A]` of the A anchors of each place."""
    number = len(recipe.anchor_scales) * len(recipe.anchor_ratios)

    def conv(filters: int, side: int, name: str, activation: str | None = None) -> keras.layers.Conv2D:
        small = keras.initializers.TruncatedNormal(stddev=0.01)  # API: first_stage_box_predictor_conv_hyperparams
        return keras.layers.Conv2D(
            filters, side, padding="same", activation=activation, kernel_initializer=small, name=name
        )

    features = keras.Input((None, None, channels), name="features")
    x = conv(recipe.rpn_channels, 3, "conv", "relu6")(features)
    return keras.Model(features, [conv(2 * number, 1, "objects")(x), conv(4 * number, 1, "boxes")(x)], name="proposer")


def _head(channels: int, num_classes: int) -> keras.Model:
    """Features `[N, C]` -> logits `[N, classes + 1]` and deltas `[N, 4 classes]`, float32."""
    features = keras.Input((channels,), name="features")
    logits = keras.layers.Dense(num_classes + 1, dtype="float32", name="classes")(features)  # Glorot uniform, as in API
    deltas = keras.layers.Dense(4 * num_classes, dtype="float32", name="boxes")(features)
    return keras.Model(features, [logits, deltas], name="head")

"""The networks that look at the key frame: cut at a stride of 16 pixels, each with the scale of pixels it wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ..networks import build_model
from ..training.warm_start import read_weights
from ..weights import Preprocessing
from ..weights.pretrained import build_from

STRIDE = 16


class Backbone(NamedTuple):
    """A row of `BACKBONES`."""

    read: Callable[[str], Any]  # a name of weights -> weights
    build: Callable[[float, Any], keras.Model]  # width, weights or None -> [B, H, W, 3] floats to [B, H/16, W/16, C]
    scale: Callable[[tf.Tensor], tf.Tensor]  # uint8 RGB to what it was trained on


def _resnet50(width: float, weights: str | None) -> keras.Model:
    if width != 1:
        raise ValueError(f"A ResNet-50 has one width. Received: backbone_width={width:g}")
    network = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(None, None, 3))
    if weights:
        try:
            network.load_weights(weights)  # Keras' resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ValueError(f"No weights of Keras' ResNet50 without its top ({reason}). Received: {weights}") from None
    return keras.Model(network.input, network.get_layer("conv4_block6_out").output, name="resnet50")


def _i2d(width: float, weights: keras.Model | None) -> keras.Model:
    trunk = _until_tap(build_model("i2d", 1, width=width))
    if weights is not None:
        if (own := weights.s3d_config["width"]) != width:
            raise ValueError(f"The backbone's weights are of width {own:g}. Received: backbone_width={width:g}")
        trunk.set_weights(_until_tap(weights).get_weights())
    frame = keras.Input((None, None, 3), name="frame")
    return keras.Model(frame, trunk(frame[:, None])[:, 0], name="i2d")  # a clip of one frame


def _read_i2d(weights: str) -> keras.Model:
    network = build_from(read_weights(weights), "i2d")
    own, papers = (_habits(model) for model in (network, build_model("i2d", 1, width=0.1)))
    differs = [f"{name}={own[name]}" for name in own if own[name] != papers[name]]
    if network.preprocessing.scale_and_offset() != Preprocessing().scale_and_offset():
        differs.append("pixels that are no RGB in [-1, 1]")
    if differs:
        raise ValueError(
            f"The i2d backbone takes weights by the paper's conventions, not with {', '.join(differs)}. Received: "
            f"backbone_weights={weights}"
        )
    return network


def _habits(network: keras.Model) -> dict[str, Any]:
    """In which implementations differ, as far as outputs for one frame depend on it."""
    config = network.s3d_config["name"]
    style = {name: config["style"][name] for name in ("norm", "norm_scale", "norm_epsilon")}
    return {name: config[name] for name in ("stem", "stem_padding", "pool_padding")} | style


def _until_tap(network: keras.Model) -> keras.Model:
    return keras.Model(network.input, network.get_layer("Mixed_4e").output)


def _caffe(pixels: tf.Tensor) -> tf.Tensor:
    """BGR less the means of ImageNet, not scaled: as the weights of Keras' ResNet50 want them."""
    return keras.applications.resnet50.preprocess_input(tf.cast(pixels, tf.float32))


def _symmetric(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels, tf.float32) * (2 / 255) - 1


BACKBONES: dict[str, Backbone] = {
    "resnet50": Backbone(str, _resnet50, _caffe),
    "i2d": Backbone(_read_i2d, _i2d, _symmetric),
}


def find(name: str) -> Backbone:
    """A row of `BACKBONES`.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in BACKBONES:
        raise ValueError(f"Unknown backbone: choose one of {', '.join(BACKBONES)}. Received: {name!r}")
    return BACKBONES[name]

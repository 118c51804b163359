"""A video network in two parts: its trunk sees whole clips, its tail what was pooled out of them."""

from __future__ import annotations

import itertools
import operator
from typing import NamedTuple

import keras

from ..networks import ENDPOINTS, ROWS
from .backbones import STRIDE


class Tower(NamedTuple):
    """The two parts of one network; together they have its layers but those of its logits."""

    trunk: keras.Model  # [B, T, H, W, C] floats -> [B, T', H/16, W/16, C'], up to and with the tap
    tail: keras.Model  # [B, T', 7, 7, C'] -> [B, C''], the layers after it, then their mean over space and time


def split(network: keras.Model, tap: str) -> Tower:
    """Cuts a network from `build_model` after one of its layers; both parts keep its weights.

    Raises:
        ValueError: see `check_tap`.
    """
    check_tap(tap)
    trunk = keras.Model(network.input, network.get_layer(tap).output, name=network.name)
    inputs = x = keras.Input((None, None, None, trunk.output.shape[-1]), name="pooled")
    names = [layer.name for layer in network.layers]
    for layer in network.layers[names.index(tap) + 1 : names.index(ENDPOINTS[-1]) + 1]:  # a plain chain
        x = layer(x)
    return Tower(trunk, keras.Model(inputs, keras.layers.GlobalAveragePooling3D(name="mean")(x), name="tail"))


def check_tap(tap: str) -> None:
    """Raises a ValueError for no such layer, or one whose spatial stride is not 16."""
    strides = itertools.accumulate((getattr(row, "strides", (1, 1, 1))[1] for row in ROWS), operator.mul)
    known = [row.name for row, stride in zip(ROWS, strides, strict=True) if stride == STRIDE]
    if tap not in known:
        raise ValueError(
            f"Proposals are pooled where the stride is {STRIDE}: {', '.join(known)}. Received: tap={tap!r}"
        )

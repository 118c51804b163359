"""Parameters and multiply-adds, a layer a line. Multiply-adds are what the paper calls FLOPS."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import keras

from .layers import Branches, SelfGating
from .style import GATE_POOLS


class LayerCost(NamedTuple):
    name: str
    output_shape: tuple[int, ...]  # T, H, W, C
    params: int  # trainable
    multiply_adds: int


def layer_costs(model: keras.Model, num_frames: int = 64, image_size: int = 224) -> list[LayerCost]:
    """The cost of each layer of a network on one clip of `num_frames` x `image_size` x `image_size`.

    Convs count `output positions x output channels x kernel taps x input channels`, all taps of SAME padding
    included. A gate counts its mean, its matrix and its product. Batch norm, ReLU and pooling between layers count
    nothing.
    """
    costs: list[LayerCost] = []
    shape = (1, num_frames, image_size, image_size, model.input_shape[-1])
    for layer in model.layers[1:]:  # a plain chain from the Input on
        costs.extend(_walk(layer, layer.name, shape))
        shape = layer.compute_output_shape(shape)
    return costs


def total(model: keras.Model, num_frames: int = 64, image_size: int = 224) -> LayerCost:
    """The cost of the whole network, as in `layer_costs`."""
    costs = layer_costs(model, num_frames, image_size)
    return LayerCost(model.name, (), sum(c.params for c in costs), sum(c.multiply_adds for c in costs))


def _walk(layer: keras.Layer, name: str, shape: tuple) -> Iterator[LayerCost]:
    if isinstance(layer, Branches):
        for chain in layer.branches:
            inner = shape
            for child in chain:
                yield from _walk(child, f"{name}/{child.name}", inner)
                inner = child.compute_output_shape(inner)
        return
    output = layer.compute_output_shape(shape)
    params = sum(math.prod(w.shape) for w in layer.trainable_weights)
    multiply_adds = 0
    if isinstance(layer, keras.layers.Conv3D):
        multiply_adds = math.prod(output[1:]) * math.prod(layer.kernel.shape[:-1])
    elif isinstance(layer, SelfGating):
        kept = {1, 2, 3} - {*GATE_POOLS[layer.pool]}
        multiply_adds = math.prod(shape[axis] for axis in kept) * shape[-1] ** 2 + 2 * math.prod(shape[1:])
    yield LayerCost(name, tuple(output[1:]), params, multiply_adds)

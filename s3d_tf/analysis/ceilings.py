"""What a machine can do at best: multiply-adds a second of large matrix products, and of a network's own convs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import keras
import tensorflow as tf

from ..networks.layers import Branches
from .timing import timed

MATMULS = ((1024, 1024, 1024), (2048, 2048, 2048), (4096, 4096, 4096), (25088, 576, 192), (6272, 4096, 1024))
"""Rows, inner, columns: squares, and two tall ones such as convs amount to."""


class Conv(NamedTuple):
    """A Conv3D by what decides its time."""

    input_shape: tuple[int, ...]  # B, T, H, W, C
    kernel: tuple[int, ...]  # frames, rows, columns, C in, C out
    strides: tuple[int, int, int]
    padding: str  # "SAME" or "VALID"

    @property
    def label(self) -> str:
        """Such as `conv 32x56x56x64 * 1x3x3x192 / 1x1x1`."""
        sizes = (self.input_shape[1:], (*self.kernel[:3], self.kernel[4]), self.strides)
        return "conv {} * {} / {}".format(*("x".join(map(str, size)) for size in sizes))


class Work(NamedTuple):
    """Something to time, and how many multiply-adds it is."""

    run: Callable[[], float]
    multiply_adds: int


def matmuls() -> dict[str, Work]:
    """Returns a float32 product of each of `MATMULS`, by its label."""
    return {f"matmul {rows}x{inner}x{columns}": matmul(rows, inner, columns) for rows, inner, columns in MATMULS}


def matmul(rows: int, inner: int, columns: int) -> Work:
    """Returns the float32 product of two random matrices, `[rows, inner]` and `[inner, columns]`."""
    matrices = tf.random.normal([rows, inner]), tf.random.normal([inner, columns])
    return Work(timed(tf.matmul, *matrices), rows * inner * columns)


def convs(model: keras.Model, clip: tuple[int, int, int, int]) -> tuple[dict[str, Work], list[str]]:
    """The Conv3Ds of a network, each alone on a random input of the shape that it sees.

    Args:
        model: from `build_model`.
        clip: `(batch, frames, rows, columns)`.

    Returns:
        Every distinct conv by its label, and the labels of all of them, bottom to top, as often as they occur.
    """
    works, labels = {}, []
    shape = (*clip, model.input_shape[-1])
    for layer in model.layers[1:]:
        for conv in _walk(layer, shape):
            labels.append(conv.label)
            if conv.label not in works:
                works[conv.label] = forward(conv)
        shape = layer.compute_output_shape(shape)
    return works, labels


def _walk(layer: keras.Layer, shape: tuple) -> Iterator[Conv]:
    if isinstance(layer, Branches):
        for chain in layer.branches:
            inner = shape
            for child in chain:
                yield from _walk(child, inner)
                inner = child.compute_output_shape(inner)
    elif isinstance(layer, keras.layers.Conv3D):
        yield Conv(tuple(shape), tuple(layer.kernel.shape), tuple(layer.strides), layer.padding.upper())


def forward(conv: Conv) -> Work:
    """Returns a Conv3D of random numbers."""
    inputs, kernel = tf.random.normal(conv.input_shape), tf.random.normal(conv.kernel)
    function, output_shape = _forward(conv)
    return Work(timed(function, inputs, kernel), math.prod(output_shape) * math.prod(conv.kernel[:4]))


def kernel_gradient(conv: Conv) -> Work:
    """Returns the gradient of a Conv3D with respect to its kernel: as many multiply-adds as the Conv3D."""
    strides, (_, output_shape) = (1, *conv.strides, 1), _forward(conv)
    inputs, gradient = tf.random.normal(conv.input_shape), tf.random.normal(output_shape)

    @tf.function
    def function(inputs, gradient):
        return tf.raw_ops.Conv3DBackpropFilterV2(
            input=inputs, filter_sizes=conv.kernel, out_backprop=gradient, strides=strides, padding=conv.padding
        )

    return Work(timed(function, inputs, gradient), math.prod(output_shape) * math.prod(conv.kernel[:4]))


def _forward(conv: Conv) -> tuple[Callable, tuple[int, ...]]:
    """Returns the compiled Conv3D, `(inputs, kernel) -> outputs`, and the shape of its outputs."""
    strides = (1, *conv.strides, 1)
    function = tf.function(lambda x, k: tf.nn.conv3d(x, k, strides, conv.padding))
    specs = (tf.TensorSpec(conv.input_shape), tf.TensorSpec(conv.kernel))
    return function, tuple(function.get_concrete_function(*specs).output_shapes)

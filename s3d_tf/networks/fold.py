"""Batch norms folded into the convs before them: the same outputs from a network without norms, for inference."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import keras
from keras import ops

from .build import as_network, build_model
from .layers import Branches


def fold_norms(model: keras.Model) -> keras.Model:
    """A new float32 network with the outputs of `model(clip, training=False)`, up to rounding.

    A conv with kernel W followed by a norm becomes one with the kernel `W s` and the bias `beta - mean s`, where
    `s = gamma / sqrt(variance + epsilon)`, a number a channel.

    Args:
        model: as `build_model` makes it.

    Raises:
        ValueError: a model that `build_model` did not make.
    """
    config = dict(getattr(model, "s3d_config", None) or {})
    if not config:
        raise ValueError(f"Only a network of build_model can be folded. Received: {model.name}")
    net = as_network(config.pop("name"))
    net = dataclasses.replace(net, style=dataclasses.replace(net.style, norm=False))
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        folded = build_model(net, **config)
    finally:
        keras.config.set_dtype_policy(policy)
    twins, twin = leaves(folded), None
    for leaf in leaves(model):
        if isinstance(leaf, keras.layers.BatchNormalization):
            _fold(leaf, twin)  # of the conv before it
            continue
        twin = next(twins)
        for mine, its in zip(leaf.weights, twin.weights[: len(leaf.weights)], strict=True):  # a bias more may be there
            its.assign(mine)
    return folded


def leaves(layer: keras.Layer) -> Iterator[keras.Layer]:
    """The layers that compute, in a fixed order, of a network or of one of its layers."""
    if isinstance(layer, Branches):
        for chain in layer.branches:
            for part in chain:
                yield from leaves(part)
    elif isinstance(layer, keras.Model):
        for part in layer.layers:
            yield from leaves(part)
    else:
        yield layer


def _fold(norm: keras.layers.BatchNormalization, conv: keras.layers.Conv3D) -> None:
    mean, variance, beta = (_float64(v) for v in (norm.moving_mean, norm.moving_variance, norm.beta))
    scale = (_float64(norm.gamma) if norm.scale else 1.0) / (variance + norm.epsilon) ** 0.5
    conv.kernel.assign(_float64(conv.kernel) * scale)  # [T, H, W, in, out] by a number an output channel
    conv.bias.assign(beta - mean * scale)


def _float64(variable):
    return ops.convert_to_numpy(variable).astype("float64")

"""The one loop: rows x variant -> keras.Model with named endpoints."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Mapping, Sequence

import keras

from .ends import HeadPool, SpaceToDepth
from .inception import ENDPOINTS, ROWS, UNITS, Conv, MaxPool, Mixed
from .layers import InceptionBlock, SpatioTemporalConv
from .variants import Network, network

STEM = UNITS[0]
MIN_FRAMES, MIN_PIXELS = 8, 32  # what a temporal stride of 8 and a spatial one of 32 leave one of


def build_model(
    name: str | Network | Mapping,
    num_classes: int = 400,
    *,
    width: float = 1.0,
    input_shape: tuple[int | None, int | None, int | None, int] = (None, None, None, 3),
    dropout: float = 0.2,
    convention: str = "paper",
    **changes,
) -> keras.Model:
    """Builds a network of the paper with fresh weights.

    Args:
        name: a key of `VARIANTS`, such as "s3d_g", or of `FAMILIES`, such as "top_heavy_s3d:2"; or a `Network`, or
            the dict of one.
        num_classes: number of logits (of MIL-NCE: size of the embedding).
        width: factor on the channels of every layer, at least 16 each (the authors' depth multiplier).
        input_shape: `(frames, rows, columns, channels)`; None is any. From 8 frames and 32 pixels up; 2 channels
            for flow.
        dropout: share of the features dropped before the logits (the authors keep 0.8).
        convention: whose conventions to build by (the keys of `CONVENTIONS`).
        **changes: `k` of a family, and fields of `Network` or `Style` to set, such as `gate_pool="space"`.

    Returns:
        A functional model: `[B, T, H, W, C]` float32, scaled as the weights ask ([-1, 1] by default) -> logits
        `[B, num_classes]` float32. Its layers carry the authors' names: `model.get_layer("Mixed_4b").output`, or
        `endpoints(model, ["Mixed_4b"])`. `model.s3d_config` is a JSON-able dict of arguments that build it again:
        `build_model(**model.s3d_config)`.

    Raises:
        ValueError: an unknown name, or a value out of range.
    """
    net = as_network(name, convention, **changes)
    input_shape = tuple(input_shape)
    _check(num_classes, width, dropout, input_shape)
    inputs = x = keras.Input(input_shape, name="clip")  # [B, T, H, W, C]
    for row in ROWS:
        x = _add(row, x, net, width)
    if net.head == "global":
        x = keras.layers.GlobalAveragePooling3D(name="Mixed_5c_mean")(x)  # [B, C]
        x = keras.layers.Reshape((1, 1, 1, x.shape[-1]), name="AvgPool_0a_7x7")(x)
    else:
        x = HeadPool(name="AvgPool_0a_7x7")(x)  # [B, T', 1, 1, C]
    x = keras.layers.Dropout(dropout, name="Dropout_0b")(x)
    small = keras.initializers.TruncatedNormal(stddev=0.01)
    x = keras.layers.Conv3D(num_classes, 1, kernel_initializer=small, dtype="float32", name="Conv2d_0c_1x1")(x)
    logits = keras.layers.GlobalAveragePooling3D(dtype="float32", name="Logits")(x)  # [B, num_classes]
    model = keras.Model(inputs, logits, name=net.name.replace(":", "_"))
    config = dict(
        name=dataclasses.asdict(net), num_classes=num_classes, width=width, input_shape=input_shape, dropout=dropout
    )
    object.__setattr__(model, "s3d_config", config)  # past Keras, which would wrap the dict and track it
    return model


def endpoints(model: keras.Model, names: Sequence[str] = ENDPOINTS) -> keras.Model:
    """The same network with other outputs: a model from clips to `{name: activations [B, T', H', W', C']}`.

    Raises:
        ValueError: a name that is none of the model's layers.
    """
    known = [layer.name for layer in model.layers]
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"Unknown endpoint: choose among {', '.join(known)}. Received: {', '.join(unknown)}")
    return keras.Model(model.input, {name: model.get_layer(name).output for name in names}, name=model.name)


def as_network(name: str | Network | Mapping, convention: str = "paper", **changes) -> Network:
    """A `Network`, from one, from the dict of one, or from its name (see `network`).

    Raises:
        ValueError: as `Network` and `network`; changes to something that is a whole network already.
    """
    if isinstance(name, str):
        return network(name, convention, **changes)
    if changes or convention != "paper":
        raise ValueError(f"A whole network takes no changes. Received: convention={convention!r}, changes={changes!r}")
    if isinstance(name, Network):
        return name
    known = {field.name for field in dataclasses.fields(Network)}
    if not isinstance(name, Mapping) or not {"name", "kinds"} <= set(name) <= known:
        raise ValueError(f"A network is a name, a Network or a dict of its fields. Received: {name!r}")
    return Network(**name)


def scaled(channels: int | tuple, width: float, min_channels: int) -> int | tuple:
    """`channels`, or every number of a nested tuple of them, times `width`, but never too few."""
    if isinstance(channels, tuple):
        return tuple(scaled(c, width, min_channels) for c in channels)
    return max(int(channels * width), min(min_channels, channels))


def _add(row: Conv | MaxPool | Mixed, x, net: Network, width: float):
    """`x` after the layer that `row` describes."""
    if isinstance(row, MaxPool):
        padding = "valid"
        if net.pool_padding == "same":
            padding = "same"
        else:  # activations are >= 0 here, so zeros never win
            before = [(k - 1) // 2 if net.pool_padding == "symmetric" else 0 for k in row.kernel]
            after = [(k - 1) // 2 if net.pool_padding == "symmetric" else k - 1 for k in row.kernel]
            x = keras.layers.ZeroPadding3D(tuple(zip(before, after, strict=True)), name=f"{row.name}_pad")(x)
        return keras.layers.MaxPooling3D(row.kernel, row.strides, padding=padding, name=row.name)(x)

    kind = dict(zip(UNITS, net.kinds, strict=True)).get(row.name, "2d")
    channels = scaled(row.channels, width, net.min_channels)
    unit = dict(gated=row.name in net.gates, style=net.style, name=row.name)
    if isinstance(row, Mixed):
        return InceptionBlock(channels, kind=kind, **unit)(x)
    kernel, strides, padding = row.kernel, row.strides, "same"
    if row.name == STEM:
        kernel, padding = (net.stem_frames, *kernel[1:]), net.stem_padding
        if kind != "2d":
            kind = "separable" if net.stem == "separable" else "3d"
            if net.stem == "space_to_depth":  # the same reach and stride; "same" is what MIL-NCE's crop amounts to
                x = SpaceToDepth(name="SpaceToDepth")(x)
                kernel, strides, padding = (2, 4, 4), (1, 1, 1), "same"
    return SpatioTemporalConv(channels, kernel, strides, kind=kind, padding=padding, **unit)(x)


def _check(num_classes, width, dropout, input_shape) -> None:
    if not isinstance(num_classes, numbers.Integral) or num_classes < 1:
        raise ValueError(f"num_classes must be an integer of 1 or more. Received: num_classes={num_classes!r}")
    if not isinstance(width, numbers.Real) or not 0 < width < float("inf"):
        raise ValueError(f"width must be a number above 0. Received: width={width!r}")
    if not isinstance(dropout, numbers.Real) or not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in [0, 1). Received: dropout={dropout!r}")
    if len(input_shape) != 4 or not isinstance(input_shape[3], numbers.Integral) or input_shape[3] < 1:
        raise ValueError(f"input_shape must be (frames, rows, columns, channels). Received: {input_shape!r}")
    for size, least in zip(input_shape, (MIN_FRAMES, MIN_PIXELS, MIN_PIXELS), strict=False):
        if size is not None and size < least:
            raise ValueError(
                f"A clip needs at least {MIN_FRAMES} frames of {MIN_PIXELS}x{MIN_PIXELS} pixels. "
                f"Received: input_shape={input_shape!r}"
            )

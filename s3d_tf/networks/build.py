"""The one loop: rows x variant -> keras.Model with named endpoints."""

from __future__ import annotations

import dataclasses
import numbers
import operator
from collections.abc import Mapping, Sequence

import keras

from .clip import ClipModel, check_size
from .ends import HeadPool, SpaceToDepth
from .inception import ENDPOINTS, ROWS, STEM, Conv, MaxPool, Mixed
from .layers import LAST, InceptionBlock, SpatioTemporalConv
from .pool import SpatioTemporalMaxPool
from .variants import Network, kinds_of, network

MAX_WIDTH = 1000  # a network of width 10 has a billion parameters


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
        `[B, num_classes]` float32. Called with integers, or with a clip that is known to be too small, it raises a
        ValueError; a length that only the running graph knows is not looked at. Its layers carry the authors' names:
        `model.get_layer("Mixed_4b").output`, or `endpoints(model, ["Mixed_4b"])`. `model.s3d_config` is a JSON-able
        dict of arguments that build it again: `build_model(**model.s3d_config)`.

    Raises:
        ValueError: an unknown name, or a value out of range.
    """
    net = as_network(name, convention, **changes)
    num_classes, width, dropout, input_shape = _checked(num_classes, width, dropout, input_shape)
    inputs = x = keras.Input(input_shape, name="clip")  # [B, T, H, W, C]
    for row in ROWS:
        x = _add(row, x, net, width)
    if net.head == "global":
        x = keras.layers.GlobalAveragePooling3D(name="Mixed_5c_mean", **LAST)(x)  # [B, C]
        x = keras.layers.Reshape((1, 1, 1, x.shape[-1]), name="AvgPool_0a_7x7")(x)
    else:
        x = HeadPool(name="AvgPool_0a_7x7")(x)  # [B, T', 1, 1, C]
    x = keras.layers.Dropout(dropout, name="Dropout_0b")(x)
    small = keras.initializers.TruncatedNormal(stddev=0.01)
    x = keras.layers.Conv3D(num_classes, 1, kernel_initializer=small, dtype="float32", name="Conv2d_0c_1x1", **LAST)(x)
    logits = keras.layers.GlobalAveragePooling3D(dtype="float32", name="Logits", **LAST)(x)  # [B, num_classes]
    model = ClipModel(inputs, logits, name=net.name.replace(":", "_"))
    config = dict(
        name=dataclasses.asdict(net), num_classes=num_classes, width=width, input_shape=input_shape, dropout=dropout
    )
    object.__setattr__(model, "s3d_config", config)  # past Keras, which would wrap the dict and track it
    return model


def endpoints(model: keras.Model, names: Sequence[str] = ENDPOINTS) -> keras.Model:
    """The same network with other outputs: a model from clips to `{name: activations [B, T', H', W', C']}`.

    Raises:
        ValueError: a name that is none of the model's layers, or one text instead of several.
    """
    if isinstance(names, str):
        raise ValueError(f"Endpoints are a list of names. Received: {names!r}")
    known = [layer.name for layer in model.layers]
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"Unknown endpoint: choose among {', '.join(known)}. Received: {', '.join(unknown)}")
    return ClipModel(model.input, {name: model.get_layer(name).output for name in names}, name=model.name)


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
            x = keras.layers.ZeroPadding3D(tuple(zip(before, after, strict=True)), name=f"{row.name}_pad", **LAST)(x)
        return SpatioTemporalMaxPool(row.kernel, row.strides, padding, name=row.name)(x)

    kind = kinds_of(net).get(row.name, "2d")
    channels = scaled(row.channels, width, net.min_channels)
    unit = dict(gated=row.name in net.gates, style=net.style, name=row.name)
    if isinstance(row, Mixed):
        return InceptionBlock(channels, kind=kind, **unit)(x)
    kernel, strides, padding = row.kernel, row.strides, "same"
    if row.name == STEM:
        kernel, padding = (net.stem_frames, *kernel[1:]), net.stem_padding
        if kind != "2d" and net.stem == "space_to_depth":  # of the same reach and stride
            x = SpaceToDepth(name="SpaceToDepth")(x)
            kernel, strides, padding = (2, 4, 4), (1, 1, 1), "same"  # which is what MIL-NCE's crop amounts to
    return SpatioTemporalConv(channels, kernel, strides, kind=kind, padding=padding, **unit)(x)


def _checked(num_classes, width, dropout, input_shape) -> tuple[int, float, float, tuple]:
    """The arguments as Python's own numbers, which JSON takes: NumPy's are accepted, True is no number."""
    if not _is(numbers.Integral, num_classes) or num_classes < 1:
        raise ValueError(f"num_classes must be an integer of 1 or more. Received: num_classes={num_classes!r}")
    if not _is(numbers.Real, width) or not 0 < width <= MAX_WIDTH:
        raise ValueError(f"width must be a number above 0, up to {MAX_WIDTH}. Received: width={width!r}")
    if not _is(numbers.Real, dropout) or not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in [0, 1). Received: dropout={dropout!r}")
    sizes = tuple(input_shape) if isinstance(input_shape, Sequence) and not isinstance(input_shape, str) else ()
    whole = all(size is None or _is(numbers.Integral, size) for size in sizes)
    if len(sizes) != 4 or not whole or sizes[3] is None or sizes[3] < 1:
        raise ValueError(f"input_shape must be (frames, rows, columns, channels). Received: {input_shape!r}")
    sizes = tuple(None if size is None else operator.index(size) for size in sizes)
    check_size(sizes, f"input_shape={sizes!r}")
    return operator.index(num_classes), float(width), float(dropout), sizes


def _is(kind: type, value) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)

"""The one loop: rows x variant -> keras.Model with named endpoints."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from .inception import ENDPOINTS, ROWS, UNITS, Conv, MaxPool, Mixed
from .layers import HeadPool, InceptionBlock, SpatioTemporalConv
from .variants import Network, network


def build_model(
    name: str | Network,
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
        name: "i2d", "i3d", "s3d", "s3d_g" (the keys of `VARIANTS`), or a `Network`.
        num_classes: number of logits.
        width: factor on the channels of every layer, at least 16 each (the authors' depth multiplier).
        input_shape: `(frames, rows, columns, channels)`; None is any. From 8 frames and 32 pixels up; 2 channels
            for flow.
        dropout: share of the features dropped before the logits (the authors keep 0.8).
        convention: whose conventions to build by (the keys of `CONVENTIONS`).
        **changes: fields of `Network` or `Style` to set, such as `gate_pool="space"`.

    Returns:
        A functional model: `[B, T, H, W, 3]` float32 in [-1, 1] -> logits `[B, num_classes]` float32. Its layers
        carry the authors' names: `model.get_layer("Mixed_4b").output`, or `endpoints(model, ["Mixed_4b"])`.

    Raises:
        ValueError: an unknown name, or a value out of range.
    """
    net = name if isinstance(name, Network) else network(name, convention, **changes)
    if num_classes < 1 or width <= 0 or not 0 <= dropout < 1:
        raise ValueError(
            "num_classes must be at least 1, width above 0 and dropout in [0, 1). "
            f"Received: num_classes={num_classes}, width={width}, dropout={dropout}"
        )
    kinds = dict(zip(UNITS, net.kinds, strict=True))

    inputs = x = keras.Input(input_shape, name="clip")  # [B, T, H, W, 3]
    for row in ROWS:
        unit = dict(kind=kinds.get(row.name, "2d"), gated=row.name in net.gates, style=net.style, name=row.name)
        match row:
            case Conv(_, channels, kernel, strides):
                stem = row.name == UNITS[0]
                if stem:
                    kernel = (net.stem_frames, *kernel[1:])
                padding = net.stem_padding if stem else "same"
                x = SpatioTemporalConv(scaled(channels, width, net), kernel, strides, padding=padding, **unit)(x)
            case MaxPool(_, kernel, strides):
                if net.pool_padding == "symmetric":  # activations are >= 0 here, so zeros never win
                    x = keras.layers.ZeroPadding3D(tuple((k - 1) // 2 for k in kernel), name=f"{row.name}_pad")(x)
                padding = "valid" if net.pool_padding == "symmetric" else "same"
                x = keras.layers.MaxPooling3D(kernel, strides, padding=padding, name=row.name)(x)
            case Mixed(_, channels):
                x = InceptionBlock(scaled(channels, width, net), **unit)(x)
    x = HeadPool(net.head_frames, name="AvgPool_0a_7x7")(x)  # [B, T', 1, 1, C]
    x = keras.layers.Dropout(dropout, name="Dropout_0b")(x)
    x = keras.layers.Conv3D(
        num_classes,
        1,
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.01),
        dtype="float32",
        name="Conv2d_0c_1x1",
    )(x)
    logits = keras.layers.GlobalAveragePooling3D(dtype="float32", name="Logits")(x)  # [B, num_classes]
    return keras.Model(inputs, logits, name=net.name)


def endpoints(model: keras.Model, names: Sequence[str] = ENDPOINTS) -> keras.Model:
    """The same network with other outputs: a model from clips to `{name: activations [B, T', H', W', C']}`.

    Raises:
        ValueError: a name that is none of the model's layers.
    """
    known = [layer.name for layer in model.layers]
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"Unknown endpoint: choose among {', '.join(known)}. Received: {', '.join(unknown)}")
    return keras.Model(model.inputs, {name: model.get_layer(name).output for name in names}, name=model.name)


def scaled(channels: int | tuple, width: float, net: Network) -> int | tuple:
    """`channels`, or every number of a nested tuple of them, times `width`, but never too few."""
    if isinstance(channels, tuple):
        return tuple(scaled(c, width, net) for c in channels)
    return max(int(channels * width), min(net.min_channels, channels))

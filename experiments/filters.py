"""How a conv's weights are distributed at each offset in time, and how much they differ between offsets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from s3d_tf.training import checkpoints
from s3d_tf.weights.assign import variables

from .part import Part

KERNELS = ("temporal/conv/kernel", "spatial/conv/kernel")  # of a separable conv, the one over time


def of_part(part: Part, path: Path, layers: Sequence[str]) -> dict:
    """Of a trained part, for a `Derivation`; see `of_model`."""
    del part
    return of_model(checkpoints.load_weights(path.parent), layers)


def of_model(model: keras.Model, layers: Sequence[str]) -> dict:
    """`network`, and `layers`: what `describe` says of the conv over time of each.

    Args:
        layers: such as "Conv2d_2c_3x3", "Mixed_3c/Branch_1/Conv2d_0b_3x3".

    Raises:
        ValueError: no such layer.
    """
    return dict(network=model.name, layers={layer: describe(kernel(model, layer)) for layer in layers})


def kernel(model: keras.Model, layer: str) -> np.ndarray:
    """`[T, H, W, in, out]` float32.

    Raises:
        ValueError: no such layer.
    """
    known = variables(model)
    found = [known[name] for name in (f"{layer}/{each}" for each in KERNELS) if name in known]
    if not found:
        raise ValueError(f"The network {model.name} has no such conv. Received: {layer}")
    return keras.ops.convert_to_numpy(found[0])


def describe(weights: np.ndarray) -> dict:
    """The weights of one conv over its offsets in time.

    Args:
        weights: `[T, H, W, in, out]`.

    Returns:
        `offsets`: for each offset, 0 in the middle, a box (`q1`, `med`, `q3`, and whiskers `whislo` and `whishi` at the
        outermost weights within 1.5 times the height of the box), `mean` and `deviation`. `outer`: the mean height
        of the boxes at the other offsets, as a share of that at offset 0. `apart`: how far the offsets lie from their
        mean (root mean square over offsets), as a share of the mean's norm; 0 for equal ones. Both are None for a
        single offset, and where that share is of nothing.
    """
    taps = np.asarray(weights, np.float64).reshape(len(weights), -1)  # [T, N]
    middle = len(taps) // 2
    boxes = [_box(tap, place - middle) for place, tap in enumerate(taps)]
    outer = apart = None
    if len(taps) > 1:
        heights = np.array([box["q3"] - box["q1"] for box in boxes])
        mean = taps.mean(axis=0)
        distance = np.sqrt(((taps - mean) ** 2).sum(axis=1).mean())
        outer = float(np.delete(heights, middle).mean() / heights[middle]) if heights[middle] > 0 else None
        apart = float(distance / np.linalg.norm(mean)) if mean.any() else None
    return dict(offsets=boxes, outer=outer, apart=apart)


def _box(weights: np.ndarray, offset: int) -> dict:
    """Under the names that matplotlib's `bxp` has for them."""
    q1, median, q3 = np.quantile(weights, (0.25, 0.5, 0.75))
    within = weights[(weights >= q1 - 1.5 * (q3 - q1)) & (weights <= q3 + 1.5 * (q3 - q1))]
    numbers = dict(q1=q1, med=median, q3=q3, whislo=within.min(), whishi=within.max())
    numbers |= dict(mean=weights.mean(), deviation=weights.std())
    return dict(offset=offset) | {name: float(number) for name, number in numbers.items()}

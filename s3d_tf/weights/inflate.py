"""2D -> 3D, and 3D -> separable: weights of one network of the family for another (section 3.1, after I3D).

A kernel repeated over n frames and divided by n answers a still video as the 2D kernel answers the image. A temporal
conv that starts as the identity changes nothing (activations are never negative), a gate starts near one half.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

KERNEL = "/spatial/conv/kernel"


def inflate(
    values: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Fits the arrays of one network to the variables of another.

    Args:
        values: by our names.
        shapes: of the variables to fill, by our names.

    Returns:
        The arrays to assign, and the names of the variables that keep their starting value because the change of
        kind says so: temporal convs (identity) and gates of a unit that gained temporal extent, gammas (1) and gate
        biases (0) that the source's kind of network does not have. Anything else that differs is left to
        `assign` to complain about.
    """
    result = dict(values)
    gained: set[str] = set()
    for name in shapes:
        if name.endswith(KERNEL) and name in values:
            temporal = name.replace(KERNEL, "/temporal/conv/kernel")
            result[name] = over_time(values[name], shapes[name])
            if result[name] is not values[name] or (temporal in shapes and temporal not in values):
                gained.add(name.split("/")[0])
    has_gamma = any(name.endswith("/gamma") for name in values)
    fresh = []
    for name in shapes:
        changed = name.split("/")[0] in gained and ("/temporal/" in name or "/gate/" in name)
        gamma = name.endswith("/gamma") and not has_gamma
        gate_bias = name.endswith("/gate/bias") and name.replace("bias", "kernel") in values
        if name not in values and (changed or gamma or gate_bias):
            fresh.append(name)
    return result, fresh


def over_time(kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`kernel` `[T, H, W, in, out]` with as many frames as `shape`: summed over time, then repeated and divided."""
    frames = shape[0]
    if kernel.ndim != 5 or kernel.shape[0] == frames or kernel.shape[1:] != tuple(shape[1:]):
        return kernel
    return np.repeat(kernel.sum(0, keepdims=True) / frames, frames, axis=0)

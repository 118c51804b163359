"""2D -> 3D, and 3D -> separable: weights of one network of the family for another (section 3.1, after I3D).

A kernel repeated over n frames and divided by n answers a still video as the 2D kernel answers the image. A temporal
conv that starts as the identity changes nothing (activations are never negative), a gate starts near one half.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from s3d_tf.networks import UNITS, Network, kinds_of
from s3d_tf.networks.inception import STEM

KERNEL = "/spatial/conv/kernel"


def inflate(
    values: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], source: Network, target: Network
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Fits the arrays of one network to the variables of another.

    Args:
        values: by our names.
        shapes: of the variables to fill, by our names.
        source: the network that `values` are of.
        target: the network that has `shapes`.

    Returns:
        The arrays to assign, and the names of the variables that keep their starting value: temporal convs (identity)
        and gates of a unit whose kind differs, where the source has none in that unit; gammas (1) and gate biases (0)
        where the source has none at all. Anything else that differs is left to `assign` to complain about.
    """
    before, after = kinds_of(source), kinds_of(target)
    gained = {unit for unit in UNITS if before[unit] != after[unit] and not _has(values, f"{unit}/", "/temporal/")}
    ungated = {unit for unit in gained if not _has(values, f"{unit}/", "/gate/")}
    has_gamma, has_gate_bias = _has(values, "", "/norm/gamma"), _has(values, "", "/gate/bias")
    result, fresh = dict(values), []
    for name, shape in shapes.items():
        unit = name.split("/")[0]
        if name in values:
            if name.endswith(KERNEL):
                result[name] = over_time(values[name], shape)
        elif (
            (unit in gained and "/temporal/" in name)
            or (unit in ungated and "/gate/" in name)
            or (name.endswith("/norm/gamma") and not has_gamma)
            or (name.endswith("/gate/bias") and not has_gate_bias and name.replace("bias", "kernel") in values)
        ):
            fresh.append(name)
    return result, fresh


def misfits(values: Mapping[str, np.ndarray], source: Network) -> dict[str, str]:
    """`{our name: what is wrong}` of the kernels in `values` whose frames are not those of the source's own unit.

    Inflation would sum or repeat them into something that looks right.
    """
    wrong = {}
    for name, value in values.items():
        if name.endswith(KERNEL) and np.ndim(value) == 5 and len(value) != frames_of(source, name):
            kind = kinds_of(source).get(name.split("/")[0], "2d")
            wrong[name] = f"{len(value)} frames, not the {frames_of(source, name)} of a {kind} unit"
    return wrong


def frames_of(network: Network, kernel: str) -> int:
    """How many frames the spatial kernel of this name spans in `network`."""
    unit = kernel.split("/")[0]
    if kinds_of(network).get(unit, "2d") != "3d" or "1x1/" in kernel:
        return 1
    if unit == STEM:
        return 2 if network.stem == "space_to_depth" else network.stem_frames
    return 3


def over_time(kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`kernel` `[T, H, W, in, out]` with as many frames as `shape`: summed over time, then repeated and divided."""
    frames = shape[0]
    if kernel.ndim != 5 or kernel.shape[0] == frames or kernel.shape[1:] != tuple(shape[1:]):
        return kernel
    return np.repeat(kernel.sum(0, keepdims=True) / frames, frames, axis=0)


def _has(values: Mapping[str, np.ndarray], start: str, part: str) -> bool:
    return any(name.startswith(start) and part in name for name in values)

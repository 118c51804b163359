"""One array of numbers out of a MATLAB file (`.mat`, level 5)."""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np

_NUMBERS = {
    *("double", "single", "logical", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
}
_BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, EOFError, OverflowError, zlib.error)


def read_array(path: Path, name: str, num_axes: int, max_size: int = 1 << 27) -> np.ndarray:
    """The array of that name; nothing else of the file is read, and no objects are built.

    Args:
        path: the file.
        name: of the variable.
        num_axes: how many axes it must have; MATLAB drops a last axis of length 1, which is put back.
        max_size: of the array, in numbers; checked before it is read.

    Raises:
        ValueError: no such file or variable, or no array of numbers of that form; scipy is missing.
    """
    try:
        from scipy.io import loadmat, whosmat
        from scipy.io.matlab import MatReadError
    except ImportError:
        raise ValueError(f"MATLAB files need scipy: pip install -e '.[boxes]'. Received: {path}") from None
    try:
        found = {variable: (shape, kind) for variable, shape, kind in whosmat(path)}
        shape, kind = found.get(name, ((), "nothing"))
        shape = (*shape, *[1] * (num_axes - len(shape)))
        if kind not in _NUMBERS or len(shape) != num_axes or not 0 < math.prod(shape) <= max_size or min(shape) < 0:
            raise ValueError(f"{name} must be an array of numbers with {num_axes} axes, not {kind} {shape}")
        array = np.asarray(loadmat(path, variable_names=[name])[name])
        if array.dtype.kind not in "buif" or math.prod(array.shape) != math.prod(shape):
            raise ValueError(f"{name} is not what its header says")
        return array.reshape(shape, order="F")
    except (*_BROKEN, NotImplementedError, MatReadError) as error:
        raise ValueError(f"This is no MATLAB file as expected: {error!s:.200}. Received: {path}") from None

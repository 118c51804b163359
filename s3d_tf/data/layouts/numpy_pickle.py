"""Reads a pickle of dicts, lists, numbers, texts and integer arrays. Nothing that the file names is ever called.

Python's own unpickler calls what a file tells it to. Here the few names that numpy writes stand for objects of ours,
which check what they are given before any memory is taken; every other name is an error.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np

MAX_BYTES = 1 << 28

_DTYPE = re.compile(r"[uif][1248]|U[1-9][0-9]{0,3}")


def load(path: Path) -> Any:
    """The content of a pickle, protocol 0 to 4, Python 2's texts as latin-1; arrays are `numpy.ndarray` of integers or
    floats.

    Raises:
        ValueError: it cannot be read, is larger than 256 MiB, is no pickle, or names anything but numpy's arrays.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ValueError(f"A pickle of annotations may have {MAX_BYTES} bytes. Received: {path}, {size} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"The annotations cannot be read: {error}. Received: {path}") from None
    try:
        return _resolve(_Unpickler(io.BytesIO(content), encoding="latin1").load())
    except _Refused as error:
        raise ValueError(f"The pickle holds more than numbers, texts and arrays: {error}. Received: {path}") from None
    except (pickle.UnpicklingError, *_BROKEN) as error:
        raise ValueError(f"This is no pickle of arrays: {error!r:.200}. Received: {path}") from None


_BROKEN = (
    *(EOFError, AttributeError, ValueError, TypeError, IndexError, KeyError),
    *(OverflowError, RecursionError, AssertionError),
)


class _Refused(Exception):  # noqa: N818
    """The pickle asks for something that is no data."""


class _Unpickler(pickle._Unpickler):
    """In Python, because the one in C takes whatever memory a length in the file asks for."""

    dispatch = {code: load for code, load in pickle._Unpickler.dispatch.items() if code != pickle.BYTEARRAY8[0]}

    def find_class(self, module: str, name: str) -> Any:
        key = (module.replace("numpy._core", "numpy.core"), name)
        if key not in _NAMES:
            raise _Refused(f"it names {module}.{name}")
        return _NAMES[key]()


class _Type:
    """Stands for numpy.ndarray, which is an argument and never called."""

    __slots__ = ()


class _Descr:
    """Stands for a numpy.dtype of plain numbers or of text."""

    __slots__ = ("_order", "_text")

    def __init__(self, text: Any):
        if not (isinstance(text, str) and _DTYPE.fullmatch(text)):
            named = repr(text[:40]) if isinstance(text, str) else type(text).__name__  # shared tuples print without end
            raise _Refused(f"an array of {named}")
        self._text, self._order = text, "="

    def __setstate__(self, state: Any) -> None:
        if not (isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "=")):
            raise _Refused("a dtype in no known form")
        self._order = state[1]

    def resolve(self) -> np.dtype:
        return np.dtype(self._text).newbyteorder(self._order)


class _Dtype:
    __slots__ = ()

    def __call__(self, text: Any, *_: Any) -> _Descr:
        return _Descr(text)


class _Array:
    """Stands for an array until its state is read."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = None

    def __setstate__(self, state: Any) -> None:
        _, shape, descr, fortran, raw = state
        if isinstance(raw, str):
            raw = raw.encode("latin1")  # Python 2's bytes
        if not (isinstance(descr, _Descr) and isinstance(raw, bytes) and isinstance(shape, tuple)):
            raise _Refused("an array in no known form")
        dtype = descr.resolve()
        if not all(isinstance(n, int) and n >= 0 for n in shape):
            raise _Refused("an array whose shape is no numbers")
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise _Refused(f"{len(raw)} bytes for an array of the shape {shape!r:.80}")
        self.value = np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")


class _Reconstruct:
    __slots__ = ()

    def __call__(self, kind: Any, *_: Any) -> _Array:
        if not isinstance(kind, _Type):
            raise _Refused("an array of no known kind")
        return _Array()


class _Scalar:
    __slots__ = ()

    def __call__(self, descr: Any, raw: Any) -> int | float | str:
        if isinstance(raw, str):
            raw = raw.encode("latin1")
        if not isinstance(descr, _Descr) or not isinstance(raw, bytes) or len(raw) != descr.resolve().itemsize:
            raise _Refused("a number in no known form")
        return np.frombuffer(raw, descr.resolve())[0].item()


class _Encode:
    """Stands for codecs.encode, by which Python 3 writes bytes in the protocols of Python 2."""

    __slots__ = ()

    def __call__(self, text: Any, encoding: Any) -> bytes:
        if not isinstance(text, str) or encoding != "latin1":
            raise _Refused("bytes in no known form")
        return text.encode("latin1")


_NAMES = {
    ("_codecs", "encode"): _Encode,
    ("numpy.core.multiarray", "_reconstruct"): _Reconstruct,
    ("numpy.core.multiarray", "scalar"): _Scalar,
    ("numpy", "ndarray"): _Type,
    ("numpy", "dtype"): _Dtype,
}


def _resolve(value: Any, seen: dict[int, Any] | None = None) -> Any:
    """The content with arrays in place of what stands for them; what is shared stays shared."""
    seen = {} if seen is None else seen
    if isinstance(value, _Array):
        return value.value
    if value is None or isinstance(value, (int, float, str, bytes)):
        return value
    if not isinstance(value, (dict, list, tuple)):
        raise _Refused(f"a {type(value).__name__}")
    if id(value) not in seen:
        if isinstance(value, dict):
            seen[id(value)] = {key: _resolve(item, seen) for key, item in value.items()}
        else:
            seen[id(value)] = [_resolve(item, seen) for item in value]
    return seen[id(value)]

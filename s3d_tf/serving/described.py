"""What a served model says of itself, believed only as far as it makes sense: a server may be anybody's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..weights import Preprocessing
from .classifier import JPEGS
from .transport import ServerError

MAX_SIDE, MAX_FRAMES, MAX_LABELS = 4096, 100_000, 1_000_000
MAX_CALL = 1024
"""Frames of a detector's clip, and of a call of it."""

T = TypeVar("T")


class Description(NamedTuple):
    """Of a classifier that `scripts/export.py` wrote."""

    labels: tuple[str, ...]
    streams: dict[str, Preprocessing]
    max_frames: int


class DetectorDescription(NamedTuple):
    """Of a detector that `scripts/export_detector.py` wrote."""

    labels: tuple[str, ...]
    streams: tuple[str, ...]
    size: tuple[int, int]  # rows and columns that it sees frames at
    num_frames: int  # of a clip
    key_frame: int  # the one of them whose boxes are answered
    max_clips: int  # to send in a call


def describe(outputs: Mapping[str, np.ndarray]) -> Description:
    """What a classifier's signature `info` answered.

    Raises:
        ServerError: it makes no sense.
    """
    return _understood(outputs, _read_classifier, "scripts/export.py")


def describe_detector(outputs: Mapping[str, np.ndarray]) -> DetectorDescription:
    """What a detector's signature `info` answered.

    Raises:
        ServerError: it makes no sense.
    """
    return _understood(outputs, _read_detector, "scripts/export_detector.py")


def _understood(outputs: Mapping[str, np.ndarray], read: Callable[[Any], T], exported_by: str) -> T:
    try:
        (text,) = [np.asarray(value).reshape(-1)[0] for value in outputs.values()]
        return read(json.loads(text))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        message = f"The model's description cannot be understood ({error}): was it exported by {exported_by}?"
        raise ServerError("INTERNAL", message[:600]) from None


def _read_classifier(known: Any) -> Description:
    if "detector" in known:
        raise ServerError("INVALID_ARGUMENT", "The model is a detector, for scripts/query_detector.py.")
    labels, max_frames = _labels(known), known["max_frames"]
    streams = {stream: Preprocessing.from_json(values) for stream, values in known["streams"].items()}
    if type(max_frames) is not int or not 0 < max_frames <= MAX_FRAMES:
        raise ValueError(f"max_frames={max_frames!r}")
    if not streams or not set(streams) <= set(JPEGS):
        raise ValueError(f"streams {', '.join(streams)}")
    for stream, p in streams.items():
        sides = p.resize if isinstance(p.resize, tuple) else (p.resize,)
        large = max(*sides, p.crop, p.min_frames) > MAX_SIDE
        if p.modality != stream or large or not 0 <= (p.fps or 1) < 1000:
            raise ValueError(f"{stream} of {p.modality}, resize={p.resize}, min_frames={p.min_frames}, fps={p.fps}")
    return Description(labels, streams, max_frames)


def _read_detector(known: Any) -> DetectorDescription:
    if "detector" not in known:
        raise ServerError("INVALID_ARGUMENT", "The model is a classifier, for scripts/query_server.py.")
    labels, streams, (rows, columns) = _labels(known), known["streams"], known["resize"]
    if streams not in (["rgb"], ["rgb", "flow"]):
        raise ValueError(f"streams={streams!r}")
    num_frames, max_clips, key_frame = (known[name] for name in ("num_frames", "max_clips", "key_frame"))
    for value, most in ((rows, MAX_SIDE), (columns, MAX_SIDE), (num_frames, MAX_CALL), (max_clips, max_clips)):
        if type(value) is not int or not 0 < value <= most:
            raise ValueError(f"{max_clips!r} clips of {num_frames!r} frames of {rows!r}x{columns!r}")
    if type(key_frame) is not int or not 0 <= key_frame < num_frames:
        raise ValueError(f"key_frame={key_frame!r}")
    most_clips = min(max_clips, max(MAX_CALL // num_frames, 1))  # a call of the client's needs no more
    return DetectorDescription(labels, tuple(streams), (rows, columns), num_frames, key_frame, most_clips)


def _labels(known: Any) -> tuple[str, ...]:
    labels = known["labels"]
    if not isinstance(labels, list) or not 0 < len(labels) <= MAX_LABELS or not all(type(o) is str for o in labels):
        raise ValueError("labels are no list of names")
    return tuple(labels)


def numbers(found: Any, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """An answer's finite numbers, float32, of the shape that was promised."""
    try:
        array = np.asarray(found, np.float32)
    except (TypeError, ValueError, OverflowError):
        array = np.zeros(())
    fits = len(array.shape) == len(shape) and all(w in (None, n) for n, w in zip(array.shape, shape, strict=True))
    if not fits or not np.isfinite(array).all():
        received = "none" if found is None else f"{np.shape(found)}"
        raise ServerError("INTERNAL", f"The server answers with {name} that are not {shape} numbers: {received}")
    return array

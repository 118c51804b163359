"""What a served model says of itself, believed only as far as it makes sense: a server may be anybody's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..weights import Preprocessing
from .classifier import JPEGS
from .transport import ServerError

MAX_SIDE, MAX_FRAMES, MAX_LABELS = 4096, 100_000, 1_000_000


class Description(NamedTuple):
    """Of a model that `scripts/export.py` wrote."""

    labels: tuple[str, ...]
    streams: dict[str, Preprocessing]
    max_frames: int


def describe(outputs: Mapping[str, np.ndarray]) -> Description:
    """What the signature `info` answered.

    Raises:
        ServerError: it makes no sense.
    """
    try:
        (text,) = [np.asarray(value).reshape(-1)[0] for value in outputs.values()]
        return _read(json.loads(text))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        message = f"The model's description cannot be understood ({error}): was it exported by scripts/export.py?"
        raise ServerError("INTERNAL", message[:600]) from None


def _read(known: Any) -> Description:
    labels, max_frames = known["labels"], known["max_frames"]
    streams = {stream: Preprocessing.from_json(values) for stream, values in known["streams"].items()}
    if not isinstance(labels, list) or not 0 < len(labels) <= MAX_LABELS or not all(type(o) is str for o in labels):
        raise ValueError("labels are no list of names")
    if type(max_frames) is not int or not 0 < max_frames <= MAX_FRAMES:
        raise ValueError(f"max_frames={max_frames!r}")
    if not streams or not set(streams) <= set(JPEGS):
        raise ValueError(f"streams {', '.join(streams)}")
    for stream, p in streams.items():
        sides = p.resize if isinstance(p.resize, tuple) else (p.resize,)
        if p.modality != stream or max(*sides, p.crop, p.min_frames) > MAX_SIDE or not 0 <= (p.fps or 1) < 1000:
            raise ValueError(f"{stream} of {p.modality}, resize={p.resize}, min_frames={p.min_frames}, fps={p.fps}")
    return Description(tuple(labels), streams, max_frames)

"""An opened video: frames in order, each with its time stamp; a span of them, at another rate, resized."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

MAX_SIDE = 16384
"""Pixels; a file that declares larger frames is not decoded."""

MIN_DECODED = 0.8
"""A file of whose declared frames a smaller share decodes is called truncated. Declared counts are off by a few in
sound files too."""

OPENCV = "OpenCV"
"""The decoder of all videos but those that OpenCV yields no frame of."""

_TOLERANCE = 1000  # microseconds: containers round time stamps to milliseconds


class VideoError(ValueError):
    """A file that is no readable video; the message says why, without the path.

    Attributes:
        frames, declared_frames: how many decode, and how many the container declares.
    """

    def __init__(self, message: str, frames: int = 0, declared_frames: int = 0):
        super().__init__(message)
        self.frames, self.declared_frames = frames, declared_frames


class MissingVideoError(VideoError):
    """A file that cannot be reached: it may be there another time."""


class Frame(NamedTuple):
    rgb: np.ndarray  # [H, W, 3] uint8
    timestamp: int  # microseconds from the start


class Decoded(NamedTuple):
    """A frame as a decoder yields it, not yet converted."""

    milliseconds: float  # from the start of the stream; 0 where the container does not say
    retrieve: Callable[[], np.ndarray | None]  # `[H, W, 3]` uint8 RGB; call it before the next frame is decoded


class Grabbed(NamedTuple):
    """A frame that is decoded but not yet converted."""

    timestamp: int  # microseconds from the start of the file
    retrieve: Callable[[], np.ndarray | None]  # `[H, W, 3]` uint8 RGB; to be called before the next one is grabbed


class Reader:
    """An opened video. Its frames come once, one at a time.

    Attributes:
        fps: as declared.
        declared_frames: as the container says; 0 when it does not.
        decoded: frames that decoded so far, those outside the span too.
        dropped: frames before the span, or skipped.
        reached_end: whether nothing is left of the file.
        damaged: frames that do not decode, by name, where they have names.
        decoder: what decodes it, with its version where that is not OpenCV.
    """

    def __init__(
        self,
        fps: float,
        declared_frames: int,
        grabbed: Iterable[Grabbed],
        damaged: list[str] | None = None,
        decoder: str = OPENCV,
    ):
        self.fps, self.declared_frames, self.decoder = fps, declared_frames, decoder
        self.decoded = self.dropped = 0
        self.reached_end = False
        self.damaged = damaged if damaged is not None else []
        self._grabbed = iter(grabbed)

    def skip(self, count: int) -> None:
        """Decodes `count` frames without converting them; `frames` gives those after them."""
        for _ in itertools.islice(self._grabbed, count):
            self.dropped += 1
            self.decoded += 1

    def frames(self, start: float = 0.0, end: float = 0.0) -> Iterator[Frame]:
        """The frames from `start` up to `end` seconds (0: the end); time stamps count from `start`."""
        first, last = round(start * 1e6), round(end * 1e6)
        for timestamp, retrieve in self._grabbed:
            if last and timestamp >= last:
                return
            if timestamp < first:
                self.dropped += 1
                self.decoded += 1
            elif (rgb := retrieve()) is not None:
                self.decoded += 1
                yield Frame(rgb, timestamp - first)
        self.reached_end = True

    def check(self, min_decoded: float = MIN_DECODED) -> None:
        """Whether enough of the declared frames decoded, once `frames` is through.

        Raises:
            VideoError: none decoded, or the end came when fewer than `min_decoded` of the declared ones had.
        """
        decoded, declared = self.decoded, self.declared_frames
        names = f" (damaged: {', '.join(self.damaged[:3])})" if self.damaged else ""
        if not decoded:
            message = f"none of {declared} declared frames decodes" if declared else "no frame decodes"
            raise VideoError(message + names, 0, declared)
        if self.reached_end and decoded < min_decoded * declared:
            message = f"truncated or damaged: {decoded} of {declared} declared frames decode{names}"
            raise VideoError(message, decoded, declared)


def resample(frames: Iterable[Frame], fps: float, declared_fps: float) -> Iterator[Frame]:
    """For each time k/fps from the first frame on, the frame that is shown then; right for variable rates too.

    Args:
        frames: in order; each is shown until the next one, the last as long as the one before it.
        fps: frames per second to come out.
        declared_fps: how long a single frame is shown.

    Returns:
        Frames with the time stamps k/fps. A frame that starts within a millisecond after k/fps counts as shown.
    """
    step = 1e6 / fps
    count = 0
    shown, origin, gap = None, 0, 1e6 / declared_fps
    for frame in frames:
        if shown is None:
            origin = frame.timestamp
        else:
            gap = frame.timestamp - shown.timestamp
            while origin + count * step + _TOLERANCE < frame.timestamp:
                yield Frame(shown.rgb, round(count * step))
                count += 1
        shown = frame
    while shown is not None and origin + count * step + _TOLERANCE < shown.timestamp + gap:
        yield Frame(shown.rgb, round(count * step))
        count += 1


def target_size(height: int, width: int, size: int | tuple[int, int] | None) -> tuple[int, int]:
    """Rows and columns that `resize` gives to a frame of `height` by `width` pixels."""
    if isinstance(size, int):
        shorter = min(height, width)
        return round(height * size / shorter), round(width * size / shorter)
    return (height, width) if size is None else tuple(size)


def resize(image: np.ndarray, size: int | tuple[int, int] | None) -> np.ndarray:
    """`[H, W, C]` uint8 to `(rows, columns)`, the aspect ratio given up as in the paper (256x256), or to a shorter
    side of `size` pixels, the aspect ratio kept."""
    target = target_size(*image.shape[:2], size)
    if image.shape[:2] == target:
        return image
    shrinks = target[0] < image.shape[0] and target[1] < image.shape[1]
    return cv2.resize(image, target[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def check_side(height: int, width: int) -> None:
    """Refuses frames whose declared size is not to be believed.

    Raises:
        VideoError: more than `MAX_SIDE` pixels a side.
    """
    if max(height, width) > MAX_SIDE:
        raise VideoError(f"frames of {height}x{width} pixels, more than {MAX_SIDE} a side")

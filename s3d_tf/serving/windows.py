"""A video's frames -> windows of them; one window, or two, are held at a time."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def sliding(frames: Iterable[T], window: int | None, stride: int | None = None) -> Iterator[tuple[int, list[T]]]:
    """Windows of equal length.

    Args:
        frames: of a video, in order.
        window: frames in a window; None is all of them.
        stride: frames from one window's start to the next one's; a window by default.

    Yields:
        The first frame's number and the frames, for every window that lies wholly inside the video: up to `stride - 1`
        frames at its end, or a part of a window, are left over. A shorter video is one short window.
    """
    held: collections.deque[T] = collections.deque(maxlen=window)
    start, count = 0, 0
    for frame in frames:
        held.append(frame)
        count += 1
        if window and count == start + window:
            yield start, list(held)
            start += stride or window
    if held and (not window or count < window):
        yield 0, list(held)


def covering(frames: Iterable[T], window: int) -> Iterator[tuple[int, list[T]]]:
    """Windows that hold each frame once: whole ones, then the last frames, if they are more than one window and not
    more than two, in two halves.

    Yields:
        The first frame's number and the frames.
    """
    start, held = 0, []
    for frame in frames:
        held.append(frame)
        if len(held) > 2 * window:
            yield start, held[:window]
            start, held = start + window, held[window:]
    half = -(-len(held) // 2) if len(held) > window else len(held)
    for first in range(0, len(held), half or 1):
        yield start + first, held[first : first + half]

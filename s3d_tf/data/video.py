"""A video file -> RGB frames. Everything that can be wrong with a file is handled here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # damaged files are named in a VideoError

MIN_DECODED = 0.8
"""A file of whose declared frames a smaller share decodes is called truncated. Declared counts are off by a few in
sound files too."""

_IMAGES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"BM": "BMP"}


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


class Video(NamedTuple):
    frames: list[Frame]
    fps: float  # as declared
    declared_frames: int  # as the container says; 0 when it does not


def iter_frames(path: str | Path, size: int | tuple[int, int] | None = None) -> Iterator[Frame]:
    """Decodes a file frame by frame, rotation tags honoured.

    Args:
        path: any container and codec that OpenCV's FFmpeg reads.
        size: `(rows, columns)` to resize to (area averaging when shrinking, else bilinear), or one number for the
            shorter side; None keeps the size.

    Raises:
        VideoError: before the first frame, when there is none to be had.
    """
    _, frames = _open(path, size)
    yield from frames


def read_video(path: str | Path, size: int | tuple[int, int] | None = None, min_decoded: float = MIN_DECODED) -> Video:
    """All frames of a file, see `iter_frames`.

    Raises:
        VideoError: no video, no frame that decodes, or fewer than `min_decoded` of the declared frames.
    """
    (fps, declared), frames = _open(path, size)
    decoded = list(frames)
    if not decoded:
        raise VideoError(f"none of {declared} declared frames decodes" if declared else "no frame decodes", 0, declared)
    if len(decoded) < min_decoded * declared:
        reason = f"truncated or damaged: {len(decoded)} of {declared} declared frames decode"
        raise VideoError(reason, len(decoded), declared)
    return Video(decoded, fps, declared)


def _open(path: str | Path, size: int | tuple[int, int] | None) -> tuple[tuple[float, int], Iterator[Frame]]:
    path = Path(path)
    try:
        num_bytes = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise MissingVideoError(error.strerror or str(error)) from None
    if num_bytes == 0:
        raise VideoError("empty file")
    for magic, kind in _IMAGES.items():
        if head.startswith(magic):
            raise VideoError(f"a {kind} image, not a video")
    if _is_text(head):  # FFmpeg would render it as a terminal
        raise VideoError("a text file, not a video")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise VideoError("not a video that OpenCV can open")
    fps = capture.get(cv2.CAP_PROP_FPS)
    fps = fps if 0 < fps < 1000 else 25.0
    declared = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
    return (fps, declared), _decode(capture, fps, size)


def _is_text(head: bytes) -> bool:
    """Whether the first bytes of a file read as text; containers hold zeros or bytes that are no UTF-8."""
    if b"\0" in head:
        return False
    try:
        head[:-4].decode("utf-8")  # less what a letter that was cut in half may leave
    except UnicodeDecodeError:
        return False
    return True


def _decode(capture: cv2.VideoCapture, fps: float, size: int | tuple[int, int] | None) -> Iterator[Frame]:
    try:
        last = -1
        index = 0
        while True:
            ok, bgr = capture.read()
            if not ok:
                return
            timestamp = int(capture.get(cv2.CAP_PROP_POS_MSEC) * 1000)
            if timestamp <= last:  # containers without time stamps
                timestamp = max(round(index * 1e6 / fps), last + 1)
            last, index = timestamp, index + 1
            yield Frame(resize(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), size), timestamp)
    finally:
        capture.release()


def resize(image: np.ndarray, size: int | tuple[int, int] | None) -> np.ndarray:
    """`[H, W, C]` uint8 to `(rows, columns)`, the aspect ratio given up as in the paper (256x256), or to a shorter
    side of `size` pixels, the aspect ratio kept."""
    if isinstance(size, int):
        shorter = min(image.shape[:2])
        size = (round(image.shape[0] * size / shorter), round(image.shape[1] * size / shorter))
    if size is None or image.shape[:2] == tuple(size):
        return image
    shrinks = size[0] < image.shape[0] and size[1] < image.shape[1]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

"""A video file -> its frames, through OpenCV, or PyAV where OpenCV yields none. Handles everything that can be wrong
with a file."""

from __future__ import annotations

import itertools
import math
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from . import pyav_decoder
from .frames import OPENCV, Decoded, Grabbed, MissingVideoError, Reader, VideoError, check_side

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # damaged files are named in a VideoError

_IMAGES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"BM": "BMP"}
_AV1 = {cv2.VideoWriter_fourcc(*"AV01"), cv2.VideoWriter_fourcc(*"av01")}  # OpenCV opens it and decodes no frame


def open_file(path: Path) -> Reader:
    """Opens any container that OpenCV's FFmpeg reads, and honours rotation tags.

    OpenCV decodes it; PyAV decodes AV1, and what OpenCV yields no frame of. Both use one thread: what a damaged file
    yields must not depend on the number of cores.

    Raises:
        MissingVideoError: the file cannot be reached.
        VideoError: it is no video.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:  # it would crash OpenCV
        raise VideoError("its path is not UTF-8; rename it") from None
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise VideoError("a folder, not a video file" if stat.S_ISDIR(found.st_mode) else "no regular file")
        num_bytes = found.st_size
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
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        raise VideoError("not a video that OpenCV can open")
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    check_side(*(round(_number(capture, key)) for key in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH)))
    fps = _number(capture, cv2.CAP_PROP_FPS)
    fps = fps if 0 < fps < 1000 else 25.0
    declared = max(int(_number(capture, cv2.CAP_PROP_FRAME_COUNT)), 0)
    decoded, decoder = _decode(path, capture)
    damaged: list[str] = []
    return Reader(fps, declared, _grab(decoded, fps, damaged), damaged, decoder)


def _is_text(head: bytes) -> bool:
    """Whether the first bytes of a file read as text; containers hold zeros or bytes that are no UTF-8."""
    if b"\0" in head:
        return False
    try:
        head[:-4].decode("utf-8")  # less what a letter that was cut in half may leave
    except UnicodeDecodeError:
        return False
    return True


def _decode(path: Path, capture: cv2.VideoCapture) -> tuple[Iterator[Decoded], str]:
    """Returns the frames and the decoder's name: OpenCV's, or PyAV's where OpenCV yields none, as of AV1."""
    rotation = round(_number(capture, cv2.CAP_PROP_ORIENTATION_META))  # now: a capture that was released has none
    if int(_number(capture, cv2.CAP_PROP_FOURCC)) not in _AV1:
        decoded = _opencv(capture)
        if (first := next(decoded, None)) is not None:
            return itertools.chain([first], decoded), OPENCV
    capture.release()
    return pyav_decoder.decode(path, rotation), pyav_decoder.version()


def _opencv(capture: cv2.VideoCapture) -> Iterator[Decoded]:
    def retrieve() -> np.ndarray | None:
        ok, bgr = capture.retrieve()
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) if ok else None

    try:
        while capture.grab():
            yield Decoded(capture.get(cv2.CAP_PROP_POS_MSEC), retrieve)
    finally:
        capture.release()


def _grab(decoded: Iterable[Decoded], fps: float, damaged: list[str]) -> Iterator[Grabbed]:
    """Gives each frame a later time stamp than the one before it, and names those that cannot be retrieved."""

    def retrieve() -> np.ndarray | None:
        rgb = frame.retrieve()
        if rgb is None:
            damaged.append(f"frame {index}")
        return rgb

    last = -1
    for index, frame in enumerate(decoded):
        timestamp = int(_plausible(frame.milliseconds) * 1000)
        if timestamp <= last:  # containers without time stamps
            timestamp = max(round(index * 1e6 / fps), last + 1)
        last = timestamp
        yield Grabbed(timestamp, retrieve)


def _number(capture: cv2.VideoCapture, key: int) -> float:
    return _plausible(capture.get(key))


def _plausible(value: float) -> float:
    """The value, 0 where the container says nonsense."""
    return value if math.isfinite(value) and abs(value) < 1e12 else 0.0

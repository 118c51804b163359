"""A video file -> its frames, through OpenCV's FFmpeg. Everything that can be wrong with a file is handled here."""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator
from pathlib import Path

import cv2

from .frames import Grabbed, MissingVideoError, Reader, VideoError, check_side

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # damaged files are named in a VideoError

_IMAGES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"BM": "BMP"}


def open_file(path: Path) -> Reader:
    """Opens any container and codec that OpenCV's FFmpeg reads; rotation tags are honoured.

    Decoded in one thread: what a damaged file yields must not depend on the number of cores.

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
    damaged: list[str] = []
    return Reader(fps, declared, _grab(capture, fps, damaged), damaged)


def _is_text(head: bytes) -> bool:
    """Whether the first bytes of a file read as text; containers hold zeros or bytes that are no UTF-8."""
    if b"\0" in head:
        return False
    try:
        head[:-4].decode("utf-8")  # less what a letter that was cut in half may leave
    except UnicodeDecodeError:
        return False
    return True


def _grab(capture: cv2.VideoCapture, fps: float, damaged: list[str]) -> Iterator[Grabbed]:
    last, index = -1, 0

    def retrieve():
        ok, bgr = capture.retrieve()
        if not ok:
            damaged.append(f"frame {index - 1}")
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) if ok else None

    try:
        while capture.grab():
            timestamp = int(_number(capture, cv2.CAP_PROP_POS_MSEC) * 1000)
            if timestamp <= last:  # containers without time stamps
                timestamp = max(round(index * 1e6 / fps), last + 1)
            last, index = timestamp, index + 1
            yield Grabbed(timestamp, retrieve)
    finally:
        capture.release()


def _number(capture: cv2.VideoCapture, key: int) -> float:
    """A property, 0 where the container says nonsense."""
    value = capture.get(key)
    return value if math.isfinite(value) and abs(value) < 1e12 else 0.0

"""A folder of JPEG or PNG frames -> the same frames a video file would give."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from .frames import Grabbed, MissingVideoError, Reader, VideoError, check_side

ENDINGS = (".jpg", ".jpeg", ".png")
MAX_BYTES = 1 << 28
"""A larger image file is not read."""


def open_folder(path: Path, fps: float) -> Reader:
    """The images of a folder in natural order (`2.jpg` before `10.jpg`), `fps` of them a second.

    An image that does not decode is left out and named in `Reader.damaged`.

    Raises:
        MissingVideoError: the folder cannot be read.
        VideoError: it holds no images, or `fps` is missing.
    """
    try:
        files = [file for file in path.iterdir() if file.suffix.lower() in ENDINGS and not file.name.startswith(".")]
    except OSError as error:
        raise MissingVideoError(error.strerror or str(error)) from None
    if not files:
        raise VideoError("a folder without JPEG or PNG frames")
    if not fps > 0:
        raise VideoError("a folder of frames needs a frame rate")
    damaged: list[str] = []
    return Reader(fps, len(files), _grab(sorted(files, key=_natural), fps, damaged), damaged)


def decode_image(content: bytes) -> np.ndarray:
    """A whole JPEG or PNG -> `[H, W, 3]` uint8 RGB; OpenCV would return half of a damaged one without a word.

    Raises:
        VideoError: damaged, or larger than `frames.MAX_SIDE`.
    """
    if not content.startswith((b"\x89PNG", b"\xff\xd8")):  # TensorFlow would decode others, whatever their size
        raise VideoError("no JPEG or PNG")
    if content.startswith(b"\x89PNG") and len(content) > 24:
        width, height = struct.unpack(">II", content[16:24])
        check_side(height, width)
    try:
        with tf.device("CPU"):
            if content.startswith(b"\xff\xd8"):
                check_side(*tf.io.extract_jpeg_shape(content).numpy()[:2])
            return tf.io.decode_image(content, channels=3, expand_animations=False).numpy()
    except tf.errors.InvalidArgumentError:
        raise VideoError("damaged image") from None


def _grab(files: list[Path], fps: float, damaged: list[str]) -> Iterator[Grabbed]:
    for index, file in enumerate(files):

        def retrieve(file: Path = file) -> np.ndarray | None:
            try:
                if file.stat().st_size > MAX_BYTES:
                    raise VideoError("too large")
                return decode_image(file.read_bytes())
            except OSError as error:
                raise MissingVideoError(f"{file.name}: {error.strerror or error}") from None
            except VideoError:
                damaged.append(file.name)
                return None

        yield Grabbed(round(index * 1e6 / fps), retrieve)


def _natural(file: Path) -> list:
    parts = re.split(r"([0-9]+)", file.name)
    return [[int(part) if place % 2 else part for place, part in enumerate(parts)], file.name]

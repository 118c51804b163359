"""A video, wherever it lies -> RGB frames: a file, a folder of frames, or what a scheme before a colon names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import frame_folders, video_files
from .frames import MIN_DECODED, Frame, MissingVideoError, Reader, VideoError, resize
from .layouts import tfds

__all__ = [
    "MIN_DECODED",
    "SCHEMES",
    "Frame",
    "MissingVideoError",
    "Reader",
    "Video",
    "VideoError",
    "absolute",
    "is_within_reach",
    "open_video",
    "read_video",
    "resize",
]


class Scheme(NamedTuple):
    """How paths that start with `SCHEME:` and are no files are read."""

    open: Callable[[str], Reader]
    is_within_reach: Callable[[str], bool]


SCHEMES = {"tfds": Scheme(tfds.open_reader, tfds.is_within_reach)}


class Video(NamedTuple):
    frames: list[Frame]
    fps: float  # as declared
    declared_frames: int  # as the container says; 0 when it does not


def open_video(path: str | Path, fps: float = 0.0) -> Reader:
    """Opens a video; see `Reader` for its frames.

    Args:
        path: a video file of any container that OpenCV's FFmpeg reads and any codec that OpenCV or PyAV decodes, a
            folder of JPEG or PNG frames, or a path of one of the `SCHEMES`.
        fps: of a folder of frames.

    Raises:
        MissingVideoError: it cannot be reached.
        VideoError: it is no video.
    """
    if scheme := _scheme(path):
        return scheme.open(str(path))
    path = Path(path)
    if fps and path.is_dir():
        return frame_folders.open_folder(path, fps)
    return video_files.open_file(path)


def is_within_reach(path: str | Path) -> bool:
    """Whether there is something to be opened."""
    scheme = _scheme(path)
    return scheme.is_within_reach(str(path)) if scheme else os.path.exists(path)


def absolute(path: str) -> str:
    """The same video from any working folder."""
    return path if _scheme(path) else os.path.join(os.getcwd(), path)  # "link/../x" is not x


def read_video(path: str | Path, size: int | tuple[int, int] | None = None, min_decoded: float = MIN_DECODED) -> Video:
    """All frames of a file at once; for tests and trials. Everything else holds one frame, or one window, at a time.

    Args:
        path: see `open_video`.
        size: `(rows, columns)` to resize to (area averaging when shrinking, else bilinear), or one number for the
            shorter side; None keeps the size.
        min_decoded: least share of the declared frames.

    Raises:
        VideoError: no video, no frame that decodes, or fewer than `min_decoded` of the declared frames.
    """
    reader = open_video(path)
    frames = [frame._replace(rgb=resize(frame.rgb, size)) for frame in reader.frames()]
    reader.check(min_decoded)
    return Video(frames, reader.fps, reader.declared_frames)


def _scheme(path: str | Path) -> Scheme | None:
    """Of a path that has one; a file may be called tfds:1.mp4."""
    scheme, colon, _ = str(path).partition(":")
    return SCHEMES.get(scheme) if colon and not os.path.exists(path) else None

"""A video, wherever it lies -> RGB frames: a file, a folder of frames, or what a scheme before a colon names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    "iter_frames",
    "open_video",
    "read_video",
    "resize",
]

SCHEMES: dict[str, Callable[[str], Reader]] = {"tfds": tfds.open_reader}
"""Opens the paths that start with `SCHEME:` and are no files, by scheme."""


class Video(NamedTuple):
    frames: list[Frame]
    fps: float  # as declared
    declared_frames: int  # as the container says; 0 when it does not


def open_video(path: str | Path, fps: float = 0.0) -> Reader:
    """Opens a video; see `Reader` for its frames.

    Args:
        path: a video file of any container and codec that OpenCV's FFmpeg reads, a folder of JPEG or PNG frames, or a
            path of one of the `SCHEMES`.
        fps: of a folder of frames.

    Raises:
        MissingVideoError: it cannot be reached.
        VideoError: it is no video.
    """
    scheme, colon, _ = str(path).partition(":")
    if colon and scheme in SCHEMES:
        return SCHEMES[scheme](str(path))
    path = Path(path)
    if fps and path.is_dir():
        return frame_folders.open_folder(path, fps)
    return video_files.open_file(path)


def iter_frames(path: str | Path, size: int | tuple[int, int] | None = None) -> Iterator[Frame]:
    """Decodes a file frame by frame, rotation tags honoured.

    Args:
        path: see `open_video`.
        size: `(rows, columns)` to resize to (area averaging when shrinking, else bilinear), or one number for the
            shorter side; None keeps the size.

    Raises:
        VideoError: before the first frame, when there is none to be had.
    """
    for frame in open_video(path).frames():
        yield frame._replace(rgb=resize(frame.rgb, size))


def read_video(path: str | Path, size: int | tuple[int, int] | None = None, min_decoded: float = MIN_DECODED) -> Video:
    """All frames of a file at once, see `iter_frames`; for predictions. Preparation holds one frame at a time.

    Raises:
        VideoError: no video, no frame that decodes, or fewer than `min_decoded` of the declared frames.
    """
    reader = open_video(path)
    frames = [frame._replace(rgb=resize(frame.rgb, size)) for frame in reader.frames()]
    reader.check(min_decoded)
    return Video(frames, reader.fps, reader.declared_frames)

"""A video -> the windows of frames that a classifier is shown, by stream; one window is held at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from absl import logging

from ..data import flow, frames, video
from ..data.frame_folders import ENDINGS as IMAGES
from ..data.listing import VIDEO_ENDINGS
from ..weights import Preprocessing
from .windows import covering, sliding

WINDOW = 250
"""Frames at once, as many as the paper's evaluation sees; longer videos go in several windows."""

JPEG_QUALITY = 95  # as of prepared frames
FOLDER_FPS = 25.0  # of a folder of frames; no frame is left out or repeated for it


class Window(NamedTuple):
    start: int  # the first frame's number
    streams: dict[str, np.ndarray]  # "rgb": [T, rows, columns, 3] uint8, "flow": [T, rows, columns, 2] uint8

    @property
    def num_frames(self) -> int:
        return len(next(iter(self.streams.values())))

    def jpegs(self) -> dict[str, list[bytes]]:
        """The frames as JPEGs, by stream."""
        return {stream: [encode(frame) for frame in shown] for stream, shown in self.streams.items()}


def find_videos(paths: Iterable[str]) -> list[Path]:
    """The videos that paths name: files, whatever their ending, folders of frames, and folders of videos.

    Raises:
        ValueError: a path that does not exist, or a folder without videos.
    """
    found = []
    for path in map(Path, paths):
        if not path.exists():
            raise ValueError(f"There is no such video. Received: {path}")
        found += videos_in(path) if path.is_dir() else [path]
    return found


def find_video(path: str) -> Path:
    """The one video that a path names: a file, a folder of frames, or a folder with one video.

    Raises:
        ValueError: as of `find_videos`, or several videos.
    """
    video, *others = find_videos([path])
    if others:
        raise ValueError(f"Name one video. Received: {path}, with {len(others) + 1} of them")
    return video


def videos_in(folder: Path) -> list[Path]:
    """The videos in a folder at any depth: files with a video's ending, and folders that hold images but no videos.

    Other files, and hidden ones, are skipped; a warning counts them and names the first.

    Raises:
        ValueError: there are none.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    hidden = {file for file in files if any(part.startswith(".") for part in file.relative_to(folder).parts)}
    seen = [file for file in files if file not in hidden]
    videos = {file for file in seen if file.suffix.lower() in VIDEO_ENDINGS}
    images = {file for file in seen if file.suffix.lower() in IMAGES}
    frames_of = {file.parent for file in images} - {file.parent for file in videos}
    skipped = [file for file in files if file not in videos and not (file in images and file.parent in frames_of)]
    names = ", ".join(str(file.relative_to(folder)) for file in skipped[:5]) + (", ..." if len(skipped) > 5 else "")
    if not videos and not frames_of:
        there = f", but {len(skipped)} other files ({names})" if skipped else ""
        raise ValueError(
            f"There are no videos{there}; they end in {', '.join(VIDEO_ENDINGS)}, or are named one by one. "
            f"Received: {folder}"
        )
    if skipped:
        logging.warning("%s: %d files are skipped, no videos by their endings: %s", folder, len(skipped), names)
    return sorted(videos | frames_of)


def windows(
    path: Path, streams: Mapping[str, Preprocessing], window: int | None = None, stride: int | None = None
) -> Iterator[Window]:
    """The windows of a video.

    Args:
        path: a video file or a folder of frames.
        streams: what the networks see; frames are resized as they were for training.
        window: frames at once, `WINDOW` by default.
        stride: frames from one window's start to the next one's, as in `sliding`; by default each frame is in one
            window, as in `covering`.

    Raises:
        ValueError: no frame of the video decodes.
    """
    shown = _frames(path, streams)
    size = window or WINDOW
    for start, held in sliding(shown, size, stride) if stride else covering(shown, size):
        yield Window(start, {stream: np.stack([frame[stream] for frame in held]) for stream in held[0]})


def encode(frame: np.ndarray) -> bytes:
    """A frame `[H, W, 3]` RGB or `[H, W, 2]` flow, uint8 -> a JPEG as the records hold it."""
    if frame.shape[-1] == 2:
        return flow.encode_levels(frame, JPEG_QUALITY)
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def _frames(path: Path, streams: Mapping[str, Preprocessing]) -> Iterator[dict[str, np.ndarray]]:
    """Frame by frame what each stream sees."""
    rgb = streams.get("rgb")
    fps = next((p.fps for p in streams.values() if p.fps), None)
    try:
        if "flow" in streams:
            yield from _with_flow(decode(path, fps), rgb, streams["flow"])
        else:
            for frame in decode(path, fps):
                yield dict(rgb=frames.resize(frame, rgb.resize))
    except video.VideoError as error:
        raise ValueError(f"Cannot read {path}: {error}") from None


def decode(path: str | Path, fps: float | None) -> Iterator[np.ndarray]:
    """The frames of a video, `[H, W, 3]` uint8 RGB, at the rate that the weights were trained at; None is as it is.

    What a damaged file lacks is told in a warning.

    Raises:
        VideoError: no frame decodes.
    """
    path = Path(path)  # callers of the client have texts
    reader = video.open_video(path, FOLDER_FPS)
    shown = reader.frames()
    if fps and not path.is_dir():
        shown = frames.resample(shown, fps, reader.fps)
    for frame in shown:
        yield frame.rgb
    reader.check(min_decoded=0)
    if reader.decoded < frames.MIN_DECODED * reader.declared_frames or reader.damaged:
        names = f" (damaged: {', '.join(reader.damaged[:3])})" if reader.damaged else ""
        logging.warning("%s: %d of %d declared frames decode%s", path, reader.decoded, reader.declared_frames, names)


def _with_flow(
    decoded: Iterable[np.ndarray], rgb: Preprocessing | None, seen: Preprocessing
) -> Iterator[dict[str, np.ndarray]]:
    """Flow to the next frame, of the size it is seen at; the last frame has that of the one before it."""
    method, before, levels = flow.TVL1(), None, None
    for frame in decoded:
        resized = frames.resize(frame, seen.resize)
        grey = cv2.cvtColor(resized, cv2.COLOR_RGB2GRAY)
        if before is not None:
            levels = flow.levels(method(before[1], grey))
            yield before[0] | dict(flow=levels)
        before = (dict(rgb=frames.resize(frame, rgb.resize)) if rgb else {}, grey)
    if before is not None:
        still = flow.levels(np.zeros((*before[1].shape, 2), np.float32))
        yield before[0] | dict(flow=still if levels is None else levels)

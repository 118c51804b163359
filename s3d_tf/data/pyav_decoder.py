"""A video file -> its frames, through PyAV. Its FFmpeg includes dav1d, so it decodes AV1, which OpenCV's does not."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .frames import Decoded

if TYPE_CHECKING:
    import av

_OPTIONS = {"fflags": "-genpts"}  # time stamps as the container has them; PyAV would guess the others
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def decode(path: Path, rotation: int) -> Iterator[Decoded]:
    """Decodes the first video stream; yields nothing where PyAV cannot.

    Follows OpenCV, so that frames, their number and their time stamps are the same whichever of the two decodes: one
    thread, the colour matrix and range that the stream declares, and no frame after a packet that the decoder rejects.

    Args:
        rotation: degrees clockwise, as OpenCV reads them from the container; other than 90, 180 and 270 change nothing.
    """
    import av  # loads a second FFmpeg, which most videos do not need

    try:
        container = av.open(f"file:{path}", options=_OPTIONS, metadata_errors="replace")  # a name may hold a colon
    except (av.FFmpegError, ValueError):
        return
    with container:
        stream = next(iter(container.streams.video), None)
        if stream is None or stream.codec_context is None:
            return
        stream.codec_context.thread_count = 1
        converter = av.video.reformatter.VideoReformatter()
        for frame in _frames(container, stream):
            yield Decoded(_milliseconds(frame, stream), functools.partial(_to_rgb, frame, converter, rotation))


def version() -> str:
    """Returns the name and version of the decoder, for the manifest."""
    import av

    return f"PyAV {av.__version__}"


def _frames(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Yields frames up to the end of the file, or to the first packet that the decoder rejects."""
    import av

    for packet in _packets(container, stream):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            return
        yield from frames


def _packets(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet | None]:
    """Yields all packets, then one that flushes the decoder, also where the file breaks off."""
    import av

    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        yield None


def _milliseconds(frame: av.VideoFrame, stream: av.VideoStream) -> float:
    """Returns the time from the start of the stream; 0 where it is not known."""
    time = frame.pts or frame.dts  # dts for pts 0, too, as OpenCV does
    if time is None or stream.start_time is None:
        return 0.0
    return (time - stream.start_time) * float(stream.time_base) * 1000


def _to_rgb(frame: av.VideoFrame, converter: av.video.reformatter.VideoReformatter, rotation: int) -> np.ndarray | None:
    """Converts a frame as OpenCV does, to `[H, W, 3]` uint8 RGB; None where swscale cannot."""
    import av

    try:
        bgr = converter.reformat(frame, format="bgr24", interpolation="BICUBIC", threads=1).to_ndarray()
    except (av.FFmpegError, ValueError):
        return None
    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)  # swscale's own RGB is another where samples have more than 8 bits
    return cv2.rotate(rgb, _TURNS[rotation]) if rotation in _TURNS else rgb

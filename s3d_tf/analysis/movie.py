"""Frames -> an MPEG-4 file, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np


def write_movie(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """Writes `[H, W, 3]` uint8 RGB frames as an `.mp4`, of none nothing; frames of another size than the first one's
    are resized. An odd last row or column is left out.

    Raises:
        OSError: OpenCV cannot write it, or not all of it: of a full disk it says nothing.
    """
    temporary, writer, count = path.with_name(f"{path.stem}.tmp-{os.getpid()}{path.suffix}"), None, 0
    try:
        for frame in frames:
            if writer is None:
                height, width = (size - size % 2 for size in frame.shape[:2])
                shape = frame.shape
                writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
                if not writer.isOpened():
                    raise OSError(f"OpenCV cannot write such a video. Received: {path}")
            if frame.shape != shape:  # a stream may change its size midway
                frame = cv2.resize(frame, shape[1::-1])
            writer.write(np.ascontiguousarray(frame[:height, :width, ::-1]))  # OpenCV takes BGR
            count += 1
        if writer is None:
            return
        writer.release()
        written = _num_frames(temporary)
        if written != count:
            raise OSError(f"Only {written} of {count} frames were written, perhaps for a full disk. Received: {path}")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _num_frames(path: Path) -> int:
    """As the index of an MP4 says, which is its last part; 0 where that could not be written."""
    capture = cv2.VideoCapture(str(path))
    count = round(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    capture.release()
    return count

"""Frames with the boxes, classes and scores of their detections: a video, and a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..serving.detect import Detection
from .contact_sheet import colour_of, shorten, write_line

_COLUMNS = 4
_SIDE = 240  # pixels of a frame's longer side on the sheet
_GAP = 4
_READABLE = 320  # pixels of a frame's longer side, or more


def draw(frame: np.ndarray, detections: Sequence[Detection], labels: Sequence[str]) -> np.ndarray:
    """A copy of `[H, W, 3]` uint8 RGB with boxes on it, each class in a colour of its own, the best on top.

    A small frame is enlarged, so that its text can be read.
    """
    enlarge = -(-_READABLE // max(frame.shape[:2]))
    image = np.repeat(np.repeat(frame, enlarge, 0), enlarge, 1)
    height, width = image.shape[:2]
    for label, score, (ymin, xmin, ymax, xmax) in reversed(detections):
        colour = colour_of(labels.index(label), len(labels))
        top_left = round(xmin * (width - 1)), round(ymin * (height - 1))
        cv2.rectangle(image, top_left, (round(xmax * (width - 1)), round(ymax * (height - 1))), colour, 2)
        text = f"{shorten(label, 24)} {score:.0%}"
        write_line(image, text, (top_left[0] + 3, max(top_left[1] - 4, 12)), 0.4, colour, outline=True)
    return image


def sheet(frames: dict[int, np.ndarray]) -> np.ndarray:
    """Drawn frames of one video by their numbers, in rows of four.

    Returns:
        `[H, W, 3]` uint8 RGB.
    """
    tiles = []
    for number, frame in sorted(frames.items()):
        scale = _SIDE / max(frame.shape[:2])
        size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
        tile = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
        write_line(tile, str(number), (4, size[1] - 6), 0.4, (255, 255, 255), outline=True)
        tiles.append(cv2.copyMakeBorder(tile, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=(255, 255, 255)))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % _COLUMNS)
    rows = [np.concatenate(tiles[start : start + _COLUMNS], axis=1) for start in range(0, len(tiles), _COLUMNS)]
    return np.concatenate(rows)

"""A picture of clips as the network sees them: a row of frames each, their flow below, boxes drawn in."""

from __future__ import annotations

import cv2
import numpy as np

from ..data import flow, records
from ..data.inspection import Clip
from .contact_sheet import colour_of, shorten, write_line

_SIDE = 128  # pixels a frame
_GAP = 3
_BETWEEN = 14  # pixels between two clips
_PANEL = 250  # pixels left of the frames
_INK, _GREY = (40, 40, 40), (120, 120, 120)  # RGB
_NAMED = 4  # classes of a clip's boxes that are named, at most
_SMALLEST = 1.0  # pixels a frame: slower flow is not drawn stronger


def clip_sheet(clips: list[Clip], classes: list[str]) -> np.ndarray:
    """Draws the clips below each other.

    Args:
        clips: see `inspection.random_clips`; one at least.
        classes: name of each label.

    Returns:
        `[H, W, 3]` uint8 RGB.
    """
    return np.concatenate([_draw(clip, classes) for clip in clips])


def colour_flow(displacement: np.ndarray) -> np.ndarray:
    """`[T, H, W, 2]` pixels -> `[T, H, W, 3]` uint8 RGB: the hue is the direction, white is no motion.

    Full colour is the 99th percentile of the speeds, one pixel at least.
    """
    speed = np.linalg.norm(displacement, axis=-1)
    speed[speed < 2 * flow.STEP] = 0  # no level is 0 exactly, and JPEG adds one
    full = max(float(np.percentile(speed, 99)), _SMALLEST)
    hue = np.degrees(np.arctan2(displacement[..., 1], displacement[..., 0])) % 360 / 2  # OpenCV's hues end at 180
    hsv = np.stack([hue, 255 * np.clip(speed / full, 0, 1), np.full_like(hue, 255)], axis=-1).round().astype(np.uint8)
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_HSV2RGB) for frame in hsv])


def _draw(clip: Clip, classes: list[str]) -> np.ndarray:
    rows = [(name, pixels) for name, pixels in clip.streams.items()]
    length = len(clip.indices)
    sheet = np.full((len(rows) * _SIDE + _BETWEEN, _PANEL + length * _SIDE, 3), 255, np.uint8)
    write_line(sheet, shorten(classes[clip.label], 26), (10, 26), 0.5, _INK)
    acted = sorted({int(label) for some in clip.box_labels or () for label in some})
    named = [] if acted == [clip.label] else acted[:_NAMED]
    for line, label in enumerate(named):
        place = (10 + 120 * (line % 2), 102 + 14 * (line // 2))
        rest = " ..." * (label == named[-1] and len(acted) > _NAMED)
        write_line(sheet, shorten(classes[label], 16) + rest, place, 0.36, colour_of(label, len(classes)))
    write_line(
        sheet,
        f"{clip.num_frames} frame{'s' * (clip.num_frames != 1)} of {clip.frame_size[0]}x{clip.frame_size[1]}",
        (10, 66),
        0.36,
        _GREY,
    )
    top, left = clip.corner
    crop = next(iter(clip.streams.values())).shape[1]
    write_line(sheet, f"crop {crop}x{crop} at row {top}, column {left}", (10, 84), 0.36, _GREY)
    for row, (name, pixels) in enumerate(rows):
        if name == records.FLOW_STREAM:
            displacement = pixels[..., :2].astype(np.float32) * flow.STEP - flow.LIMIT
            pixels = colour_flow(displacement)
            speed = np.linalg.norm(displacement, axis=-1)
            text = f"flow: {speed.mean():.1f} px a frame, up to {speed.max():.0f}"
            write_line(sheet, text, (10, row * _SIDE + 26), 0.36, _GREY)
        for place in range(length):
            tile = _tile(pixels[place], clip, place, len(classes))
            if row == 0:
                number = str(clip.indices[place])
                cv2.rectangle(tile, (0, 0), (8 + 8 * len(number), 17), (0, 0, 0), -1)
                write_line(tile, number, (4, 13), 0.36, (255, 255, 255))
            start = _PANEL + place * _SIDE
            sheet[row * _SIDE : (row + 1) * _SIDE - _GAP, start : start + _SIDE - _GAP] = tile
    return sheet


def _tile(pixels: np.ndarray, clip: Clip, place: int, num_classes: int) -> np.ndarray:
    side = _SIDE - _GAP
    enlarges = pixels.shape[0] < side
    tile = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_NEAREST if enlarges else cv2.INTER_AREA)
    if clip.boxes is not None:
        scale = side / pixels.shape[0]
        for corners, label in zip(clip.boxes[place], clip.box_labels[place], strict=True):
            ymin, xmin, ymax, xmax = corners * np.array([*clip.frame_size, *clip.frame_size])
            first, second = (
                (round((x - clip.corner[1]) * scale), round((y - clip.corner[0]) * scale))
                for x, y in ((xmin, ymin), (xmax, ymax))
            )
            cv2.rectangle(tile, first, second, colour_of(int(label), num_classes), 1, cv2.LINE_AA)
    return tile

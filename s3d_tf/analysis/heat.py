"""Maps over frames as pictures: the frames with their heat, a contact sheet of them, an animation."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..files import write_bytes
from ..serving.answer import evenly
from .contact_sheet import contact_sheet, write_line
from .movie import write_movie

ANIMATIONS = (".gif", ".mp4")
_OPACITY = 0.65  # of the hottest place
_SIDE = 224  # pixels of an animation's frame, at least
_GAP = 6
_STRIP, _MARGIN = 110, 20  # pixels of the course over time below the sheet
_INK, _GREY, _LINE, _FILL = (40, 40, 40), (120, 120, 120), (200, 60, 40), (246, 214, 206)  # RGB


def overlay(frames: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Frames in grey with their heat in colours, from blue by yellow to red; without heat they stay grey.

    Args:
        frames: `[T, H, W, 3]` uint8 RGB.
        heat: `[T, H, W]` in [0, 1].

    Returns:
        `[T, H, W, 3]` uint8 RGB.
    """
    return np.stack([_overlay(frame, one) for frame, one in zip(frames, heat, strict=True)])


def heat_sheet(
    frames: np.ndarray, heat: np.ndarray, first: int, ranking: list[tuple[str, float]], title: str
) -> np.ndarray:
    """Frames with their heat beside the bars of the top classes, and below when there is most heat.

    Args:
        frames, heat: as for `overlay`; 16 of them are shown, evenly spread.
        first: number of the first frame.
        ranking: classes with scores in [0, 1], falling.
        title: a line above the bars.

    Returns:
        `[H', W', 3]` uint8 RGB.
    """
    chosen = evenly(len(frames))
    drawn = overlay(frames[chosen], heat[chosen])
    sheet = contact_sheet({first + index: tile for index, tile in zip(chosen, drawn, strict=True)}, ranking, title)
    return np.concatenate([sheet, _course(heat.mean((1, 2)), first, sheet.shape[1])])


def write_animation(path: Path, frames: np.ndarray, heat: np.ndarray, fps: float) -> None:
    """Frames beside themselves with their heat, as an animated GIF or an MP4 (MPEG-4), by the path's ending; whole or
    not at all.

    Args:
        frames, heat: as for `overlay`.
        fps: frames a second.

    Raises:
        OSError: it cannot be written.
    """
    factor = max(1, -(-_SIDE // frames.shape[1]))
    gap = np.full((len(frames), frames.shape[1], max(1, _GAP // factor), 3), 255, np.uint8)
    both = np.concatenate([frames, gap, overlay(frames, heat)], axis=2)
    shown = [np.repeat(np.repeat(frame, factor, 0), factor, 1) for frame in both[..., ::-1]]  # BGR
    if path.suffix.lower() == ".gif":
        _write_gif(path, shown, fps)
    else:
        write_movie(path, (frame[..., ::-1] for frame in shown), fps)


def check_animation(path: Path) -> None:
    """Raises a ValueError for a path where no animation can be written; before the long work."""
    if path.suffix.lower() not in ANIMATIONS:
        raise ValueError(f"The animation must end in {' or '.join(ANIMATIONS)}. Received: {path}")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"The animation's folder does not exist. Received: {path}")


def _overlay(frame: np.ndarray, heat: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    levels = np.clip(heat * 255, 0, 255).round().astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    share = (_OPACITY * np.clip(heat, 0, 1))[..., None]
    return (grey * (1 - share) + colours * share).round().astype(np.uint8)


def _course(heat: np.ndarray, first: int, width: int) -> np.ndarray:
    """A strip with the mean heat `[T]` of each frame over time."""
    strip = np.full((_STRIP, width, 3), 255, np.uint8)
    low, high = _STRIP - 26, 26
    x = np.linspace(_MARGIN, width - _MARGIN, len(heat)).round().astype(int)
    y = (low - (low - high) * heat / (heat.max() or 1.0)).round().astype(int)
    line = np.stack([x, y], axis=1).astype(np.int32)
    cv2.fillPoly(strip, [np.concatenate([line, [[x[-1], low], [x[0], low]]]).astype(np.int32)], _FILL)
    cv2.polylines(strip, [line], False, _LINE, 2, cv2.LINE_AA)
    cv2.line(strip, (_MARGIN, low), (width - _MARGIN, low), _GREY, 1)
    write_line(strip, "mean heat of each frame", (_MARGIN, 16), 0.42, _GREY)
    for place in sorted({0, len(heat) // 2, len(heat) - 1}):
        text = f"frame {first + place}" if place == 0 else f"{first + place}"
        shift = 0 if place == 0 else 8 * len(text) if place == len(heat) - 1 else 4 * len(text)
        write_line(strip, text, (int(x[place]) - shift, _STRIP - 8), 0.4, _INK)
    return strip


def _write_gif(path: Path, frames: list[np.ndarray], fps: float) -> None:
    animation = cv2.Animation()
    animation.frames = frames
    animation.durations = [max(20, round(1000 / fps / 10) * 10)] * len(frames)  # GIF counts in hundredths of a second
    done, content = cv2.imencodeanimation(".gif", animation)
    if not done:
        raise OSError(f"OpenCV cannot write the animation. Received: {path}")
    write_bytes(path, content.tobytes())

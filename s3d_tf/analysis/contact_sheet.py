"""A picture of a prediction: the frames that were used, and the bars of the top classes."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from ..files import write_bytes

ENDINGS = (".png", ".jpg")
"""Of pictures."""

_SIDE = 160  # pixels a frame
_COLUMNS = 4
_GAP = 4
_PANEL = 420  # pixels beside the frames
_INK, _GREY, _BAR, _TRACK = (40, 40, 40), (120, 120, 120), (60, 120, 200), (232, 232, 232)  # RGB


def contact_sheet(
    frames: Mapping[int, np.ndarray], ranking: list[tuple[str, float]], title: str, top: int = 5
) -> np.ndarray:
    """Draws frames beside the bars of the `top` classes.

    Args:
        frames: up to 16 of them by number, `[H, W, 3]` uint8 RGB.
        ranking: classes with scores in [0, 1], falling.
        title: a line above the bars.

    Returns:
        `[H', W', 3]` uint8 RGB.
    """
    rows = -(-len(frames) // _COLUMNS)
    sheet = np.full((max(rows, 2) * _SIDE, _COLUMNS * _SIDE + _PANEL, 3), 255, np.uint8)
    for place, (number, frame) in enumerate(sorted(frames.items())):
        top_, left = place // _COLUMNS * _SIDE, place % _COLUMNS * _SIDE
        enlarges = frame.shape[0] < _SIDE
        tile = cv2.resize(frame, (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST if enlarges else cv2.INTER_AREA)
        write_line(tile, str(number), (6, 16), 0.4, (255, 255, 255), outline=True)
        sheet[top_ : top_ + _SIDE - _GAP, left : left + _SIDE - _GAP] = tile[:-_GAP, :-_GAP]
    left, width = _COLUMNS * _SIDE + 20, _PANEL - 40
    write_line(sheet, title, (left, 28), 0.5, _GREY)
    for place, (label, score) in enumerate(ranking[:top]):
        y = 60 + 50 * place
        write_line(sheet, shorten(label, 36), (left, y), 0.55, _INK)
        write_line(sheet, f"{score:.1%}", (left + width - 60, y), 0.5, _INK)
        cv2.rectangle(sheet, (left, y + 8), (left + width, y + 22), _TRACK, -1)
        cv2.rectangle(sheet, (left, y + 8), (left + round(width * score), y + 22), _BAR, -1)
    return sheet


def check_picture(where: Path, num_videos: int = 1) -> None:
    """Whether pictures can be written there, see `picture_path`; before the long work.

    Raises:
        ValueError: one file for several videos, a file of another ending, or in a folder that does not exist.
    """
    if _is_folder(where):
        if where.exists() and not where.is_dir():
            raise ValueError(f"The picture must end in .png or .jpg, or be a folder. Received: {where}")
    elif where.suffix.lower() not in ENDINGS:
        raise ValueError(
            "The picture must end in .png or .jpg, or be a folder; one with a dot in its name must exist. "
            f"Received: {where}"
        )
    elif num_videos > 1:
        raise ValueError(f"The pictures of {num_videos} videos need a folder. Received: {where}")
    elif not where.absolute().parent.is_dir():
        raise ValueError(f"The picture's folder does not exist. Received: {where}")


def picture_path(where: Path, video: Path, part: str = "") -> Path:
    """Where the picture of a video goes: `where` itself if it ends in .png or .jpg, else `VIDEO.png` in that folder.

    Args:
        where: what the user named.
        video: its path inside the folder.
        part: of the video, put before the ending.
    """
    path = where / f"{video}.png" if _is_folder(where) else where
    return path.with_name(f"{path.stem}{part}{path.suffix}")


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Writes `[H, W, 3]` uint8 RGB as PNG or JPEG, whole or not at all; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())


def _is_folder(where: Path) -> bool:
    return not where.suffix or where.is_dir()


def write_line(
    image: np.ndarray, text: str, at: tuple[int, int], size: float, colour: tuple, outline: bool = False
) -> None:
    """Writes a line of text into `[H, W, 3]` uint8 RGB, its lower left corner at `at`."""
    text = text.encode("ascii", "replace").decode()  # OpenCV's fonts have no other letters
    if outline:
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def colour_of(label: int, num_classes: int) -> tuple[int, int, int]:
    """The colour of a class' boxes, RGB."""
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(label / max(num_classes, 1), 0.75, 1.0))


def shorten(text: str, length: int) -> str:
    """The text, or its beginning and three dots."""
    return text if len(text) <= length else text[: length - 3] + "..."

"""A picture of a prediction: the frames that were used, and the bars of the top classes."""

from __future__ import annotations

import cv2
import numpy as np

_SIDE = 160  # pixels a frame
_COLUMNS = 4
_GAP = 4
_PANEL = 420  # pixels beside the frames
_INK, _GREY, _BAR, _TRACK = (40, 40, 40), (120, 120, 120), (60, 120, 200), (232, 232, 232)  # RGB


def contact_sheet(frames: np.ndarray, ranking: list[tuple[str, float]], title: str, top: int = 5) -> np.ndarray:
    """Draws up to 16 frames, evenly chosen, beside the bars of the `top` classes.

    Args:
        frames: `[T, H, W, 3]` uint8 RGB.
        ranking: classes with scores in [0, 1], falling.
        title: a line above the bars.

    Returns:
        `[H', W', 3]` uint8 RGB.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), 16)).round().astype(int))
    rows = -(-len(chosen) // _COLUMNS)
    sheet = np.full((max(rows, 2) * _SIDE, _COLUMNS * _SIDE + _PANEL, 3), 255, np.uint8)
    for place, index in enumerate(chosen):
        top_, left = place // _COLUMNS * _SIDE, place % _COLUMNS * _SIDE
        enlarges = frames.shape[1] < _SIDE
        tile = cv2.resize(
            frames[index], (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST if enlarges else cv2.INTER_AREA
        )
        write_line(tile, str(index), (6, 16), 0.4, (255, 255, 255), outline=True)
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


def write_line(
    image: np.ndarray, text: str, at: tuple[int, int], size: float, colour: tuple, outline: bool = False
) -> None:
    """Writes a line of text into `[H, W, 3]` uint8 RGB, its lower left corner at `at`."""
    text = text.encode("ascii", "replace").decode()  # OpenCV's fonts have no other letters
    if outline:
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def shorten(text: str, length: int) -> str:
    """The text, or its beginning and three dots."""
    return text if len(text) <= length else text[: length - 3] + "..."

"""Which classes are taken for which: the confusion matrix as a table and as a picture."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence

import numpy as np

from .contact_sheet import shorten

COUNTED = 16  # classes up to which the picture has numbers in its cells
NAMED = 60  # classes up to which its axes name them
_LISTED = 24  # of the classes most often taken for others, beside the picture
_CLASS = 0.22  # inches of a class on a named axis
_PIXELS = 3  # of a class on an axis that counts, at least
_DPI = 100


def table(confusion: np.ndarray, classes: Sequence[str]) -> list[list]:
    """The classes as header row and column; below, rows are true classes, columns predicted ones, cells videos."""
    rows = [[name, *map(int, row)] for name, row in zip(classes, confusion, strict=True)]
    return [["true \\ predicted", *classes], *rows]


def most_confused(confusion: np.ndarray, count: int) -> list[tuple[int, int, int, float]]:
    """The cells beside the diagonal with the largest share of their row: true class, predicted class, videos, share.

    Cells without videos are left out; of equal shares the one of more videos goes first, then the lower ids.
    """
    shares = _shares(confusion)
    found = [
        (int(row), int(column), int(confusion[row, column]), float(shares[row, column]))
        for row, column in zip(*np.nonzero(confusion), strict=True)
        if row != column
    ]
    return sorted(found, key=lambda cell: (-cell[3], -cell[2], cell[0], cell[1]))[:count]


def draw(confusion: np.ndarray, classes: Sequence[str], title: str) -> bytes:
    """A PNG of the matrix: the darker a cell, the larger its share of the videos of the row's class.

    Up to `COUNTED` classes have the numbers in the cells, up to `NAMED` their names on the axes; above, the axes count,
    and the classes that are most often taken for another are listed beside. Classes without videos are grey.

    Raises:
        ImportError: matplotlib is not installed (the extra "plots").
    """
    from matplotlib.figure import Figure

    figure = Figure(dpi=_DPI)
    count = len(classes)
    classes = [name.encode(errors="replace").decode() for name in classes]  # the name of a folder may be no UTF-8
    side = max(4.5, _CLASS * count) if count <= NAMED else max(9.0, _PIXELS / _DPI * count)
    figure.set_size_inches(side, side)  # of the matrix; what lies beside it is added when the picture is cut to fit
    axes = figure.add_axes((0, 0, 1, 1))
    if count <= NAMED:
        names = [shorten(name, 32) for name in classes]
        axes.set_xticks(range(count), names, rotation=90, fontsize=8, parse_math=False)
        axes.set_yticks(range(count), names, fontsize=8, parse_math=False)
    else:
        axes.text(
            *(1 + 1.4 / side, 1, _in_words(confusion, classes)),
            transform=axes.transAxes,
            va="top",
            fontsize=8,
            linespacing=1.4,
            parse_math=False,
        )
    shares = _shares(confusion)
    shares[confusion.sum(axis=1) == 0] = np.nan
    # The root brings out cells of a few per cent; no smoothing, or single cells of many would fade.
    image = axes.imshow(np.sqrt(shares), cmap=_colours(), vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(textwrap.fill(title, 100), parse_math=False, fontsize=10, loc="left")
    axes.set_ylabel("true class")
    axes.set_xlabel("predicted class")
    if count <= COUNTED:
        for (row, column), number in np.ndenumerate(confusion):
            if number:
                colour = "white" if shares[row, column] > 0.35 else "black"
                axes.text(column, row, str(number), ha="center", va="center", fontsize=8, color=colour)
    length = min(0.8 * side, 6.0)
    scale = figure.add_axes((1 + 0.3 / side, 1 - (length + 0.4) / side, 0.18 / side, length / side))
    bar = figure.colorbar(image, cax=scale, label="share of the true class's videos")
    ticks = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)
    bar.set_ticks(np.sqrt(ticks), labels=[f"{tick:.0%}" for tick in ticks])
    content = io.BytesIO()
    with warnings.catch_warnings():  # letters that the font lacks are drawn as boxes
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(content, format="png", metadata={"Software": None}, bbox_inches="tight", pad_inches=0.15)
    return content.getvalue()


def _in_words(confusion: np.ndarray, classes: Sequence[str]) -> str:
    lines = ["Most often taken for another class (videos):", ""]
    for row, column, number, share in most_confused(confusion, _LISTED):
        lines += [f"{share:.0%} ({number}) of {row} {shorten(classes[row], 56)}"]
        lines += [f"      as {column} {shorten(classes[column], 56)}"]
    return "\n".join(lines)


def _colours():
    from matplotlib import colormaps

    return colormaps["Blues"].with_extremes(bad="0.8")


def _shares(confusion: np.ndarray) -> np.ndarray:
    """Each row over its sum; rows without videos are 0."""
    return confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)

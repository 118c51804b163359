"""What was measured of a detector, as files: numbers, a table by class, and the curves of precision over recall."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

from ..detection.frame_ap import THRESHOLD
from ..detection.measures import Measures, table
from ..detection.precision_recall import ClassCurve
from ..files import write_bytes, write_csv, write_json
from .contact_sheet import shorten

NAMED = 30  # classes up to which the legend names them
_POINTS = 2000  # of a curve, at most
_DPI = 100


def write(measures: Measures, folder: Path, name: str) -> None:
    """Writes `name.json`, `name.csv` and `name.png` into a folder.

    Raises:
        ImportError: matplotlib is not installed (the extra "plots"); the other two are written.
    """
    write_csv(folder / f"{name}.csv", table(measures))
    title = f"frame-mAP {measures.result['frame_map']:.1%} at an overlap of {THRESHOLD}"
    try:
        write_bytes(folder / f"{name}.png", draw(measures.frame, measures.classes, title))
    except ImportError:
        write_json(folder / f"{name}.json", measures.result)
        raise
    write_json(folder / f"{name}.json", measures.result)  # last: where it is, the others are


def draw(curves: Sequence[ClassCurve], classes: Sequence[str], title: str) -> bytes:
    """A PNG of the curves of the classes that have something to be found, as measured (not made monotone).

    Raises:
        ImportError: matplotlib is not installed (the extra "plots").
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 6.0), dpi=_DPI)
    axes = figure.add_subplot()
    shown = [number for number, curve in enumerate(curves) if curve.num_true]
    for place, number in enumerate(shown):
        curve = curves[number]
        step = -(-len(curve.hit) // _POINTS) or 1
        recall, precision = ([*values[::step], *values[-1:]] for values in (curve.recall, curve.precision))
        name = shorten(classes[number].encode(errors="replace").decode(), 32)
        colour = colormaps["turbo"]((place + 0.5) / len(shown))
        label = f"{curve.average_precision:.1%} {name}".replace("$", r"\$")
        axes.plot([0.0, *recall], [1.0, *precision], color=colour, linewidth=1.2, label=label)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.01), xlabel="recall", ylabel="precision")
    axes.set_title(title, parse_math=False, fontsize=10, loc="left")
    axes.grid(alpha=0.3)
    if len(shown) <= NAMED:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, frameon=False, title="average precision")
    content = io.BytesIO()
    with warnings.catch_warnings():  # letters that the font lacks are drawn as boxes
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(content, format="png", metadata={"Software": None}, bbox_inches="tight", pad_inches=0.15)
    return content.getvalue()

"""How training runs went: the lines of their metrics as curves, several runs in one picture."""

from __future__ import annotations

import io
import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

METRICS, EVALUATIONS = "metrics.jsonl", "evaluations.jsonl"


class Curve(NamedTuple):
    """The values of one key."""

    steps: np.ndarray  # [N] float64, in the order of the file
    values: np.ndarray  # [N] float64


class RunCurves(NamedTuple):
    """What a work_dir says of its training, by key; a key that no line has is missing."""

    name: str
    metrics: dict[str, Curve]
    evaluations: dict[str, Curve]  # of validation during training; empty without


class Panel(NamedTuple):
    """One of the picture's axes."""

    key: str  # of metrics
    title: str
    log: bool = False
    smooth: bool = True
    points: tuple[str, ...] = ()  # keys of evaluations, the first filled, the others hollow


PANELS = (
    Panel("loss", "loss of the training clips"),
    Panel("top1", "top-1: training clips (line), evaluations (dots; top-5 hollow)", points=("top1", "top5")),
    Panel("learning_rate", "learning rate", log=True, smooth=False),
    Panel("clips_per_second", "clips a second"),
    Panel("input_wait", "share of the time waiting for input"),
    Panel("gradient_norm", "norm of the gradient", log=True),
    Panel("objectness", "detector: loss of the anchors' objectness"),
    Panel("anchor_boxes", "detector: loss of the anchors' boxes"),
    Panel("classes", "detector: loss of the proposals' classes"),
    Panel("boxes", "detector: loss of the proposals' boxes"),
    Panel("recall", "detector: share of the actors that a proposal overlaps"),
)


def read_runs(work_dirs: Sequence[Path]) -> tuple[list[RunCurves], list[str]]:
    """The curves of runs, each named by its folder, or by its path where two folders have one name.

    Returns:
        The runs, and remarks on lines that were left out.

    Raises:
        ValueError: no run, no lines, or lines that are no metrics.
    """
    if not work_dirs:
        raise ValueError("Name one run at least. Received: none")
    folders = [folder.resolve().name for folder in work_dirs]
    runs, remarks = [], []
    for work_dir, folder in zip(work_dirs, folders, strict=True):
        path = work_dir / METRICS
        if not path.is_file():
            raise ValueError(
                f"No training run: {path} is missing; name the work_dir of scripts/train.py or train_detector.py."
            )
        metrics, found = read_lines(path)
        if not {panel.key for panel in PANELS} & set(metrics):
            raise ValueError(f"The run has no line of metrics yet; plot it later. Received: {path}")
        evaluations = {}
        if (work_dir / EVALUATIONS).is_file():
            evaluations, others = read_lines(work_dir / EVALUATIONS)
            found += others
        remarks += found
        runs.append(RunCurves(folder if folders.count(folder) == 1 else str(work_dir), metrics, evaluations))
    return runs, remarks


def read_lines(path: Path) -> tuple[dict[str, Curve], list[str]]:
    """The numbers of a file with a JSON object a line, by key, and remarks on what was left out of it.

    A line may lack keys, or have null. The last line may be half-written, by a run that goes on or was killed.

    Raises:
        ValueError: another line is no JSON object with a step.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ValueError(f"Cannot read {path}: {error}") from None
    found: dict[str, list[tuple[float, float]]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            step = float(row["step"])
            numbers = {k: float(v) for k, v in row.items() if isinstance(v, int | float) and k != "step"}
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            if number == len(lines):
                return _curves(found), [f"the last line of {path} is not whole and was left out"]
            raise ValueError(f"Line {number} is no JSON object with a step. Received: {path}") from None
        for key, value in numbers.items():
            found.setdefault(key, []).append((step, value))
    return _curves(found), []


def _curves(found: dict[str, list[tuple[float, float]]]) -> dict[str, Curve]:
    return {key: Curve(*np.array(pairs).T) for key, pairs in found.items()}


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """The mean over the `window` values around each one; fewer at the ends, and none that are NaN or infinite.

    Args:
        values: `[N]`.
        window: odd.

    Returns:
        `[N]` float64; NaN where no value of the window is finite.
    """
    finite = np.isfinite(values)
    sums, counts = (
        np.convolve(np.pad(numbers, window // 2), np.ones(window), "valid")
        for numbers in (np.where(finite, values, 0.0), finite.astype(np.float64))
    )
    return np.divide(sums, counts, out=np.full(len(values), math.nan), where=counts > 0.5)


def window_of(count: int, smoothing: int | None) -> int:
    """Values that are averaged: the root of half their number unless `smoothing` says how many; odd."""
    window = smoothing or max(1, math.isqrt(count // 2))
    return window + 1 - window % 2


def draw(runs: Sequence[RunCurves], image_format: str, smoothing: int | None = None) -> bytes:
    """The picture: a panel for each of `PANELS` that has a value, the lines as they are faint, smoothed above.

    Args:
        image_format: "png" or "svg".
        smoothing: lines of metrics that are averaged; see `window_of`.

    Raises:
        ImportError: matplotlib is not installed (the extra "plots").
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    panels = [panel for panel in PANELS if any(panel.key in run.metrics for run in runs)]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5 * columns, 3.4 * rows + 0.25 * len(runs) + 0.3), dpi=110, layout="constrained")
    colours = [_colour(matplotlib.colormaps, index, len(runs)) for index in range(len(runs))]
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, panel in zip(grid, panels, strict=False):
        for run, colour in zip(runs, colours, strict=True):
            _draw_run(axes, panel, run, colour, smoothing)
        axes.set_title(panel.title, fontsize=10, loc="left")
        axes.set_xlabel("step", fontsize=9)
        axes.tick_params(which="both", labelsize=8)
        axes.grid(alpha=0.25)
        if panel.log:
            axes.set_yscale("log")
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    handles = [Line2D([], [], color=colour, linewidth=2) for colour in colours]
    names = [run.name.encode(errors="replace").decode() for run in runs]
    legend = figure.legend(handles, names, loc="outside upper left", frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)
    content = io.BytesIO()
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.hashsalt": "s3d_tf"}):  # the same file each time
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks are drawn as boxes
        figure.savefig(content, format=image_format, metadata={"svg": {"Date": None}}.get(image_format))
    return content.getvalue()


def _draw_run(axes, panel: Panel, run: RunCurves, colour, smoothing: int | None) -> None:
    if panel.key in run.metrics:
        steps, values = run.metrics[panel.key]
        window = window_of(len(values), smoothing) if panel.smooth else 1
        if window > 1:
            axes.plot(steps, values, color=colour, linewidth=0.8, alpha=0.3)
        dot = "." if len(values) == 1 else None  # a line through one value is not seen
        axes.plot(steps, smooth(values, window), color=colour, linewidth=1.6, marker=dot)
    for place, key in enumerate(panel.points):
        if key in run.evaluations:
            steps, values = run.evaluations[key]
            face = "none" if place else colour
            axes.plot(steps, values, "o", markersize=5, markeredgecolor=colour, markerfacecolor=face, zorder=3)


def _colour(colormaps, index: int, count: int):
    return colormaps["tab10"](index) if count <= 10 else colormaps["turbo"](index / (count - 1))

"""Logs a run: `metrics.jsonl`, `evaluations.jsonl`, TensorBoard and the progress bar."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from ..files import write_text
from .loop import Report
from .progress import Progress
from .stopping import STATUS

METRICS = "metrics.jsonl"
EVALUATIONS = "evaluations.jsonl"
_SHOWN = 4  # clips in TensorBoard
_SHOWN_FRAMES = 8  # of each


class Journal:
    """Logs one run; must be closed.

    Args:
        work_dir: where the files go; None writes none (a worker that is not the first).
        step: steps done before; lines after it are dropped, their steps will be taken again.
        progress: shows the results; closed with the journal.
    """

    def __init__(self, work_dir: Path | None, step: int, progress: Progress):
        self.progress = progress
        self._writer, self._files = None, {}
        if work_dir is None:
            return
        for name in (METRICS, EVALUATIONS):
            drop_lines_after(work_dir / name, step)
        self._files = {METRICS: (work_dir / METRICS).open("a"), EVALUATIONS: (work_dir / EVALUATIONS).open("a")}
        self._writer = tf.summary.create_file_writer(str(work_dir / "tensorboard"))

    def report(self, report: Report) -> None:
        """Logs the metrics of some steps."""
        measures = "".join(f"{name} {value:.3f}, " for name, value in report.measures.items())
        self.progress.report(
            report.step,
            f"loss {report.loss:.3f}, {measures}{report.clips_per_second:.3g} clips/s, "
            f"input wait {report.input_wait:.1%}, lr {report.learning_rate:.3g}",
        )
        if self._writer is not None:
            self._note(METRICS, report.line())

    def evaluation(self, step: int, result: dict, share: float) -> None:
        """Logs top-1 and top-5 on the validation split, and the share of the time that evaluation takes."""
        values = dict(step=step, top1=result["top1"], top5=result["top5"], damaged=len(result["damaged"]))
        self._note(EVALUATIONS, values, prefix="validation/")
        self.flush()
        self.progress.write(
            f"step {step}: validation top-1 {result['top1']:.2%}, top-5 {result['top5']:.2%}; "
            f"evaluation takes {share:.0%} of the time"
        )

    def clips(self, step: int, clip: np.ndarray) -> None:
        """Pictures of some clips `[B, T, H, W, C]` uint8 as the network gets them, a row of frames each."""
        if self._writer is None:
            return
        frames = np.linspace(0, clip.shape[1] - 1, _SHOWN_FRAMES).round().astype(int)
        rows = np.concatenate(list(np.moveaxis(clip[:_SHOWN, frames], 1, 0)), axis=2)  # [B, H, 8 W, C]
        if rows.shape[-1] == 2:  # flow: u, v and the middle
            rows = np.concatenate([rows, np.full_like(rows[..., :1], 128)], -1)
        with self._writer.as_default():
            tf.summary.image("clips", rows, step=step, max_outputs=_SHOWN)

    def flush(self) -> None:
        """To the disk. A full one is only warned of: what matters is the checkpoint, whose error tells more."""
        self._each(lambda file: file.flush())

    def close(self) -> None:
        """Ends the line and closes the files."""
        self.progress.close()
        self._each(lambda file: file.close())
        if self._writer is not None:
            self._writer.close()

    def _each(self, act: Callable) -> None:
        for name, file in self._files.items():
            try:
                act(file)
            except OSError as error:
                logging.warning("cannot write %s: %s", name, error)

    def _note(self, name: str, values: dict, prefix: str = "") -> None:
        try:
            self._files[name].write(json.dumps(values) + "\n")
        except OSError as error:
            logging.warning("cannot write %s: %s", name, error)
        with self._writer.as_default():
            for key, value in values.items():
                if key != "step":
                    tf.summary.scalar(prefix + key, value, step=values["step"])


def read_metrics(path: Path) -> list[dict]:
    """The lines of such a file that are whole."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:  # half-written by a killed run
            break
    return [line for line in found if "step" in line]


def drop_lines_after(path: Path, step: int) -> None:
    """The steps after the checkpoint will be taken again: their lines go, and a half-written last one with them."""
    if path.exists():
        kept = [line for line in read_metrics(path) if line["step"] <= step]
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))


def tell_end(result: dict, steps: int, work_dir: Path) -> int:
    """Prints how a run ended, from what it returned; the exit status of its binary."""
    print(f"step {result['step']} of {steps}, {work_dir}")
    if result["damaged"]:
        print(f"{len(result['damaged'])} damaged records passed over: {', '.join(result['damaged'])}")
    if "stopped" not in result:
        return 0
    print(f"{result['stopped']}: saved; the same command goes on from there", file=sys.stderr)
    return STATUS

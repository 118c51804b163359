"""The live line of a run: what it does, seconds per step and time left, from the first step on."""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tqdm import tqdm

from .stopping import Observer

DAY = 86_400  # seconds
_RECENT = 20
"""Steps whose mean duration gives the time left."""

_SLOW = 1.0
"""Seconds of a step from which on its micro-batches are shown."""


class Phase(NamedTuple):
    """Something that a run does outside of its steps."""

    shown: str  # on the live line
    until: str  # when it stops if it is asked to


PREPARING = Phase("preparing", "now")
READING = Phase("reading the first clips", "after these clips")
COMPILING = Phase(
    "compiling the training step (usually under 20 s)", "after the first micro-batch, which is being compiled"
)
SAVING = Phase("saving a checkpoint", "when the checkpoint is saved")
EVALUATING = Phase("evaluating", "after this batch of videos")


class Progress(Observer):
    """The progress bar of a run.

    The training loop calls `micro_batch`, from any thread. Compilation (part of the first step), checkpoints and
    evaluations do not count as time of a step.

    Args:
        step: steps done before.
        steps: of the whole run.
        micro_batches: of a step.
        evaluate_every: steps between evaluations, 0 for none; once one was timed, the time left includes the others.
        whole_steps: whether a run that is asked to stop finishes its step (many workers), not only its micro-batch.
        on_first_step: called once, when a step without compilation is done.
        shown: False shows nothing.
        interval: minimum seconds between updates of the line; by default 0.1 in a terminal and 30 in a file. What is
            new (a phase, results) is shown at once.
        clock: seconds.
    """

    def __init__(
        self,
        step: int,
        steps: int,
        micro_batches: int = 1,
        *,
        evaluate_every: int = 0,
        whole_steps: bool = False,
        on_first_step: Callable[[], None] = lambda: None,
        shown: bool = True,
        interval: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.step, self.steps = step, steps
        self._micro_batches, self._evaluate_every, self._whole_steps = micro_batches, evaluate_every, whole_steps
        self._on_first_step, self._clock = on_first_step, clock
        self._lock = threading.RLock()
        self._phase: Phase | None = PREPARING
        self._results = ""
        self._start = self._call_start = step  # steps done before this session, and before this call of the loop
        self._done = 0  # micro-batches done in the current step
        self._step_began: float | None = None
        self._micro_batch_began: float | None = None
        self._durations: deque[float] = deque(maxlen=_RECENT)  # of steps without compilation
        self._intervals: list[float] = []  # of micro-batches of the first step, without compilation
        self._last_interval: float | None = None
        self._first_duration: float | None = None  # of the first step, with compilation
        self._evaluation_seconds = 0.0  # of the last evaluation
        self._interval = interval if interval is not None else 0.1 if sys.stderr.isatty() else 30.0
        self._shown_at = float("-inf")
        self._bar = tqdm(
            total=steps,
            initial=step,
            unit="step",
            desc="training",
            disable=not shown,
            bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]",
        )
        self._closed = threading.Event()
        if shown and sys.stderr.isatty():
            threading.Thread(target=self._tick, name="progress", daemon=True).start()

    def micro_batch(self, taken: int, done: int) -> None:
        """Notes that a micro-batch begins.

        Args:
            taken: steps done in this call of the loop.
            done: micro-batches done in the current step.
        """
        with self._lock:
            now, before = self._clock(), (self.step, self._phase)
            self._end_micro_batch(now, ends_step=done == 0)
            if done == 0:
                self._end_step(now, self._call_start + taken)
                self._step_began = now
            self._micro_batch_began, self._done = now, done
            if self._phase is not COMPILING or self.step > self._start or done:
                self._phase = None
            ends_first_step = before[0] == self._start < self.step
            self._show(now, force=ends_first_step or before[1] is not self._phase)
        self._note_first_step()

    def report(self, step: int, results: str) -> None:
        """Ends a call of the loop.

        Args:
            step: steps done.
            results: loss and so on, for the line.
        """
        with self._lock:
            now = self._clock()
            if step > self.step:
                self._phase = None
                self._end_micro_batch(now, ends_step=True)
                self._end_step(now, step)
            self.step = self._call_start = step
            self._step_began = self._micro_batch_began = None
            self._results = results
            self._show(now, force=True)
        self._note_first_step()

    @contextlib.contextmanager
    def during(self, phase: Phase) -> Iterator[None]:
        """Shows a phase until the block ends, or until the first micro-batch."""
        self.begin(phase)
        try:
            yield
        finally:
            self._phase = None

    def begin(self, phase: Phase) -> None:
        """Shows a phase until the next one, or until the first micro-batch."""
        with self._lock:
            self._phase = phase
            self._show(self._clock(), force=True)

    def evaluated(self, seconds: float) -> None:
        """Notes how long an evaluation took."""
        self._evaluation_seconds = seconds

    def tick(self) -> None:
        """Shows the time going on."""
        with self._lock:
            self._show(self._clock())

    def _tick(self) -> None:
        while not self._closed.wait(1.0):
            self.tick()

    def write(self, text: str) -> None:
        """Prints a line above the bar."""
        with self._lock:
            self._bar.write(text)

    def close(self) -> None:
        """Ends the line; nothing is shown any more."""
        self._closed.set()
        with self._lock:
            self._phase = self._step_began = self._micro_batch_began = None
            self._show(self._clock(), force=True)
            self._bar.close()
            self._bar.disable = True

    @property
    def seconds_per_step(self) -> float | None:
        """The mean of the recent steps; in the first step an estimate from its micro-batches. None while unknown."""
        if self._durations:
            return sum(self._durations) / len(self._durations)
        if self._intervals:
            return sum(self._intervals) / len(self._intervals) * self._micro_batches
        return None

    @property
    def seconds_left(self) -> float | None:
        """Estimates the time of the steps and the evaluations that are left; None while unknown."""
        per_step = self.seconds_per_step
        if per_step is None:
            return None
        gone = 0.0 if self._step_began is None else min(self._clock() - self._step_began, per_step)
        left = (self.steps - self.step) * per_step - gone
        if self._evaluate_every:
            evaluations = -(-self.steps // self._evaluate_every) - self.step // self._evaluate_every
            left += evaluations * self._evaluation_seconds
        return max(left, 0.0)

    def line(self) -> str:
        """Returns what the bar shows behind the time that has passed."""
        parts, per_step = [], self.seconds_per_step
        if (left := self.seconds_left) is not None:
            parts += [f"{per_step:.3g} s/step", f"{duration(left)} left"]
        elif self._first_duration is not None:
            most = duration((self.steps - self.step) * self._first_duration)
            parts.append(f"first step {self._first_duration:.3g} s with compilation, at most {most} left")
        if self._phase:
            parts.append(self._phase.shown)
        elif self._step_began is not None and self._micro_batches > 1 and (per_step is None or per_step >= _SLOW):
            parts.append(f"step {self.step + 1}: micro-batch {self._done + 1} of {self._micro_batches}")
        return ", ".join(parts + [self._results] * bool(self._results))

    def until(self) -> str:
        phase, whole_steps = self._phase, self._whole_steps  # without the lock: who reads signals must not wait
        if phase:
            return phase.until
        usual = self.seconds_per_step if whole_steps else self._last_interval
        began = self._step_began if whole_steps else self._micro_batch_began
        about = ""
        if usual is not None and began is not None:
            about = f", about {duration(max(1.0, usual - (self._clock() - began)))}"
        whole = whole_steps or self._done == self._micro_batches - 1
        return f"after this {'step' if whole else 'micro-batch'}{about}"

    def _end_micro_batch(self, now: float, ends_step: bool) -> None:
        if self._micro_batch_began is None:
            return
        first = self.step == self._start
        if first and (self._done == 0 or ends_step):  # with the compilation of the gradients, and of the update
            return
        self._last_interval = now - self._micro_batch_began
        if first:
            self._intervals.append(self._last_interval)

    def _end_step(self, now: float, step: int) -> None:
        if self._step_began is None:
            return
        seconds = now - self._step_began
        if self.step == self._start:
            self._first_duration = seconds
        else:
            self._durations.append(seconds)
        self.step = step

    def _note_first_step(self) -> None:
        if self._durations:  # of whole steps: on a GPU, a micro-batch only starts its work
            note, self._on_first_step = self._on_first_step, lambda: None
            note()

    def _show(self, now: float, force: bool = False) -> None:
        if self._bar.disable or (not force and now - self._shown_at < self._interval):
            return
        self._shown_at = now
        with contextlib.suppress(OSError, ValueError):  # a full disk under a log file, a stream that was closed
            self._bar.n = self.step
            self._bar.set_postfix_str(self.line(), refresh=False)
            self._bar.refresh()


def duration(seconds: float) -> str:
    """Returns a duration in two units at most, such as "45 s", "12 min 30 s", "3 h 20 min" or "4 days 15 h"."""
    seconds = round(seconds)
    units = (("day", DAY), ("h", 3600), ("min", 60), ("s", 1))
    for (name, size), (smaller, step) in itertools.pairwise(units):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            name += "s" * (name == "day" and whole > 1)
            return f"{whole} {name}" + f" {rest // step} {smaller}" * (rest >= step)
    return f"{seconds} s"

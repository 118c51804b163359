"""Fair timing: everything that is compared runs in turn, round after round, so that a busy machine slows all alike."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np


def interleave(runs: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Calls each of `runs` once a round, in order, and keeps the seconds that it returns; a first round is dropped.

    Returns:
        `repeats` seconds a name: value i of every name was taken in round i.

    Raises:
        ValueError: less than one repeat.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be 1 or more. Received: {repeats}")
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            elapsed = run()
            if repeat:  # the first round traces, allocates and warms the caches
                seconds[name].append(elapsed)
    return seconds


def timed(function: Callable, *arguments) -> Callable[[], float]:
    """A run for `interleave` that calls `function` with `arguments`; what it returns must be ready by then."""

    def run() -> float:
        start = time.perf_counter()
        function(*arguments)
        return time.perf_counter() - start

    return run


def repeated(run: Callable[[], float], seconds: float) -> Callable[[], float]:
    """Returns a run for `interleave` that repeats a short one for `seconds` and returns the mean of its calls.

    A busy machine stops a process for milliseconds at a time; what takes less would be timed without or with the stop.
    """

    def mean() -> float:
        calls = [run()]
        while sum(calls) < seconds:
            calls.append(run())
        return sum(calls) / len(calls)

    return mean


def ratio(seconds: Mapping[str, list[float]], slower: str, faster: str) -> float:
    """How many times as long `slower` takes: the median over the rounds, each with its own two seconds."""
    return float(np.median(np.divide(seconds[slower], seconds[faster])))


class Peer:
    """Another program in another Python, timed on request: a line with a name in, a line with seconds out.

    Args:
        command: starts it. Its first line is JSON: `versions`, what it runs and in which version, and `runs`, the
            names that can be timed; or `error`, why it cannot run.
        environment: variables to set for it, beside those of this process.

    Attributes:
        greeting: that first line, whole.
        versions: from that first line.
        runs: a run for `interleave` for each name.

    Raises:
        ValueError: it cannot be started, or says that it cannot run.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None):
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed in close)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                text=True,
                env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | dict(environment or {}),
            )
            hello = json.loads(self._read())
        except (OSError, json.JSONDecodeError) as error:
            self.close()
            raise ValueError(f"It does not start ({error}). Received: {' '.join(command)}") from None
        if "error" in hello:
            self.close()
            raise ValueError(f"{hello['error']}. Received: {command[0]}")
        self.greeting: dict = hello
        self.versions: dict[str, str] = hello["versions"]
        self.runs = {name: lambda name=name: self._ask(name) for name in hello["runs"]}

    def close(self) -> None:
        """Ends the program."""
        if process := getattr(self, "_process", None):
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
        self._stderr.close()

    def _ask(self, name: str) -> float:
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return float(self._read())

    def _read(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            self._stderr.seek(0)
            last = self._stderr.read().strip().splitlines()[-1:]
            raise OSError(f"it ended without an answer: {''.join(last)}")
        return line


@contextlib.contextmanager
def peers(commands: Mapping[str, Sequence[str]]) -> Iterator[tuple[dict[str, Peer], dict[str, str]]]:
    """Starts the peers that can be started; gives them, and why the others cannot be, by name. Ends them at the end."""
    started, missing = {}, {}
    try:
        for name, command in commands.items():
            try:
                started[name] = Peer(command)
            except ValueError as error:
                missing[name] = str(error)
        yield started, missing
    finally:
        for peer in started.values():
            peer.close()

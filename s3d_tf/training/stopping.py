"""SIGTERM and Ctrl-C, seen from inside a compiled graph: a run saves what it has and ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator

STATUS = 75
"""Exit status of a run that was told to stop and has saved: EX_TEMPFAIL, "start me again"."""


class StoppedError(BaseException):
    """What is going on may end now: somebody asked for it. Nobody's `except Exception` holds it up."""


class Stop:
    """Whether somebody asked the process to stop, and what time it is, for ops of a running graph.

    Python runs a signal's handler only between two of its own instructions, which may be many steps away while the main
    thread waits for a graph. The byte that `signal.set_wakeup_fd` has written at once can be read by any thread.
    """

    def __init__(self):
        self.signal: int | None = None
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def requested(self) -> bool:
        """Returns whether a signal came."""
        with contextlib.suppress(BlockingIOError):
            for number in self._reader.recv(64):
                if number in (signal.SIGTERM, signal.SIGINT):
                    self.signal = number
        return self.signal is not None

    def check(self) -> None:
        """Raises a StoppedError after a signal."""
        if self.requested():
            raise StoppedError

    @property
    def name(self) -> str:
        """Of the signal that came."""
        return signal.Signals(self.signal).name if self.signal else ""

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """While this lasts, the first SIGTERM or SIGINT only sets `signal`; a second one ends the process.

        Must be entered by the main thread; elsewhere (a notebook's worker, a test) nothing is changed.
        """

        handled = []

        def handle(number: int, _) -> None:
            handled.append(number)  # `requested` may have seen the same signal before
            self.signal = number
            if len(handled) > 1:
                raise KeyboardInterrupt
            os.write(2, f"\n{signal.Signals(number).name}: ends after this micro-batch\n".encode())

        try:
            before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
        except ValueError:  # not the main thread
            yield
            return
        wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)

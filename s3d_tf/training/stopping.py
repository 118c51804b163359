"""Handles SIGTERM and Ctrl-C, also while the main thread is inside a compiled graph: a run saves and ends."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

STATUS = 75
"""Exit status of a run that was told to stop and has saved: EX_TEMPFAIL, "start me again"."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)
SAME_SIGNAL = 0.5
"""Seconds in which the same signal counts once: timeout(1) and schedulers signal a process and then its group."""

GRACE = 1.0
"""Seconds that the main thread has to raise a KeyboardInterrupt after a second signal."""


class StoppedError(BaseException):
    """Ends what is going on because a signal asked for it. No `except Exception` catches it."""


class Observer:
    """Base class of what follows a run, such as `progress.Progress`."""

    def until(self) -> str:
        """Returns when a run that is asked to stop now does so, such as "after this micro-batch, about 6 s"."""
        return "after this micro-batch"


class Stop:
    """Tells whether a signal asked the process to stop.

    Python runs a signal handler only between two of its own instructions, and the main thread may wait for a graph for
    minutes. `signal.set_wakeup_fd` has a byte written at once, which a thread of this class reads.

    Args:
        end: ends the process with a status, without waiting for any thread.
        clock: seconds.

    Attributes:
        signal: the number of the signal that came, or None.
        observer: follows the run.
    """

    def __init__(self, end: Callable[[int], None] = os._exit, clock: Callable[[], float] = time.perf_counter):
        self.signal: int | None = None
        self.observer = Observer()
        self._end, self._clock = end, clock
        self._interruptible = False
        # A signal handler may interrupt the thread that holds it. Whoever does waits for nothing else.
        self._lock = threading.RLock()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._forget()

    def requested(self) -> bool:
        """Returns whether a signal came."""
        return self.signal is not None

    def check(self) -> None:
        """Raises a StoppedError after a signal."""
        if self.requested():
            raise StoppedError

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """While this lasts, a signal raises a StoppedError in the main thread as soon as it runs Python code.

        Not for code of which another thread runs a part, as `Strategy.run` does when it is traced.
        """
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    @property
    def name(self) -> str:
        """The name of the signal that came, or ""."""
        return signal.Signals(self.signal).name if self.signal else ""

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """While this lasts, the first SIGTERM or SIGINT sets `signal`, and a second one ends the process at once.

        The second signal raises a KeyboardInterrupt. If the main thread does not run Python code within `GRACE`
        seconds, the process ends with status 128 + signal, unless it is an interactive session.

        Must be entered by the main thread; in another one (a notebook's worker, a test) nothing changes.
        """

        def handle(number: int, _) -> None:
            self.signal = self.signal or number
            self._read()
            self._wake()
            if self._again is not None:
                self._raised.set()
                raise KeyboardInterrupt(number)
            if self._interruptible:
                raise StoppedError

        self._forget()
        try:
            before = {number: signal.signal(number, handle) for number in SIGNALS}
        except ValueError:  # not the main thread
            yield
            return
        wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        closing = threading.Event()
        watch = threading.Thread(target=self._watch, args=(closing,), name="signals", daemon=True)
        watch.start()
        try:
            yield
        finally:
            closing.set()
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._wake()
            watch.join()

    def _forget(self) -> None:
        """Forgets the signals of an earlier `listening`, but not that one came."""
        self._first: tuple[int, float] | None = None  # signal, time
        self._again: int | None = None
        self._raised = threading.Event()

    def _wake(self) -> None:
        """Wakes the thread that watches."""
        with contextlib.suppress(BlockingIOError):
            self._writer.send(b"\0")

    def _watch(self, closing: threading.Event) -> None:
        """Reads signals as they come and says what follows, in a thread of its own that waits for no lock of others."""
        told = False
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            while not closing.is_set():
                selector.select()
                self._read()
                if self._first and not told:
                    told = True
                    again = "press Ctrl-C again" if self.signal == signal.SIGINT else "send it again"
                    tell(f"{self.name}: stopping {self.observer.until()}; {again} to end at once without saving")
                if self._again is not None:
                    self._end_process(closing)
                    return

    def _read(self) -> None:
        """Notes the signals that came since the last call."""
        with self._lock, contextlib.suppress(BlockingIOError):
            for number in self._reader.recv(64):
                if number not in SIGNALS:
                    continue
                now = self._clock()
                if self._first is None:
                    self.signal, self._first = number, (number, now)
                elif number != self._first[0] or now - self._first[1] > SAME_SIGNAL:
                    self._again = number

    def _end_process(self, closing: threading.Event) -> None:
        if self._raised.wait(GRACE) or closing.is_set() or hasattr(sys, "ps1"):
            return
        tell(f"{signal.Signals(self._again).name}: ended at once, without saving")
        self._end(128 + self._again)


def tell(text: str) -> None:
    """Writes a line to stderr past Python's buffers and locks."""
    with contextlib.suppress(OSError):
        os.write(2, f"\n{text}\n".encode())

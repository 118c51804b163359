"""Work in processes of its own, forked from one that has TensorFlow imported: a crash costs one part, and each starts
with fresh memory."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from s3d_tf.training.stopping import StoppedError

# s3d_tf enables oneDNN before TensorFlow is imported. Nothing is computed on import; no device is touched.
PRELOADED = ["s3d_tf", "tensorflow", "keras", "cv2"]
_USERS = (ValueError, OSError, FloatingPointError)


class Children:
    """Starts one process after the other.

    Args:
        context: what forks them; by default one that has imported `PRELOADED`.
    """

    def __init__(self, context: ForkServerContext | None = None):
        self._context = context or ForkServerContext()
        if context is None:
            self._context.set_forkserver_preload(PRELOADED)

    def call(self, name: str, log: Path, waiting: Callable[[], None], function: Callable, *arguments: Any) -> Any:
        """What `function(*arguments)` returns in a process of its own.

        Args:
            name: of the work, for the error.
            log: file that gets what the process prints.
            waiting: called about once a second meanwhile.
            function: of a module; it, its arguments and its value can be pickled.

        Raises:
            OSError: it failed or the process died, in one sentence that names the log.
            KeyboardInterrupt: it was told to stop, and has saved.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(theirs, str(log), function, arguments), name=name)
        with _greetings_hidden():
            process.start()
        theirs.close()
        try:
            while not ours.poll(1.0) and process.is_alive():
                waiting()
            kind, value = _receive(ours)
        except BaseException:
            process.terminate()  # a training saves and ends
            raise
        finally:
            process.join()
            ours.close()
        if kind == "value":
            return value
        if kind == "stopped":
            raise KeyboardInterrupt
        what = value or f"its process ended with status {process.exitcode}."
        raise OSError(f"{name} failed: {what} The log is {log}.")


def in_this_process(name: str, log: Path, waiting: Callable[[], None], function: Callable, *arguments: Any) -> Any:
    """The same as `Children.call` without a process, for tests and notebooks."""
    del name, log, waiting
    return function(*arguments)


@contextlib.contextmanager
def _greetings_hidden() -> Iterator[None]:
    """The process that all others are forked from gets no stderr, on which TensorFlow greets at each import."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _receive(connection: Connection) -> tuple[str, Any]:
    with contextlib.suppress(EOFError, OSError):  # it died without a word
        if connection.poll():
            return connection.recv()
    return "died", ""


def _work(connection: Connection, log: str, function: Callable, arguments: tuple) -> None:
    os.setpgrp()  # Ctrl-C reaches the experiment alone, which tells us once: a second signal would end us unsaved
    for number in (1, 2):
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer = ("value", function(*arguments))
    except (StoppedError, KeyboardInterrupt):
        answer = ("stopped", None)
    except Exception as error:  # told in the parent's words
        traceback.print_exc()
        text = " ".join(str(error).split())[:600].rstrip(".")
        answer = ("error", f"{text if isinstance(error, _USERS) else f'{type(error).__name__}: {text}'}.")
    sys.stdout.flush()
    with contextlib.suppress(BrokenPipeError):  # who started us was killed
        connection.send(answer)


def _end_with_parent() -> None:
    """Who started us may be killed: save and end then, so that the same command can go on."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

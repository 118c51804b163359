"""Who writes the shards: this process, or several. Each runner is `(shards, output_dir, settings, on_video)`."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections import deque
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import tensorflow as tf

from .settings import Settings
from .shards import OnVideo, Shard, write_shard

_KILLED = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)  # by the system or a person, not by a video


def in_this_process(shards: list[Shard], output_dir: Path, settings: Settings, on_video: OnVideo) -> None:
    """Writes one shard after the other. A crash of the decoder ends the process."""
    for shard in shards:
        write_shard(shard, output_dir, settings, on_video)


def in_processes(shards: list[Shard], output_dir: Path, settings: Settings, on_video: OnVideo, workers: int) -> None:
    """Writes shards in `workers` processes. A video on which the decoder crashes is unreadable; the rest goes on.

    Raises:
        OSError: a shard cannot be written, or a worker was killed.
    """
    todo = deque((shard, {}) for shard in shards)
    context = multiprocessing.get_context("spawn")  # a forked TensorFlow may hang
    pool = [_Worker(context, output_dir, settings) for _ in range(min(workers, len(shards)))]
    try:
        for worker in pool:
            worker.start(todo.popleft())
        while busy := [worker for worker in pool if worker.task]:
            for connection in wait([worker.connection for worker in busy]):
                worker = next(worker for worker in busy if worker.connection is connection)
                again = worker.receive(on_video)
                if again:
                    todo.appendleft(again)
                if not worker.task and todo:
                    worker.start(todo.popleft())
    finally:
        for worker in pool:
            worker.stop()


class _Worker:
    """A process and the shard that it writes; made anew after a crash."""

    def __init__(self, context: Any, output_dir: Path, settings: Settings):
        self._context, self._arguments = context, (output_dir, settings)
        self.task: tuple[Shard, dict[int, str]] | None = None
        self._video: int | None = None  # the one that is being decoded
        self._reported = -1  # the last one that the caller heard of
        self._spawn()

    def _spawn(self) -> None:
        self.connection, other = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(other, *self._arguments), daemon=True)
        self._process.start()
        other.close()

    def start(self, task: tuple[Shard, dict[int, str]]) -> None:
        self.task, self._video = task, None
        if not task[1]:
            self._reported = -1
        with contextlib.suppress(BrokenPipeError):  # it died while idle; receive() finds out
            self.connection.send(task)

    def receive(self, on_video: OnVideo) -> tuple[Shard, dict[int, str]] | None:
        """Handles one message. Returns the task to be started again where the decoder crashed."""
        try:
            kind, *values = self.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._crashed()
        if kind == "video":
            index, outcome = values
            self._video = index if outcome is None else None
            if index > self._reported:  # not those that are decoded again after a crash
                on_video(index, outcome)
                self._reported = index if outcome else self._reported
        elif kind == "failed":
            raise OSError(values[0])
        else:
            self.task = None
        return None

    def _crashed(self) -> tuple[Shard, dict[int, str]]:
        self._process.join()
        code = self._process.exitcode
        shard, crashed = self.task
        self.task = None
        if code >= 0 or -code in _KILLED or self._video is None:
            raise OSError(
                "A worker process ended, perhaps for want of memory; the same command goes on, with fewer --workers. "
                f"Received: exit code {code} at {shard.name if self._video is None else shard.items[self._video].path}"
            )
        name = signal.Signals(-code).name
        self.connection.close()
        self._spawn()
        return shard, {**crashed, self._video: f"the decoder crashed ({name})"}

    def stop(self) -> None:
        self.connection.close()
        self._process.terminate()
        self._process.join()


def _serve(connection: Connection, output_dir: Path, settings: Settings) -> None:
    """A worker: writes the shards that it is sent, until the other end is closed or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says what is to be done
    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            shard, crashed = connection.recv()
            try:
                write_shard(
                    shard, output_dir, settings, lambda index, outcome: _send(connection, index, outcome), crashed
                )
            except OSError as error:
                connection.send(("failed", str(error)))
            else:
                connection.send(("done",))


def _send(connection: Connection, index: int, outcome: dict[str, Any] | None) -> None:
    connection.send(("video", index, outcome))

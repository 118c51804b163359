"""Items done by several threads, answers in the order of the items; only a few are held."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple


class Done(NamedTuple):
    item: Any
    value: Any  # what the function returned
    error: Exception | None  # or what it raised


def in_order(function: Callable[[Any], Any], items: Iterable[Any], workers: int) -> Iterator[Done]:
    """`Done` of each item, in order, at most `2 * workers` of them ahead of the one that is asked for.

    The threads are daemons: an interrupt ends the program without waiting for what they have begun.
    """
    todo: queue.SimpleQueue = queue.SimpleQueue()

    def work() -> None:
        while (job := todo.get()) is not None:
            item, answer = job
            try:
                answer.put(Done(item, function(item), None))
            except Exception as error:  # a thread's error would be lost
                answer.put(Done(item, None, error))

    for _ in range(workers):
        threading.Thread(target=work, daemon=True).start()
    remaining, waiting = iter(items), []
    try:
        while True:
            for item in itertools.islice(remaining, 2 * workers - len(waiting)):
                waiting.append(queue.SimpleQueue())
                todo.put((item, waiting[-1]))
            if not waiting:
                return
            yield waiting.pop(0).get()
    finally:
        for _ in range(workers):
            todo.put(None)

"""Items done by several threads; what they yield comes at once, in the order of the items, of which few are held."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple


class Done(NamedTuple):
    """A step of an item: a value that was yielded, or, `last`, that no more come."""

    item: Any
    value: Any
    error: Exception | None  # what ended it, after the values before
    last: bool


def in_order(function: Callable[[Any], Iterable[Any]], items: Iterable[Any], workers: int) -> Iterator[Done]:
    """`Done` of each value that the function yields of an item, and of the item's end, in the order of the items.

    At most `2 * workers` items are ahead of the one that is asked for. The threads are daemons: an interrupt ends the
    program without waiting for what they have begun.
    """
    todo: queue.SimpleQueue = queue.SimpleQueue()

    def work() -> None:
        while (job := todo.get()) is not None:
            item, answers = job
            try:
                for value in function(item):
                    answers.put(Done(item, value, None, False))
                answers.put(Done(item, None, None, True))
            except Exception as error:  # a thread's error would be lost
                answers.put(Done(item, None, error, True))

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
            answers = waiting.pop(0)
            while not (done := answers.get()).last:
                yield done
            yield done
    finally:
        for _ in range(workers):
            todo.put(None)

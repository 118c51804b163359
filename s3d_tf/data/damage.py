"""Records that were damaged after preparation: counted, named, passed over up to a limit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from absl import logging

from .split import Split

LIMIT = 10
"""Damaged records that are passed over unless another number is asked for."""


class Damage:
    """What of a split was found damaged so far.

    Args:
        split: whose records are read.
        limit: how many damaged ones are passed over; one more stops the run.
    """

    def __init__(self, split: Split, limit: int = LIMIT):
        if limit < 0:
            raise ValueError(f"The limit of damaged records must be 0 or more. Received: {limit}")
        self.split, self.limit = split, limit
        self._found: dict[int, None] = {}  # in the order of their finding
        self._unreadable: OSError | None = None  # a shard that is out of reach

    @property
    def names(self) -> list[str]:
        """Media ids of the damaged records."""
        return [self.split.media_ids[index] for index in list(self._found)]

    def or_next(self, load: Callable[[tf.Tensor], dict], index: tf.Tensor) -> dict:
        """What `load` gives of record `index` (`[]` int64), or, where that raises, of the next one that is whole.

        For use inside `tf.data`. The same damage gives the same clips, so a resumed run goes on as it would have.

        Raises:
            tf.errors.OpError: while iterating, past the limit; see `explained`.
        """
        count = self.split.num_videos

        def attempt(step: tf.Tensor) -> tuple[tf.Tensor, dict]:
            before = (index + step - 1) % count
            within = tf.cond(step > 0, lambda: tf.numpy_function(self.note, [before], tf.bool), lambda: True)
            with tf.control_dependencies([tf.debugging.Assert(within, ["too many damaged records"])]):
                return step, load((index + tf.identity(step)) % count)

        # One step more than records may be passed over: it only counts the last of them.
        attempts = tf.data.Dataset.range(min(self.limit + 2, count + 1)).map(attempt).ignore_errors()
        step, loaded = attempts.take(1).get_single_element()
        del step
        return loaded

    def or_one_by_one(self, whole: Callable[[dict], dict], alone: Callable[[dict], dict], batch: dict) -> dict:
        """What `whole` gives of a batch, or, where that raises, of each of its elements what `alone` does.

        For use inside `tf.data`.
        """
        specs = tf.data.Dataset.from_tensors(batch).map(whole).element_spec
        spec = {key: tf.TensorSpec(value.shape[1:], value.dtype) for key, value in specs.items()}

        def attempt(step: tf.Tensor) -> dict:
            return tf.cond(step == 0, lambda: whole(batch), lambda: tf.map_fn(alone, batch, fn_output_signature=spec))

        return tf.data.Dataset.range(2).map(attempt).ignore_errors().take(1).get_single_element()

    def note(self, index: int) -> np.bool_:
        """Counts and names one damaged record; whether the limit still holds."""
        try:
            self.split.check_readable([int(index)])
        except OSError as error:
            self._unreadable = error
        if self._unreadable:
            return np.bool_(False)
        if int(index) not in self._found:
            self._found[int(index)] = None
            logging.warning("damaged, passed over: %s", self.split.media_ids[int(index)])
        return np.bool_(self.within_limit)

    @property
    def within_limit(self) -> bool:
        """Whether the run may go on."""
        return len(self._found) <= self.limit and len(self._found) < self.split.num_videos

    def check(self) -> None:
        """Raises an OSError when a shard went out of reach, and a ValueError with the list when there are more damaged
        records than the limit allows."""
        if self._unreadable:
            raise self._unreadable
        if not self.within_limit:
            raise ValueError(
                f"More than {self.limit} of {self.split.num_videos} records are damaged; run "
                "scripts/inspect_dataset.py --check, delete the shards that it names and prepare again. "
                f"Received: {', '.join(self.names[:20])}"
            )

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Around the iteration: an error that came of damage is raised as `check` says it."""
        try:
            yield
        except tf.errors.OpError:
            self.check()
            raise

"""How a run goes about what does not decide its weights."""

from __future__ import annotations

import dataclasses

from ..data.damage import LIMIT


@dataclasses.dataclass(frozen=True)
class Pace:
    """How a run goes about what does not decide its weights.

    Attributes:
        steps_per_call: steps between two lines of metrics.
        checkpoint_every: steps.
        keep: newest checkpoints that stay.
        evaluate_every: steps between evaluations on `evaluate_split`, by which the best checkpoint is kept; 0 is never.
        evaluate_split: of the same data set.
        max_damaged: records damaged after preparation that are passed over; one more stops the run.
        go_back: how often a run whose loss became NaN or infinite goes on from the last checkpoint, with the clips
            after those that it met.
        xla: compile the network's step with XLA.
    """

    steps_per_call: int = 10
    checkpoint_every: int = 500
    keep: int = 3
    evaluate_every: int = 0
    evaluate_split: str = "val"
    max_damaged: int = LIMIT
    go_back: int = 0
    xla: bool = False

    def __post_init__(self):
        least = dict(steps_per_call=1, checkpoint_every=1, keep=1, evaluate_every=0, max_damaged=0, go_back=0)
        if low := [f"{key}={getattr(self, key)}" for key, value in least.items() if getattr(self, key) < value]:
            needed = ", ".join(f"{key}>={value}" for key, value in least.items())
            raise ValueError(f"A run needs {needed}. Received: {', '.join(low)}")

"""The paper's training recipes, one frozen dataclass each, with the source of each number beside it.

Where the paper is silent the number is of its authors' code (TF-slim s3dg, DeepMind's kinetics-i3d).
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes.

    Attributes:
        name: the key in `RECIPES`.
        network: see `s3d_tf.networks.VARIANTS`.
        width: factor on the channels.
        num_frames: consecutive frames of a training clip.
        eval_frames: evaluation sees all frames, looped up to this many.
        crop: rows and columns of a clip, pixels.
        flip: mirror clips at random. Off where left and right matter.
        batch_size: clips a step, over all replicas.
        steps: to train for.
        learning_rates: one more than `boundaries`; the next one holds from each boundary on.
        boundaries: in steps.
        momentum: of the SGD.
        weight_decay: factor on half the squared conv kernels.
        norm_momentum: decay of batch norm's moving averages; 0.999 lags about 1000 steps.
        dropout: share of the features dropped before the logits.
        seed: of weights, order, clips and crops.
    """

    name: str
    network: str = "s3d_g"
    width: float = 1.0
    num_frames: int = 64  # "64 consecutive frames" (section 3)
    eval_frames: int = 250  # "all frames", padded to 250 (Mini-Kinetics)
    crop: int = 224  # "random 224x224 crops" from 256x256 (section 3)
    flip: bool = False  # only crops are named as augmentation
    batch_size: int = 56 * 6  # "56 GPUs x 6 clips"
    steps: int = 80_000
    learning_rates: tuple[float, ...] = (0.1, 0.01, 0.001)
    boundaries: tuple[int, ...] = (60_000, 70_000)
    momentum: float = 0.9  # "synchronous SGD, momentum 0.9"
    weight_decay: float = 1e-7  # authors' code
    norm_momentum: float = 0.999  # authors' code
    dropout: float = 0.2  # authors' code: keep 0.8
    seed: int = 0

    def __post_init__(self):
        if len(self.learning_rates) != len(self.boundaries) + 1 or list(self.boundaries) != sorted(
            set(self.boundaries)
        ):
            raise ValueError(
                "learning_rates must be one more than the boundaries, and those must rise. Received: "
                f"{self.learning_rates} and {self.boundaries}"
            )
        positive = (*self.learning_rates, self.width)
        shares = (self.momentum, self.norm_momentum, self.dropout)
        if not (
            all(0 < value < float("inf") for value in positive)
            and all(0 <= value < 1 for value in shares)
            and 0 <= self.weight_decay < float("inf")
            and self.seed >= 0
        ):
            raise ValueError(
                "learning_rates and width must be above 0, momentum, norm_momentum and dropout in [0, 1), weight_decay "
                f"and seed not negative. Received: {self}"
            )
        least = dict(num_frames=8, eval_frames=8, crop=32, batch_size=1, steps=1)
        if low := [f"{key}={getattr(self, key)}" for key, value in least.items() if getattr(self, key) < value]:
            needed = ", ".join(f"{key}>={value}" for key, value in least.items())
            raise ValueError(f"A recipe needs {needed}. Received: {', '.join(low)}")


_TABLE = (
    Recipe("mini_kinetics"),  # 80k steps, 0.1, then 0.01 at 60k, 0.001 at 70k (section 3)
    Recipe("kinetics", steps=115_000, boundaries=(97_000, 108_000)),  # the authors' RGB model
    Recipe(  # "16 GPUs, 0.1 for 10k steps"; clips padded to 64 frames
        "something_something", batch_size=16 * 6, steps=10_000, learning_rates=(0.1,), boundaries=(), eval_frames=64
    ),
    Recipe(  # "8 GPUs, 0.01 for 6k, then 0.001 for 2k steps" (section 5.2); 8k steps are short for a decay of 0.999
        "finetune",
        batch_size=8 * 6,
        steps=8_000,
        learning_rates=(0.01, 0.001),
        boundaries=(6_000,),
        norm_momentum=0.99,
    ),
    Recipe(  # the embedded sets: a few minutes on two cores
        "embedded",
        width=0.25,
        num_frames=16,
        eval_frames=16,
        crop=32,
        batch_size=16,
        steps=500,
        boundaries=(350, 450),
        norm_momentum=0.9,
    ),
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _TABLE}


def recipe(name: str, **changes) -> Recipe:
    """The recipe called `name` with some fields changed.

    Raises:
        ValueError: no such recipe, or a value out of range.
    """
    if name not in RECIPES:
        raise ValueError(f"Unknown recipe: choose one of {', '.join(RECIPES)}. Received: {name!r}")
    return dataclasses.replace(RECIPES[name], **changes)

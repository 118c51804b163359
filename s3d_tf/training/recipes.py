"""The paper's training recipes, one frozen dataclass each, with the source of each number beside it.

Where the paper is silent the number is of its authors' code (TF-slim s3dg, DeepMind's kinetics-i3d).
"""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
STREAMS = ("rgb", "flow")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes.

    Attributes:
        name: the key in `RECIPES`.
        network: see `s3d_tf.networks.VARIANTS`; with `weights` it may be empty, for the one that they belong to.
        convention: whose conventions the network is built by; of the weights, or else the paper's, when empty.
        width: factor on the channels; 0 with weights, for theirs.
        network_changes: what the network has otherwise, such as gate_pool=space,temporal_branches=1+2: fields of
            `s3d_tf.networks.Network` and `Style`, several values with + between.
        weights: a work_dir, file or folder to start from (docs/weights.md); the logits start afresh unless the
            classes are the same.
        freeze: patterns of layers that stay as they are, such as Conv2d_1*,Conv2d_2*,Mixed_3*; batch norms in them too.
        stream: rgb or flow.
        num_frames: consecutive frames of a training clip.
        eval_frames: evaluation sees all frames, looped up to this many.
        crop: rows and columns of a clip, pixels.
        flip: mirror clips at random. Off where left and right matter.
        batch_size: clips a step, over all replicas.
        clips_per_replica: most clips that a replica takes at once, and that share their batch norm's statistics; the
            gradients of more are summed up.
        steps: to train for.
        learning_rates: one more than `boundaries`; the next one holds from each boundary on.
        boundaries: in steps.
        warmup_steps: first steps, over which the rate rises linearly to the first of `learning_rates`; 0 is off.
        momentum: of the SGD.
        weight_decay: factor on half the squared conv kernels.
        clip_norm: longest gradient, by its norm over all variables; longer ones are shortened. 0 is off.
        norm_momentum: decay of batch norm's moving averages; 0.999 lags about 1000 steps.
        dropout: share of the features dropped before the logits.
        precision: float32, mixed_float16 (with loss scaling) or mixed_bfloat16.
        seed: of weights, order, clips and crops.
    """

    kind: ClassVar[str] = "classifier"

    name: str
    network: str = "s3d_g"
    convention: str = ""
    width: float = 1.0
    network_changes: tuple[str, ...] = ()
    weights: str = ""  # "we initialise from ImageNet" (section 3): name an inflated 2D checkpoint
    freeze: tuple[str, ...] = ()
    stream: str = "rgb"
    num_frames: int = 64  # "64 consecutive frames" (section 3)
    eval_frames: int = 250  # "all frames", padded to 250 (Mini-Kinetics)
    crop: int = 224  # "random 224x224 crops" from 256x256 (section 3)
    flip: bool = False  # only crops are named as augmentation
    batch_size: int = 56 * 6  # "56 GPUs x 6 clips"
    clips_per_replica: int = 6
    steps: int = 80_000
    learning_rates: tuple[float, ...] = (0.1, 0.01, 0.001)
    boundaries: tuple[int, ...] = (60_000, 70_000)
    warmup_steps: int = 0
    momentum: float = 0.9  # "synchronous SGD, momentum 0.9"
    weight_decay: float = 1e-7  # authors' code
    clip_norm: float = 0.0
    norm_momentum: float = 0.999  # authors' code
    dropout: float = 0.2  # authors' code: keep 0.8
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self):
        check_rates(self.learning_rates, self.boundaries)
        width = self.width or (1.0 if self.weights else 0.0)
        shares = (self.momentum, self.norm_momentum, self.dropout)
        not_negative = (self.weight_decay, self.clip_norm)
        if not (
            0 < width < float("inf")
            and all(0 <= value < 1 for value in shares)
            and all(0 <= value < float("inf") for value in not_negative)
            and 0 <= self.seed < 2**31
        ):
            raise ValueError(
                "width must be above 0, momentum, norm_momentum and dropout in [0, 1), weight_decay "
                f"and clip_norm not negative, seed in [0, 2^31). Received: {self}"
            )
        least = dict(num_frames=8, eval_frames=8, crop=32, batch_size=1, clips_per_replica=1, steps=1, warmup_steps=0)
        if low := [f"{key}={getattr(self, key)}" for key, value in least.items() if getattr(self, key) < value]:
            needed = ", ".join(f"{key}>={value}" for key, value in least.items())
            raise ValueError(f"A recipe needs {needed}. Received: {', '.join(low)}")
        for key, allowed in (("stream", STREAMS), ("precision", PRECISIONS)):
            if getattr(self, key) not in allowed:
                raise ValueError(f"{key} must be one of {', '.join(allowed)}. Received: {getattr(self, key)!r}")
        if not (self.network or self.weights):
            raise ValueError("A recipe needs a network, or weights that it follows from. Received: neither")
        if self.network_changes and self.weights:
            raise ValueError(
                f"Weights settle their network. Received: network_changes={','.join(self.network_changes)}"
            )
        parse_changes(self.network_changes)


def check_rates(learning_rates: tuple[float, ...], boundaries: tuple[int, ...]) -> None:
    """Raises a ValueError unless they are a stepwise schedule."""
    rising = list(boundaries) == sorted(set(boundaries)) and min(boundaries, default=1) >= 1
    if len(learning_rates) != len(boundaries) + 1 or not rising:
        raise ValueError(
            "learning_rates must be one more than the boundaries, and those must rise from 1. Received: "
            f"{learning_rates} and {boundaries}"
        )
    if not all(0 < rate < float("inf") for rate in learning_rates):
        raise ValueError(f"learning_rates must be above 0. Received: {learning_rates}")


def parse_changes(texts: tuple[str, ...]) -> dict:
    """`("gate_pool=space", "temporal_branches=1+2")` -> `{"gate_pool": "space", "temporal_branches": (1, 2)}`.

    Raises:
        ValueError: not of that form; whether there is such a field is seen when the network is built.
    """
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name.isidentifier() or not value:
            raise ValueError(f"network_changes must look like gate_pool=space. Received: {text!r}")
        values = tuple(_parse_value(item) for item in value.split("+"))
        found[name] = values if "+" in value else values[0]
    return found


def _parse_value(text: str) -> bool | int | float | str:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


_RGB = Recipe("kinetics", steps=115_000, boundaries=(97_000, 108_000))  # the authors' RGB model
_FINETUNE = Recipe(  # "8 GPUs, 0.01 for 6k, then 0.001 for 2k steps" (section 5.2); 8k steps are short for 0.999
    "ucf101",
    batch_size=8 * 6,
    steps=8_000,
    learning_rates=(0.01, 0.001),
    boundaries=(6_000,),
    norm_momentum=0.99,
)
_TABLE = (
    _RGB,
    dataclasses.replace(  # the authors' flow model: the rates fall twice
        _RGB,
        name="kinetics_flow",
        stream="flow",
        steps=155_000,
        learning_rates=(0.1, 0.01, 0.001) * 2,
        boundaries=(97_000, 104_500, 115_000, 140_000, 150_000),
    ),
    Recipe("mini_kinetics"),  # 80k steps, 0.1, then 0.01 at 60k, 0.001 at 70k (section 3)
    Recipe(  # "16 GPUs, 0.1 for 10k steps"; clips padded to 64 frames
        "something_something", batch_size=16 * 6, steps=10_000, learning_rates=(0.1,), boundaries=(), eval_frames=64
    ),
    _FINETUNE,  # each of the three splits is a run of its own (Table 5)
    dataclasses.replace(_FINETUNE, name="hmdb51"),
    Recipe(  # the embedded sets: a few minutes on two cores
        "embedded",
        width=0.25,
        num_frames=16,
        eval_frames=16,
        crop=32,
        batch_size=32,
        clips_per_replica=32,
        steps=250,
        # At the paper's 0.1, one training in ten or so never tells two of four directions apart: its first steps turn
        # the small kernels of narrow networks too far (experiments/quickstart_seeds.py).
        learning_rates=(0.025, 0.0025, 0.00025),
        boundaries=(175, 225),
        clip_norm=1.0,  # short runs are lost to one bad step otherwise
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


def learning_rate(recipe: Recipe, step: int) -> float:
    """Returns what step number `step` was taken with; the first is 1."""
    rate = recipe.learning_rates[bisect.bisect_left(recipe.boundaries, step)]
    return rate * min(1.0, step / recipe.warmup_steps) if recipe.warmup_steps else rate


def differences(recipe: Any, recipes: Mapping[str, Any] = RECIPES) -> dict[str, tuple]:
    """Field -> (the named recipe's value, this one's), of the fields that differ."""
    named = recipes[recipe.name]
    fields = [field.name for field in dataclasses.fields(recipe)]
    return {f: (getattr(named, f), getattr(recipe, f)) for f in fields if getattr(named, f) != getattr(recipe, f)}


def table() -> str:
    """The recipes, a line each under a line of heads."""
    heads = ("recipe", "network", "stream", "clip", "clips a step", "steps", "learning rates", "norm momentum")
    rows = [heads]
    for each in RECIPES.values():
        rates = [f"{each.learning_rates[0]:g}"]
        rates += [f"{r:g} from {b}" for r, b in zip(each.learning_rates[1:], each.boundaries, strict=True)]
        clip, network = f"{each.num_frames}x{each.crop}x{each.crop}", f"{each.network} x {each.width:g}"
        cells = (each.name, network, each.stream, clip, each.batch_size, each.steps, ", ".join(rates))
        rows.append((*map(str, cells), f"{each.norm_momentum:g}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def doubts(recipe: Recipe) -> list[str]:
    """What a user who changed one field may have forgotten in another, a sentence each."""
    found = []
    if late := [boundary for boundary in recipe.boundaries if boundary >= recipe.steps]:
        found.append(f"the learning rate changes at {', '.join(map(str, late))}, after the last step: set --boundaries")
    memory = round(1 / (1 - recipe.norm_momentum))
    if memory * 3 > recipe.steps:
        found.append(
            f"moving averages remember about {memory} steps, of {recipe.steps}: evaluation may be at chance, set a "
            "lower --norm_momentum"
        )
    return found

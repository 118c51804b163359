"""Suggests what to change in a recipe that would take days on this machine."""

from __future__ import annotations

import math
from typing import Any

from .progress import DAY, duration

SMALL_NETWORK = "--network=fast_s3d --width=0.5"
SMALL_NETWORK_SHARE = {"i3d": 0.13, "s3d": 0.21, "s3d_g": 0.21}
"""The multiply-adds of `SMALL_NETWORK` as a share of those of a network of width 1."""

_FRAMES, _CROP = 16, 112


def for_long_run(recipe: Any, steps_left: int, seconds_left: float, replicas: int, gpu: bool) -> list[str]:
    """Returns the lines of a note for a run that takes more than a day, or none for a shorter one.

    Args:
        recipe: a `Recipe` or a `DetectionRecipe`.
        steps_left: of the run.
        seconds_left: for those steps.
        replicas: that share a batch.
        gpu: whether they are GPUs.
    """
    if seconds_left <= DAY:
        return []
    meant = "" if gpu else " This recipe is meant for GPUs."
    seconds = seconds_left * recipe.steps / steps_left  # of another run, which starts at step 0
    shares = [*smaller(recipe, replicas), *fewer_steps(recipe, seconds)]
    return [
        f"note: the {steps_left} steps left take about {duration(seconds_left)} on this machine.{meant} "
        "Try a shorter run in another --work_dir, with one or several of",
        *(f"  {flags}: about {duration(seconds * share)}" for flags, share in shares),
    ]


def smaller(recipe: Any, replicas: int) -> list[tuple[str, float]]:
    """Returns flags for less work in a step, and the share of the work that remains."""
    found = []
    if flags := _smaller_clip(recipe):
        found.append(flags)
    if recipe.batch_size > (batch_size := replicas * recipe.clips_per_replica):
        found.append((f"--batch_size={batch_size}", batch_size / recipe.batch_size))
    share = SMALL_NETWORK_SHARE.get(recipe.network)
    if share and recipe.kind == "classifier" and recipe.width == 1 and not recipe.weights:  # which decide the network
        found.append((SMALL_NETWORK, share))
    return found


def _smaller_clip(recipe: Any) -> tuple[str, float] | None:
    """Returns flags for shorter clips of fewer pixels, as `smaller` does."""
    flags, share = [], 1.0
    if recipe.num_frames > _FRAMES:
        flags.append(f"--num_frames={_FRAMES}")
        share *= _FRAMES / recipe.num_frames
    if recipe.kind == "classifier" and recipe.crop > _CROP:
        flags.append(f"--crop={_CROP} (on records of --resize=128x128)")
        share *= (_CROP / recipe.crop) ** 2
    return (" ".join(flags), share) if flags else None


def fewer_steps(recipe: Any, seconds: float) -> list[tuple[str, float]]:
    """Returns flags for as many steps as a day allows, in two digits, with the learning rate's boundaries scaled.

    Args:
        recipe: see `for_long_run`.
        seconds: that all its steps take.
    """
    steps = recipe.steps * DAY / seconds
    digits = 10 ** max(0, int(math.log10(max(steps, 1))) - 1)
    steps = int(steps // digits * digits)
    if not 1 <= steps < recipe.steps:
        return []
    boundaries = ",".join(str(max(1, boundary * steps // recipe.steps)) for boundary in recipe.boundaries)
    flags = f"--steps={steps}" + f" --boundaries={boundaries}" * bool(boundaries)
    return [(flags, steps / recipe.steps)]

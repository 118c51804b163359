"""How a step's clips are shared out, and what is summed up over them."""

from __future__ import annotations

import keras

from .recipes import Recipe


def share_out(recipe: Recipe, replicas: int) -> tuple[int, int]:
    """Clips that a replica takes at once, and how often it does so in a step.

    Raises:
        ValueError: it cannot be done evenly.
    """
    share, rest = divmod(recipe.batch_size, replicas)
    devices = f"{replicas} replica{'s' * (replicas > 1)}"
    if rest:
        raise ValueError(f"batch_size must be a multiple of {devices} (--num_replicas). Received: {recipe.batch_size}")
    at_once = min(share, recipe.clips_per_replica)
    if share % at_once:
        raise ValueError(
            f"batch_size must be a multiple of {devices} x {at_once} clips at once (--clips_per_replica). "
            f"Received: {recipe.batch_size}"
        )
    return at_once, share // at_once


def moving_averages(model: keras.Model) -> list[keras.Variable]:
    """Those of the batch norms that are trained."""
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    return [v for norm in norms if norm.trainable for v in (norm.moving_mean, norm.moving_variance)]

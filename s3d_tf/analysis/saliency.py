"""Grad-CAM (Selvaraju et al. 2017) in space and time: which parts of a clip speak for a class.

At an endpoint with activations A `[T', H', W', C]`, channel c counts by w_c, the mean over all positions of the
gradient of the class's logit; the map is the positive part of the sum over c of w_c A_c.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from ..networks import endpoints


class Saliency:
    """The logits of a network, and maps of what speaks for a class. Only the layers above the endpoint keep gradients.

    Args:
        model: `[B, T, H, W, C]` float32 -> logits `[B, num_classes]`.
        endpoint: name of the layer whose activations are weighed.

    Raises:
        ValueError: no such layer, or one without frames, rows and columns.
    """

    def __init__(self, model: keras.Model, endpoint: str = "Mixed_5c"):
        tapped = endpoints(model, [endpoint]).output[endpoint]
        if len(tapped.shape) != 5:
            raise ValueError(f"An endpoint has frames, rows and columns, as Mixed_5c. Received: {endpoint}")
        self._below = tf.function(keras.Model(model.input, tapped), reduce_retracing=True)
        self._above = keras.Model(tapped, model.output)

    def logits_and_maps(self, clip: np.ndarray, classes: list[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Of one clip.

        Args:
            clip: `[T, H, W, C]` float32, scaled as the network wants it.
            classes: indices of the logits; the top one by default.

        Returns:
            The logits `[num_classes]` and a map a class `[N, T', H', W']`, float32; not negative, not scaled.
        """
        activations = self._below(tf.constant(clip[None], tf.float32), training=False)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(activations)
            logits = self._above(activations, training=False)[0]
            chosen = [logits[index] for index in ([int(tf.argmax(logits))] if classes is None else classes)]
        maps = []
        for logit in chosen:
            weights = tf.reduce_mean(tape.gradient(logit, activations), (0, 1, 2, 3))  # [C]
            maps.append(tf.nn.relu(tf.tensordot(activations[0], weights, 1)).numpy())
        return logits.numpy(), np.stack(maps).astype(np.float32)


def grad_cam(model: keras.Model, clip: np.ndarray, index: int, endpoint: str = "Mixed_5c") -> np.ndarray:
    """The Grad-CAM of one class over all frames and pixels of a clip.

    Args:
        model: `[B, T, H, W, C]` float32 -> logits `[B, num_classes]`.
        clip: `[T, H, W, C]` float32, scaled as the network wants it.
        index: of the class's logit.
        endpoint: name of a layer, see `Saliency`.

    Returns:
        `[T, H, W]` float32 in [0, 1]; its largest value before it is enlarged to the frames counts as 1. All 0 where
        nothing speaks for the class.

    Raises:
        ValueError: no such endpoint.
    """
    _, (found,) = Saliency(model, endpoint).logits_and_maps(clip, [index])
    return enlarge(normalise(found), clip.shape[:3])


def normalise(found: np.ndarray) -> np.ndarray:
    """A map that is not negative, by its largest value; one of zeros as it is."""
    return found / (found.max() or 1.0)


def enlarge(found: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """`[T', H', W']` -> `[T, H, W]`, linearly between the middles of the cells over frames, rows and columns."""
    over = [_between(cells, size) for cells, size in zip(found.shape, shape, strict=True)]
    return np.einsum("tp,hq,wr,pqr->thw", *over, found, optimize=True).astype(np.float32)


def _between(cells: int, size: int) -> np.ndarray:
    """`[size, cells]`: how much of each cell a place gets; beyond the outermost middles all of the outermost one."""
    place = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(cells)))

"""Which networks look at a video together, RGB and flow, and how their logits are added (the paper's Table 4)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import keras
import numpy as np

from ..data.split import Split
from ..weights import Preprocessing

Models = keras.Model | Mapping[str, keras.Model]
"""A network, or networks by the stream that they see: `{"rgb": ..., "flow": ...}`."""

NAMES = {"rgb": "RGB", "flow": "flow"}


def by_stream(models: Models) -> dict[str, keras.Model]:
    """The models by the stream that they see."""
    return dict(models) if isinstance(models, Mapping) else {models.preprocessing.modality: models}


def check_models(models: Mapping[str, keras.Model], split: Split) -> None:
    """Whether models can look at the records of a split, and their logits be added.

    Raises:
        ValueError: they cannot.
    """
    for stream, model in models.items():
        if model.preprocessing.modality != stream:
            raise ValueError(
                f"The model of the {NAMES.get(stream, stream)} stream must be one that was trained on it. Received: a "
                f"model of {NAMES[model.preprocessing.modality]}"
            )
        if model.output_shape[-1] < len(split.classes):
            raise ValueError(
                "A model must have as many logits as the records have classes. Received: "
                f"{model.output_shape[-1]} logits, {len(split.classes)} classes"
            )
    crops = {stream: model.preprocessing.crop for stream, model in models.items()}
    if len(set(crops.values())) > 1:
        raise ValueError(f"The models of all streams must have the same crop. Received: {crops}")
    check_labels(models)


def check_labels(models: Mapping[str, keras.Model]) -> None:
    """Whether models of the same classes see all streams.

    Raises:
        ValueError: they do not.
    """
    counts = {stream: model.output_shape[-1] for stream, model in models.items()}
    labels = {model.preprocessing.labels for model in models.values()} - {None}
    if len(set(counts.values())) > 1 or len(labels) > 1:
        raise ValueError(
            "The models of all streams must be of the same classes in the same order, or their logits cannot be added. "
            f"Received: {difference(*labels) if len(set(counts.values())) == 1 else counts}"
        )


def difference(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    """The first class in which two lists of one length differ, in words."""
    place = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
    return f"class {place} is {' and '.join(sorted(repr(labels[place]) for labels in (one, other)))}"


def check_weights(weights: Mapping[str, float] | None, streams: Mapping) -> dict[str, float]:
    """A factor for each stream, 1 where none is given.

    Raises:
        ValueError: factors of other streams, below 0, not finite, or all 0.
    """
    factors = dict.fromkeys(streams, 1.0) if weights is None else {name: float(w) for name, w in weights.items()}
    values = factors.values()
    if set(factors) != set(streams) or not all(0 <= w < math.inf for w in values) or not any(values):
        raise ValueError(
            f"The weights must be numbers from 0 up, not all 0, one for each of {', '.join(streams)}. Received: "
            f"{weights!r}"
        )
    return factors


def combined(logits: Mapping[str, np.ndarray], factors: Mapping[str, float]) -> np.ndarray:
    """The weighted sum of the streams' logits, `[N, C]` float32; one stream stays as it is."""
    if len(logits) == 1:
        return next(iter(logits.values()))
    return sum(np.float32(factors[stream]) * alone for stream, alone in logits.items())


def seen(models: Mapping[str, keras.Model], factors: Mapping[str, float]) -> dict[str, str]:
    """Which streams the models saw, how their pixels were scaled, and how logits were added; for the protocol."""
    streams = " and ".join(NAMES[stream] for stream in models)
    if len(models) > 1:
        streams += f", logits added with weights {' and '.join(f'{factors[stream]:g}' for stream in models)}"
    return dict(streams=streams, pixels="; ".join(pixel_scale(model.preprocessing) for model in models.values()))


def pixel_scale(preprocessing: Preprocessing) -> str:
    """In words, for the protocol beside a number."""
    name = NAMES[preprocessing.modality]
    if preprocessing.mean is not None:
        return f"{name} less {preprocessing.mean}, by {preprocessing.std}"
    return "{} in [{:g}, {:g}]".format(name, *preprocessing.pixel_range)

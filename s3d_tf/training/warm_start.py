"""Where a run's weights start: fresh, or from anybody's checkpoint with a head for the run's own classes."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import keras

from ..data.split import Split
from ..networks import build_model
from ..networks.build import as_network
from ..networks.variants import changed
from ..weights import Preprocessing
from ..weights.pretrained import Checkpoint, from_model, load_checkpoint, network_for, read_checkpoint
from .checkpoints import load_model
from .config import Run, describe_split, has_run
from .recipes import Recipe, parse_changes

HEAD = "Conv2d_0c_1x1/*"


class Start(NamedTuple):
    """A run and what its weights start from."""

    run: Run
    checkpoint: Checkpoint | None
    keep_head: bool  # the classes are the checkpoint's own

    def build(self) -> keras.Model:
        """The run's network, with its weights at their start and its frozen layers frozen.

        Raises:
            ValueError: weights that do not fit, or a pattern of `freeze` that no layer has.
        """
        keras.utils.set_random_seed(self.run.recipe.seed)
        with layers_of(self.run.recipe.precision):
            model = build_model(**self.run.model)
        if self.checkpoint is not None:
            values = self.checkpoint.values
            if not self.keep_head:
                values = {name: value for name, value in values.items() if not fnmatch.fnmatchcase(name, HEAD)}
            checkpoint = dataclasses.replace(self.checkpoint, values=values)
            load_checkpoint(model, checkpoint, allow=() if self.keep_head else (HEAD,))
        freeze(model, self.run.recipe.freeze)
        fresh_head = not self.keep_head and (self.checkpoint is not None or not self.run.recipe.weights)
        if fresh_head and not model.get_layer(HEAD[:-2]).trainable:
            patterns = ",".join(self.run.recipe.freeze)
            raise ValueError(f"The logits start afresh, so {HEAD[:-2]} cannot be frozen. Received: freeze={patterns}")
        return model

    def __str__(self) -> str:
        name = self.run.model["name"]["name"]
        if self.checkpoint is None:
            return f"{name}, its own weights" if self.run.recipe.weights else f"{name}, fresh weights"
        head = "its own logits" if self.keep_head else f"fresh logits for {len(self.run.preprocessing.labels)} classes"
        return f"{name}, weights of {self.run.recipe.weights} ({self.checkpoint.source}), {head}"


def start(recipe: Recipe, split: Split, known: Run | None = None) -> Start:
    """Reads the weights that a recipe names, and settles what network they make.

    Args:
        known: the run as it was when it began: its weights need not be read again.

    Raises:
        ValueError: weights that cannot be read, or are of another stream or width.
    """
    shown = dict(resize=split.frame_size, crop=recipe.crop, min_frames=recipe.num_frames, labels=split.classes)
    shown |= dict(modality=recipe.stream, fps=split.fps or None)
    changes = parse_changes(recipe.network_changes) | dict(norm_momentum=recipe.norm_momentum)
    if known is not None and dataclasses.replace(known.recipe, steps=recipe.steps) == recipe:
        preprocessing = dataclasses.replace(known.preprocessing, **shown)
        return Start(Run(recipe, known.model, preprocessing, describe_split(split)), None, False)
    if not recipe.weights:
        network = as_network(recipe.network, recipe.convention or "paper", **changes)
        model = dict(name=dataclasses.asdict(network), width=recipe.width)
        checkpoint, preprocessing, keep_head = None, Preprocessing(**shown), False
    else:
        checkpoint = read_weights(recipe.weights)
        theirs = checkpoint.preprocessing
        if theirs.modality != recipe.stream:
            raise ValueError(f"The weights are of {theirs.modality}; set --stream. Received: {recipe.stream}")
        width, network = checkpoint.recognised.width, checkpoint.recognised.network
        if recipe.width not in (0, width):
            raise ValueError(f"The weights are of width {width:g}; set --width={width:g}. Received: {recipe.width:g}")
        if recipe.convention and not recipe.network:
            raise ValueError(f"A convention needs a network. Received: convention={recipe.convention!r}")
        if recipe.network:
            network = network_for(checkpoint, recipe.network, recipe.convention or None)
        network = changed(network, **changes)
        model = dict(name=dataclasses.asdict(network), width=width)
        preprocessing = dataclasses.replace(theirs, **shown)
        keep_head = theirs.labels == split.classes
    channels = preprocessing.channels
    model |= dict(num_classes=len(split.classes), input_shape=(None, None, None, channels), dropout=recipe.dropout)
    return Start(Run(recipe, model, preprocessing, describe_split(split)), checkpoint, keep_head)


def freeze(model: keras.Model, patterns: tuple[str, ...]) -> None:
    """Keeps the layers as they are whose name, or path such as Mixed_3b/Branch_0, is like one of the patterns.

    Raises:
        ValueError: a pattern that no layer has, or nothing is left to train.
    """
    layers = [layer for layer in model._flatten_layers(include_self=False) if layer.weights]
    for pattern in patterns:
        found = [layer for layer in layers if fnmatch.fnmatchcase(layer.path, pattern)]
        if not found:
            names = ", ".join(layer.name for layer in model.layers if layer.weights)
            raise ValueError(f"No layer is called that; there are {names}. Received: freeze={pattern!r}")
        for layer in found:
            layer.trainable = False
    if not model.trainable_variables:
        raise ValueError(f"Nothing is left to train. Received: freeze={', '.join(patterns)}")


def read_weights(weights: str) -> Checkpoint:
    """Of anybody's file, or the newest checkpoint of a run of ours.

    Raises:
        ValueError: as `read_checkpoint` and `load_model`.
    """
    if has_run(Path(weights)):
        return from_model(load_model(Path(weights))[0])
    return read_checkpoint(weights)


@contextlib.contextmanager
def layers_of(precision: str) -> Iterator[None]:
    """While this lasts, layers are made with that precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)

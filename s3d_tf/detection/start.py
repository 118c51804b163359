"""Where a detector's weights start, and how one is built again from its work_dir."""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import keras

from ..networks import build_model
from ..networks.build import as_network
from ..training.checkpoints import NEWEST, Checkpoints
from ..training.config import Run, read_run
from ..training.recipes import parse_changes
from ..training.warm_start import HEAD, layers_of, read_weights
from ..weights import Checkpoint, Preprocessing
from ..weights.own import attach
from ..weights.pretrained import load_checkpoint, network_for
from .detector import Detector
from .recipes import DetectionRecipe


class Start(NamedTuple):
    """A run and what its weights start from."""

    run: Run  # its model: `networks` and `pixels` of each stream
    checkpoints: Mapping[str, Checkpoint]  # of streams that do not start fresh
    backbone_weights: str

    def build(self) -> Detector:
        """The run's detector with its weights at their start.

        Raises:
            ValueError: weights that do not fit.
        """
        keras.utils.set_random_seed(self.run.recipe.seed)
        detector = built(self.run, self.backbone_weights)
        for stream, checkpoint in self.checkpoints.items():
            _load(detector, stream, self.run.model["networks"][stream], checkpoint)
        return detector

    def __str__(self) -> str:
        recipe = self.run.recipe
        networks = " and ".join(
            f"{network['name']['name']} of {stream}" for stream, network in self.run.model["networks"].items()
        )
        starts = [recipe.start(stream) for stream in recipe.streams] + [recipe.backbone_weights]
        known = ", ".join(name for name in starts if name) or "none, all fresh"
        return f"{recipe.backbone} and {networks}, {len(self.run.preprocessing.labels)} classes; weights: {known}"


def start(recipe: DetectionRecipe, classes: Sequence[str], data: str, known: Run | None = None) -> Start:
    """Reads the weights that a recipe names, and settles what networks they make.

    Args:
        classes: names of the labels.
        data: what is trained on, in words (`s3d_tf.training.config.describe_split`).
        known: the run as it was when it began: its weights need not be read again.

    Raises:
        ValueError: weights that cannot be read, or are of another stream.
    """
    size = dict(resize=(recipe.rows, recipe.columns), crop=min(recipe.rows, recipe.columns))
    shown = Preprocessing(**size, min_frames=recipe.num_frames, labels=tuple(classes))
    if known is not None and dataclasses.replace(known.recipe, steps=recipe.steps) == recipe:
        return Start(Run(recipe, known.model, shown, data), {}, "")
    checkpoints = {stream: read_weights(recipe.start(stream)) for stream in recipe.streams if recipe.start(stream)}
    networks, pixels = {}, {}
    for stream in recipe.streams:
        networks[stream], pixels[stream] = _network(recipe, stream, checkpoints.get(stream))
    model = dict(networks=networks, pixels={stream: scale.to_json() for stream, scale in pixels.items()})
    return Start(Run(recipe, model, shown, data), checkpoints, recipe.backbone_weights)


def built(run: Run, backbone_weights: str = "") -> Detector:
    """The detector of a run, with fresh weights but for the backbone's."""
    pixels = {stream: Preprocessing.from_json(values) for stream, values in run.model["pixels"].items()}
    with layers_of(run.recipe.precision):
        detector = Detector(
            run.recipe, len(run.preprocessing.labels), run.model["networks"], pixels, backbone_weights=backbone_weights
        )
    attach(detector, run.preprocessing)
    return detector


def load_detector(work_dir: Path) -> tuple[Detector, Run, int]:
    """The detector of a work_dir with the weights of its newest checkpoint, the run, and the step.

    Raises:
        ValueError: no run of a detector, no checkpoint yet, or none that is whole.
    """
    run = read_run(work_dir, DetectionRecipe)
    detector = built(run)
    step = Checkpoints(work_dir, detector).restore()
    if step is None:
        raise ValueError(f"No checkpoint in {work_dir / NEWEST} yet; train first.")
    return detector, run, step


def check_classes(detector: Detector, classes: Sequence[str]) -> None:
    """Raises a ValueError unless the classes are those that the detector was trained on, in their order."""
    own, given = detector.preprocessing.labels, tuple(classes)
    if given != own:
        pairs = itertools.zip_longest(own, given, fillvalue=None)
        place, (theirs, other) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        raise ValueError(
            f"The detector was trained on other classes, {len(own)} of them: class {place} is {theirs!r}. Received: "
            f"{len(given)} classes, class {place} is {other!r}"
        )


def _network(recipe: DetectionRecipe, stream: str, checkpoint: Checkpoint | None) -> tuple[dict, Preprocessing]:
    """Arguments of `build_model` for a stream, and what its pixels go through."""
    if checkpoint is None:
        network = as_network(recipe.network, recipe.convention or "paper", **parse_changes(recipe.network_changes))
        width, pixels = recipe.width, Preprocessing(modality=stream)
    else:
        width, pixels = checkpoint.recognised.width, dataclasses.replace(checkpoint.preprocessing, labels=None)
        if pixels.modality != stream:
            raise ValueError(
                f"The {stream} stream needs weights of its own kind. Received: weights of {pixels.modality}"
            )
        network = checkpoint.recognised.network
        if recipe.network:
            network = network_for(checkpoint, recipe.network, recipe.convention or None)
    shape = (None, None, None, pixels.channels)
    return dict(name=dataclasses.asdict(network), num_classes=1, width=width, input_shape=shape, dropout=0.0), pixels


def _load(detector: Detector, stream: str, network: Mapping, checkpoint: Checkpoint) -> None:
    """Gives a stream's part of the detector the weights of a checkpoint, all but its logits."""
    plain = build_model(**network)
    values = {name: value for name, value in checkpoint.values.items() if not fnmatch.fnmatchcase(name, HEAD)}
    load_checkpoint(plain, dataclasses.replace(checkpoint, values=values), allow=(HEAD,))
    own = {variable.path: variable for variable in detector.variables}
    for variable in plain.variables:
        if (path := f"{stream}/{variable.path}") in own:
            own[path].assign(variable)

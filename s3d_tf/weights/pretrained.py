"""Anybody's weights -> a built model: find the source, rename, recognise the network, build, assign."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from s3d_tf.networks import Network, as_network, build_model, convention_of, departures, kinds_of
from s3d_tf.weights import deepmind, kylemin, milnce, own, tf_slim, torchvision
from s3d_tf.weights.assign import assign, variables
from s3d_tf.weights.files import Tensors, open_tensors
from s3d_tf.weights.inflate import inflate, misfits
from s3d_tf.weights.preprocessing import Preprocessing
from s3d_tf.weights.recognise import Recognised, recognise
from s3d_tf.weights.source import find_source

SOURCES = (tf_slim.VIDEO, tf_slim.IMAGE, deepmind.SOURCE, torchvision.SOURCE, kylemin.SOURCE, milnce.SOURCE)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Weights under our names, read from wherever.

    Attributes:
        source: whose: the name of a `Source`, or "s3d_tf".
        values: by our names, in our layout; extra ones under their own names.
        theirs: our name -> the source's.
        ignored: what is no part of the network: pattern -> how many variables.
        recognised: the network they belong to.
        convention: the convention that network is built by.
        preprocessing: what they were trained on.
    """

    source: str
    values: Mapping[str, np.ndarray]
    theirs: Mapping[str, str]
    ignored: Mapping[str, int]
    recognised: Recognised
    convention: str
    preprocessing: Preprocessing


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of every tensor.

    Attributes:
        source: whose weights they are.
        loaded: our name -> the source's.
        fresh: our names of what inflation leaves at its starting value (identity temporal convs, gates).
        not_loaded: what `allow` let pass: our names, and those of extra variables.
        summed: our names, among `loaded`, of kernels whose frames inflation summed, and spread evenly over another
            number of them: what they knew of motion is gone.
        ignored: pattern -> number of the source's variables that are no part of the network.
    """

    source: str
    loaded: Mapping[str, str]
    fresh: Sequence[str]
    not_loaded: Sequence[str]
    ignored: Mapping[str, int]
    summed: Sequence[str] = ()


def load_pretrained(
    path: str | Path,
    network: str | Network | None = None,
    *,
    num_classes: int | None = None,
    convention: str | None = None,
    allow: Sequence[str] = (),
    dropout: float = 0.2,
    **changes,
) -> keras.Model:
    """Builds the network that a checkpoint belongs to, or the one asked for, and loads it.

    Args:
        path: a TensorFlow checkpoint, `.npz`, `.safetensors`, `.pth` or `.pt` file of a known source (docs/weights.md)
            or a folder that `save` wrote. The source, width, classes, kinds, gates and stem follow from names and
            shapes.
        network: another network than the checkpoint's own, to inflate it: "s3d_g", "top_heavy_i3d:4", a `Network`.
        num_classes: another number of logits; then allow=["Conv2d_0c_1x1/*"].
        convention: of `network`; the checkpoint's own by default, with the habits in which it departs from it.
        allow: patterns of names that may be missing, extra or mis-shaped (`assign`).
        dropout: as for `build_model`.
        **changes: to `network`, as for `build_model`.

    Returns:
        A model from `[B, T, H, W, C]` float32, scaled as `model.preprocessing` says, to logits. `model.report` lists
        what was loaded from where, what was ignored and what was not loaded.

    Raises:
        ValueError: a file that cannot be read, an unknown source, or weights that do not fit; every name is listed.
    """
    options = dict(num_classes=num_classes, convention=convention, allow=allow, dropout=dropout)
    return build_from(read_checkpoint(path), network, **options, **changes)


def build_from(
    checkpoint: Checkpoint,
    network: str | Network | None = None,
    *,
    num_classes: int | None = None,
    convention: str | None = None,
    allow: Sequence[str] = (),
    dropout: float = 0.2,
    **changes,
) -> keras.Model:
    """As `load_pretrained`, of a checkpoint that is read already."""
    found = checkpoint.recognised
    if network is None and (convention or changes):
        raise ValueError(
            f"A convention or changes need a network. Received: convention={convention!r}, changes={changes!r}"
        )
    model = build_model(
        found.network if network is None else network_for(checkpoint, network, convention, **changes),
        found.num_classes if num_classes is None else num_classes,
        width=found.width,
        input_shape=(None, None, None, found.channels),
        dropout=dropout,
    )
    load_checkpoint(model, checkpoint, allow)
    return model


def network_for(checkpoint: Checkpoint, network: str | Network, convention: str | None = None, **changes) -> Network:
    """The network to inflate a checkpoint to; its arguments are those of `load_pretrained`."""
    keep: dict = {}
    if isinstance(network, str):
        own_habits = departures(checkpoint.recognised.network, checkpoint.convention) if convention is None else {}
        keep = dict(convention=convention or checkpoint.convention) | own_habits
    elif convention is not None:
        raise ValueError(f"A whole network has its own convention. Received: convention={convention!r}")
    return as_network(network, **{**keep, **changes})


def load_into(model: keras.Model, path: str | Path, allow: Sequence[str] = ()) -> Report:
    """Loads a checkpoint into a model that is built already, inflated where their kinds differ.

    Args:
        model: from `build_model`.
        path, allow: as for `load_pretrained`.

    Raises:
        ValueError: as `load_pretrained`, or weights of the other modality; the model is then as it was.
    """
    return load_checkpoint(model, read_checkpoint(path), allow)


def load_checkpoint(model: keras.Model, checkpoint: Checkpoint, allow: Sequence[str] = ()) -> Report:
    """As `load_into`, of a checkpoint that is read already; sets `model.preprocessing` and `model.report`."""
    if (config := getattr(model, "s3d_config", None)) is None:
        raise ValueError(f"Weights are loaded into a model from build_model. Received: {model!r}")
    preprocessing = dataclasses.replace(checkpoint.preprocessing, labels=None)
    own.check_fits(preprocessing, config["num_classes"], config["input_shape"][-1])
    source, target = checkpoint.recognised.network, as_network(config["name"])
    shapes = {name: tuple(variable.shape) for name, variable in variables(model).items()}
    values, fresh, wrong = checkpoint.values, [], {}
    if kinds_of(target) != kinds_of(source):  # else what lacks is missing
        values, fresh = inflate(checkpoint.values, shapes, source, target)
        wrong = misfits(checkpoint.values, source)
    not_loaded = assign(model, values, fresh=fresh, allow=allow, theirs=checkpoint.theirs, misfits=wrong)
    loaded = {n: checkpoint.theirs[n] for n in values if n in shapes and n not in not_loaded}
    summed = tuple(n for n in loaded if 1 < len(checkpoint.values[n]) != len(values[n]))
    report = Report(checkpoint.source, loaded, tuple(fresh), tuple(not_loaded), checkpoint.ignored, summed)
    if not any(name.startswith("Conv2d_0c_1x1/") for name in not_loaded):  # else another set of classes
        preprocessing = checkpoint.preprocessing
    own.attach(model, preprocessing)
    object.__setattr__(model, "report", report)
    return report


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Reads weights of any known source.

    Raises:
        ValueError: as `load_pretrained`.
    """
    path = str(path)
    if own.is_own(path):
        return from_model(own.load(path))
    try:
        return translate(open_tensors(path))
    except ValueError as error:
        raise error if repr(path) in str(error) else ValueError(f"{error}, in {path!r}") from error


def translate(tensors: Tensors) -> Checkpoint:
    """Somebody's tensors under our names, with the network they belong to.

    Raises:
        ValueError: nobody's that is known, or a tensor that cannot be read.
    """
    source = find_source(SOURCES, tensors.shapes)
    theirs = source.ours(tensors.shapes)
    for ours, name in theirs.items():
        if 0 in tensors.shapes[name]:  # costs a file nothing, and may claim any number of classes
            raise ValueError(f"A variable holds no numbers. Received: {ours} ({name}): {tensors.shapes[name]}")
    shapes = {
        ours: source.arrange(ours, np.broadcast_to(np.float32(0), tensors.shapes[name])).shape
        for ours, name in theirs.items()
    }
    recognised = recognise(shapes, source.convention, source.kinds)
    values = {ours: source.arrange(ours, tensors[name]) for ours, name in theirs.items()}
    return Checkpoint(
        source=source.name,
        values=values,
        theirs=theirs,
        ignored=source.ignored_counts(tensors.shapes),
        recognised=recognised,
        convention=source.convention,
        preprocessing=source.preprocessing(recognised.channels),
    )


def from_model(model: keras.Model) -> Checkpoint:
    """The weights of a built model that has its `preprocessing`."""
    config = model.s3d_config
    values = {name: keras.ops.convert_to_numpy(variable) for name, variable in variables(model).items()}
    net = as_network(config["name"])
    return Checkpoint(
        source="s3d_tf",
        values=values,
        theirs={name: name for name in values},
        ignored={},
        recognised=Recognised(net, config["num_classes"], config["width"], config["input_shape"][-1]),
        convention=convention_of(net),
        preprocessing=model.preprocessing,
    )

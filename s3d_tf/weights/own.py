"""Our own format: a folder with `model.weights.h5` (Keras) and `model.json` (network, preprocessing, labels)."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import tempfile
import warnings

import keras

from s3d_tf.networks import build_model
from s3d_tf.weights.declared import check_declared, num_variables
from s3d_tf.weights.preprocessing import Preprocessing

WEIGHTS, CONFIG = "model.weights.h5", "model.json"
FORMAT = 2


def save(
    model: keras.Model,
    directory: str | pathlib.Path,
    *,
    preprocessing: Preprocessing | None = None,
    overwrite: bool = False,
) -> None:
    """Writes `model` under a temporary name beside `directory`, then renames: a reader sees all of it or nothing.

    Args:
        model: from `build_model` or `load_pretrained` (it knows its arguments by `model.s3d_config`).
        directory: made; its parents too.
        preprocessing: what the weights were trained on, class names included; `model.preprocessing` by default, else
            that of our own networks.
        overwrite: replace what is there, if it is such a folder.

    Raises:
        ValueError: a model built otherwise, labels of another number than the logits, channels of another number than
            the modality's, or `directory` exists.
    """
    config = getattr(model, "s3d_config", None)
    if config is None:
        raise ValueError(f"Only a model from build_model or load_pretrained can be saved. Received: {model!r}")
    preprocessing = preprocessing or getattr(model, "preprocessing", None) or default_preprocessing(model)
    check_fits(preprocessing, config["num_classes"], config["input_shape"][-1])
    target = pathlib.Path(directory)
    if target.is_file():
        raise ValueError(f"A model is saved as a folder, and this is a file. Received: {str(directory)!r}")
    if target.exists() and not (overwrite and is_own(directory)):
        raise ValueError(f"There is something at this place already. Received: {str(directory)!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        model.save_weights(temporary / WEIGHTS)
        record = dict(format=FORMAT, model=config, preprocessing=preprocessing.to_json())
        (temporary / CONFIG).write_text(json.dumps(record, indent=2) + "\n")
        temporary.chmod(0o777 & ~_umask())
        if target.exists():
            _replace(target, temporary)
        else:
            os.rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace(target: pathlib.Path, new: pathlib.Path) -> None:
    """Renames the folder `new` to `target`, which exists and comes back if that fails."""
    aside = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    try:
        os.rename(target, aside / target.name)
        os.rename(new, target)
    except BaseException:
        if (aside / target.name).exists():
            os.rename(aside / target.name, target)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def load(directory: str | pathlib.Path) -> keras.Model:
    """The model that `save` wrote, with `s3d_config` and `preprocessing` set.

    Raises:
        ValueError: no such folder, or damaged contents.
    """
    if not is_own(directory):
        raise ValueError(f"There is no {CONFIG} with {WEIGHTS} in this folder. Received: {str(directory)!r}")
    folder = own_folder(directory)
    errors = (ValueError, LookupError, TypeError, ArithmeticError, AttributeError, OSError, RuntimeError)
    try:
        record = json.loads((folder / CONFIG).read_text())
        found = int(record["format"])
        if found == FORMAT:
            model, preprocessing = _read(record, folder)
    except (UserWarning, *errors) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"The saved model is damaged ({reason}). Received: {str(directory)!r}") from error
    if found != FORMAT:
        raise ValueError(
            f"The model was saved in format {found}, and this version reads format {FORMAT}; convert it again from its "
            f"source. Received: {str(directory)!r}"
        )
    attach(model, preprocessing)
    return model


def _read(record: dict, folder: pathlib.Path) -> tuple[keras.Model, Preprocessing]:
    """Returns the model and the preprocessing of a folder of this format."""
    check_declared(record["model"], folder / WEIGHTS)
    model = build_model(**record["model"])
    preprocessing = Preprocessing.from_json(record["preprocessing"])
    check_fits(preprocessing, model.s3d_config["num_classes"], model.s3d_config["input_shape"][-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # Keras only warns of variables that it leaves fresh
        model.load_weights(folder / WEIGHTS)
    held = num_variables(folder / WEIGHTS)
    if held != len(model.weights):  # Keras passes over what it does not ask for
        raise ValueError(f"{held} variables, of which the network it names has {len(model.weights)}")
    return model, preprocessing


def is_own(path: str | pathlib.Path) -> bool:
    """Whether `path` is a folder that `save` wrote, or one of the two files in it."""
    folder = own_folder(path)
    return (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()


def own_folder(path: str | pathlib.Path) -> pathlib.Path:
    """The folder meant by its own path or by that of one of its files."""
    file = pathlib.Path(path)
    return file.parent if file.name in (CONFIG, WEIGHTS) else file


def attach(model: keras.Model, preprocessing: Preprocessing) -> None:
    """Sets `model.preprocessing`; as an attribute it does not survive `keras.Model.save`, but does survive `save`."""
    object.__setattr__(model, "preprocessing", preprocessing)


def default_preprocessing(model: keras.Model) -> Preprocessing:
    """That of our own networks: pixels to [-1, 1], 256x256, crop 224."""
    return Preprocessing(modality="flow" if model.input_shape[-1] == 2 else "rgb")


def check_fits(preprocessing: Preprocessing, num_classes: int, channels: int) -> None:
    """Raises a ValueError unless there are as many labels as logits and as many channels as the modality has."""
    if preprocessing.labels is not None and len(preprocessing.labels) != num_classes:
        raise ValueError(f"{num_classes} classes need as many labels. Received: {len(preprocessing.labels)}")
    if preprocessing.channels != channels:
        raise ValueError(f"{preprocessing.modality} has {preprocessing.channels} channels. Received: {channels}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

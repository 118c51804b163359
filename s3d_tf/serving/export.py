"""Networks with their preprocessing and labels -> a SavedModel in a TF Serving version folder."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import socket
from pathlib import Path
from types import ModuleType

import tensorflow as tf

from ..files import write_json, write_text
from . import companions
from .classifier import Classifier
from .detector_graph import DetectorGraph

METADATA = "assets.extra/s3d_tf.json"
LABELS = "assets.extra/labels.txt"


def export(classifier: Classifier | DetectorGraph, directory: Path, beside: ModuleType = companions) -> Path:
    """Writes the next version of a model, under a temporary name that is then renamed, and the files beside it.

    Args:
        classifier: what is exported; it may be a detector's graph.
        directory: the folder that TF Serving watches; versions are its folders 1, 2, ... Its name is the model's.
        beside: writes the files beside it: `companions`, or of a detector `detector_companions`.

    Returns:
        The version's folder.

    Raises:
        ValueError: a folder whose name cannot be a model's, or with a README.md of somebody else.
        OSError: the folder cannot be written.
    """
    directory = Path(os.path.abspath(directory))
    beside.check_folder(directory)
    directory.mkdir(parents=True, exist_ok=True)
    ours = f".s3d_tf-export-{socket.gethostname()}-"
    for left in directory.glob(f"{glob.escape(ours)}*"):  # of an export of this machine that was killed
        if not _runs(left.name.removeprefix(ours)):
            shutil.rmtree(left, ignore_errors=True)
    temporary = directory / f"{ours}{os.getpid()}"
    try:
        tf.saved_model.save(tf.Module(), str(temporary), signatures=classifier.signatures())
        (temporary / METADATA).parent.mkdir(exist_ok=True)
        write_json(temporary / METADATA, classifier.describe())
        write_text(temporary / LABELS, "".join(f"{label}\n" for label in classifier.labels))
        beside.write_warmup(temporary, classifier)
        version = _claim(temporary, directory)
    except tf.errors.OpError as error:
        raise OSError(f"Cannot write into {directory}: {error.message}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    beside.write_beside(directory, classifier)
    return version


def versions(directory: Path) -> list[int]:
    """The versions in a folder that TF Serving would see, rising."""
    return sorted(int(child.name) for child in directory.iterdir() if child.name.isdecimal() and child.is_dir())


def _claim(temporary: Path, directory: Path) -> Path:
    """Gives a whole export the next number that no other one has taken meanwhile."""
    while True:
        version = directory / str(max(versions(directory), default=0) + 1)
        try:
            os.rename(temporary, version)
            return version
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def _runs(process: str) -> bool:
    return process.isdecimal() and Path(f"/proc/{process}").exists()

"""The embedded sets that the mini experiments share: drawn and prepared once."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

from s3d_tf.data import listing, prepare, synthetic, synthetic_detection
from s3d_tf.data.datasets import list_dataset
from s3d_tf.data.locks import hold
from s3d_tf.data.records import FLOW_STREAM, STREAMS

LOOKS = ("blocks", "grains", "stripes", "triangles")  # small networks tell these four apart in a minute
SETS = {
    "motion": synthetic.SyntheticSet(classes=synthetic.DRIFTS, num_val=200),
    "eight_motions": synthetic.SyntheticSet(),  # hard enough that networks differ
    "appearance": synthetic.SyntheticSet(flavour="appearance", classes=LOOKS, num_val=400),
    "motion_flow": synthetic.SyntheticSet(num_train=200, num_val=160),  # TV-L1 takes half a second a video
    **{
        f"turns_{seed}": synthetic.SyntheticSet(classes=synthetic.MOTIONS[4:], num_train=96, num_val=200, seed=seed)
        for seed in (1, 2, 3)
    },
    "actors": synthetic_detection.DetectionSet(num_train=120, num_val=30),  # TV-L1 takes two seconds a video
}
SETTINGS = prepare.Settings(size=(40, 40))
WITH_FLOW = ("motion_flow", "actors", "kinetics", "ucf101_24", "jhmdb_1", "jhmdb_2", "jhmdb_3")  # the last are fixtures


def prepared(spec: synthetic.SyntheticSet | synthetic_detection.DetectionSet, name: str, folder: Path) -> Path:
    """Draws and prepares a set; what is there already stays.

    Returns:
        The folder of its records, `folder/name`.

    Raises:
        ValueError: the folder holds another set.
    """
    records, videos = folder / name, folder / f"{name}_videos"
    with alone(folder, name):
        with_boxes = isinstance(spec, synthetic_detection.DetectionSet)
        (synthetic_detection if with_boxes else synthetic).write_set(spec, videos)
        if not (records / prepare.MANIFEST).exists():
            settings = settings_of(name, (spec.rows, spec.columns) if with_boxes else SETTINGS.size)
            workers = os.cpu_count() if FLOW_STREAM in settings.streams else 1
            listed = list_dataset("annotated", videos) if with_boxes else _of_folder(videos)
            prepare.prepare(listed, records, settings, workers)
    return records


def settings_of(name: str, size: tuple[int, int] = SETTINGS.size) -> prepare.Settings:
    """What a set or fixture is prepared by; `size` is rows and columns of its frames."""
    streams = tuple(STREAMS) if name in WITH_FLOW else SETTINGS.streams
    return dataclasses.replace(SETTINGS, size=size, streams=streams)


def _of_folder(videos: Path) -> listing.Listing:
    items = listing.list_folder(videos)
    return listing.Listing(items, listing.class_names(items))


@contextlib.contextmanager
def alone(folder: Path, name: str):
    """Holds a set of the folder, so that two experiments that start together draw it once."""
    folder.mkdir(parents=True, exist_ok=True)
    with hold(folder / f"{name}.lock", 0, 1, wait=True):
        yield

"""The table of data sets: one row each. See docs/datasets.md for what to put where."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from .layouts import annotated, folders, hmdb51, jhmdb, kinetics, something, tfds, ucf24, ucf101
from .layouts.source import Source
from .listing import Listing


class DataSet(NamedTuple):
    """One row.

    Attributes:
        read: `layouts.source.Source` -> `Listing`.
        may_flip: whether a mirrored clip keeps its class.
        eval_frames: evaluation sees all frames, looped up to this many (section 5 of the paper).
        num_splits: official ones.
        label_map: whether another order of the classes may be asked for.
        make_split: whether the clips may be chosen by the paper's rule.
    """

    read: Callable[[Source], Listing]
    may_flip: bool = True
    eval_frames: int = 250
    num_splits: int = 1
    label_map: bool = False
    make_split: bool = False


DATASETS = {
    "videos": DataSet(folders.read, label_map=True),
    "kinetics400": DataSet(kinetics.read, label_map=True),
    "kinetics600": DataSet(kinetics.read, label_map=True),
    "kinetics700": DataSet(kinetics.read, label_map=True),
    "mini_kinetics200": DataSet(kinetics.read_mini, label_map=True, make_split=True),
    "something_v1": DataSet(something.read_v1, may_flip=False, eval_frames=64),
    "something_v2": DataSet(something.read_v2, may_flip=False, eval_frames=64),
    "ucf101": DataSet(ucf101.read, num_splits=3),
    "hmdb51": DataSet(hmdb51.read, num_splits=3),
    "jhmdb": DataSet(jhmdb.read, num_splits=3),
    "ucf101_24": DataSet(ucf24.read),
    "annotated": DataSet(annotated.read),
    "tfds": DataSet(tfds.read),
}


def list_dataset(
    name: str,
    source: Path,
    annotations: Path | None = None,
    split_number: int = 1,
    make_split: bool = False,
    label_map: Path | None = None,
    seed: int = 0,
) -> Listing:
    """What a data set holds, whether its files are there or not.

    Args:
        name: a row of `DATASETS`.
        source: where its videos lie.
        annotations: where its lists lie; None for the same place.
        split_number: which of the official splits, from 1.
        make_split: choose the clips by the paper's rule (Mini-Kinetics) instead of by a list.
        label_map: file whose line n names class n; None for the official order.
        seed: of what is chosen.

    Raises:
        ValueError: an unknown name, an option that the set does not have, or lists that are missing or make no sense.
    """
    if name not in DATASETS:
        raise ValueError(f"dataset must be one of {', '.join(DATASETS)}. Received: {name!r}")
    row = DATASETS[name]
    if not 1 <= split_number <= row.num_splits:
        raise ValueError(f"split_number of {name} must be in [1, {row.num_splits}]. Received: {split_number}")
    if make_split and not row.make_split:
        raise ValueError(f"Only mini_kinetics200 has a rule to make its split. Received: make_split of {name}")
    if label_map is not None and not row.label_map:
        raise ValueError(f"{name} has class ids of its own and takes no label map. Received: {label_map}")
    if annotations is not None and not annotations.is_dir():
        raise ValueError(f"There is no such folder of annotations. Received: {annotations}")
    listing = row.read(Source(source, annotations or source, split_number, make_split, label_map, seed))
    may_flip = row.may_flip and listing.may_flip
    return dataclasses.replace(listing, dataset=name, may_flip=may_flip, eval_frames=row.eval_frames)

"""A data set that TensorFlow Datasets has prepared: any with the features `video` and `label`.

An item's path is `tfds:<builder dir>#<split>#<index>`; `open_tfds` gives the frames as they are stored, still encoded.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ..frame_folders import decode_image
from ..frames import Grabbed, MissingVideoError, Reader, VideoError
from ..listing import Item, Listing
from .source import Remarks, Source

PREFIX = "tfds:"
FPS = 25.0
"""TFDS does not keep the frame rate of a video."""

_INFO = "dataset_info.json"
_SPLITS = {"train": "train", "validation": "val", "val": "val", "valid": "val", "test": "test"}


class EncodedVideo(NamedTuple):
    """What `open_tfds` gives."""

    frames: list[bytes]  # a JPEG or PNG each
    fps: float


def read(source: Source) -> Listing:
    """All examples of the splits named train, validation (or val, valid) and test; class ids are the feature's."""
    folder = source.videos.absolute()  # workers may be anywhere
    builder = _builder(str(folder))
    label = builder.info.features["label"]
    classes = list(getattr(label, "names", None) or ())
    if not classes:
        raise ValueError(f"The feature label must be a ClassLabel with names. Received: {label!r:.100}")
    remarks = Remarks()
    items = []
    for name, info in builder.info.splits.items():
        if name not in _SPLITS:
            remarks.add("splits other than train, validation and test, left out", name)
            continue
        for index, label_id in enumerate(_labels(builder, name, info.num_examples)):
            media_id = f"{builder.info.name}/{name}/{index:06d}"
            if 0 <= label_id < len(classes):
                path = f"{PREFIX}{folder}#{name}#{index}"
                items.append(Item(path, classes[label_id], _SPLITS[name], media_id))
            else:
                remarks.add("examples without a label, left out", media_id)
    if not items:
        raise ValueError(f"The TFDS builder has no labelled example of train, validation or test: {source.videos}")
    return Listing(items, classes, remarks=remarks.lines())


def open_tfds(path: str) -> EncodedVideo:
    """The frames of one example, not decoded.

    Args:
        path: `tfds:<builder dir>#<split>#<index>`.

    Raises:
        ValueError: no such path, builder, split or example, a damaged file, or frames that are not stored one by one.
    """
    folder, split, index = parse_path(path)
    builder = _builder(folder)
    if split not in builder.info.splits or index >= builder.info.splits[split].num_examples:
        raise ValueError(f"The TFDS builder has no such example. Received: {path}")
    try:
        dataset = _dataset(builder, f"{split}[{index}:{index + 1}]", skip_label=True)
        frames = next(iter(dataset))["video"].numpy()
    except (tf.errors.OpError, StopIteration, AssertionError, OSError) as error:  # TFDS asserts that its folder exists
        raise ValueError(f"TFDS cannot read this example: {error!s:.200}. Received: {path}") from None
    if frames.dtype != object or frames.ndim != 1:
        raise ValueError(f"The feature video must hold one encoded image a frame. Received: {path}")
    return EncodedVideo(frames.tolist(), FPS)


def open_reader(path: str) -> Reader:
    """One example as a video, for preparation.

    Raises:
        MissingVideoError: the builder's folder cannot be reached.
        VideoError: it cannot be read; see `open_tfds`.
    """
    try:
        encoded = open_tfds(path)
    except ValueError as error:
        if not is_within_reach(path):
            raise MissingVideoError(str(error)) from None
        raise VideoError(str(error)) from None
    damaged: list[str] = []

    def grab() -> Iterator[Grabbed]:
        for index, content in enumerate(encoded.frames):

            def retrieve(index: int = index, content: bytes = content) -> np.ndarray | None:
                try:
                    return decode_image(content)
                except VideoError:
                    damaged.append(f"frame {index}")
                    return None

            yield Grabbed(round(index * 1e6 / encoded.fps), retrieve)

    return Reader(encoded.fps, len(encoded.frames), grab(), damaged)


def is_within_reach(path: str) -> bool:
    """Whether the builder's folder is there: a disk that went away is no damage of an example."""
    try:
        return (Path(parse_path(path)[0]) / _INFO).is_file()
    except ValueError:  # none of our paths
        return False


def parse_path(path: str) -> tuple[str, str, int]:
    """Builder dir, split and index of an item's path."""
    folder, _, rest = path.removeprefix(PREFIX).rpartition("#")
    folder, _, split = folder.rpartition("#")
    if not path.startswith(PREFIX) or not folder or not split or not rest.isdecimal():
        raise ValueError(f"A path into TFDS is {PREFIX}<builder dir>#<split>#<index>. Received: {path}")
    return folder, split, int(rest)


@functools.lru_cache(maxsize=4)
def _builder(folder: str) -> Any:
    import tensorflow_datasets as tfds  # slow to import

    if not (Path(folder) / _INFO).is_file():
        raise ValueError(f"A TFDS source is the folder of a version, which has a {_INFO}. Received: {folder}")
    try:
        builder = tfds.builder_from_directory(folder)
        features = builder.info.features
        missing = [name for name in ("video", "label") if name not in features]
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError, OSError, ImportError) as error:
        raise ValueError(f"TFDS cannot read this folder: {error!s:.200}. Received: {folder}") from None
    if missing:
        raise ValueError(f"The TFDS set needs the features video and label, not {[*features]}. Received: {folder}")
    return builder


def _labels(builder: Any, split: str, count: int) -> list[int]:
    """The label ids in the order in which slices `split[i:i + 1]` count."""
    examples = _dataset(builder, split, skip_label=False)
    bar = tqdm(examples, total=count, desc=f"labels of {split}", unit="video", leave=False)
    return [int(np.asarray(example["label"])) for example in bar]


def _dataset(builder: Any, split: str, skip_label: bool) -> Any:
    import tensorflow_datasets as tfds

    if skip_label:
        decoders = tfds.decode.PartialDecoding({"video": True}, decoders={"video": tfds.decode.SkipDecoding()})
    else:
        decoders = tfds.decode.PartialDecoding({"label": True})
    order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)  # shard after shard, as slices count
    return builder.as_dataset(split=split, decoders=decoders, read_config=order, shuffle_files=False)

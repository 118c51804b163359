"""One split of a prepared data set: what is in it, and where each record lies."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..files import read_json
from .manifest import MANIFEST, classes_of


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """One split of a prepared data set.

    Attributes:
        files: its shards.
        media_ids: of its N records, in the order in which they lie in the shards.
        file: [N] int64, index of each record's shard.
        offset: [N] int64, bytes from the shard's start to the record.
        num_frames: [N] int64, frames of each record.
        classes: name of each label.
        empty_classes: those that no record is of, or of sets with boxes no box.
        frame_size: rows and columns of the stored frames, pixels; or one number, of their shorter side.
        streams: what the records hold, "rgb" or "flow" or both.
        dataset: name of the data set.
        may_flip: whether a mirrored clip keeps its class.
        eval_frames: evaluation sees all frames, looped up to this many.
        fps: frames per second that all videos were resampled to; 0 for the frames as they were.
    """

    files: tuple[str, ...]
    media_ids: tuple[str, ...]
    file: np.ndarray
    offset: np.ndarray
    num_frames: np.ndarray
    classes: tuple[str, ...]
    empty_classes: tuple[str, ...]
    frame_size: tuple[int, int] | int
    streams: tuple[str, ...]
    dataset: str
    may_flip: bool
    eval_frames: int
    fps: float

    @property
    def num_videos(self) -> int:
        """Records in it."""
        return len(self.media_ids)

    @property
    def shortest(self) -> int:
        """Frames of the shortest video."""
        return int(self.num_frames.min())

    @property
    def longest(self) -> int:
        """Frames of the longest video."""
        return int(self.num_frames.max())

    def load(self, index: tf.Tensor) -> tf.Tensor:
        """The serialized record number `index` (`[]` int64), read on its own, checksum and all.

        Raises:
            tf.errors.OpError: it is damaged, or its shard is not there.
        """
        found = tf.raw_ops.TFRecordDatasetV2(
            filenames=tf.gather(tf.constant(self.files), tf.gather(self.file, [index])),
            compression_type="",
            buffer_size=1 << 18,  # bytes at a time
            byte_offsets=tf.gather(self.offset, [index]),
        )
        dataset = tf.data.experimental.from_variant(found, tf.TensorSpec([], tf.string))
        return dataset.take(1).get_single_element()

    def check_readable(self, indices: Iterable[int]) -> None:
        """Whether the shards of these records can be opened: a disk that went away is no damage of a record.

        Raises:
            OSError: one cannot.
        """
        for number in sorted({int(self.file[index]) for index in indices}):
            try:
                open(self.files[number], "rb").close()
            except OSError as error:
                raise OSError(f"The shard cannot be read: {error.strerror}. Received: {self.files[number]}") from None


def open_split(data_dir: str | Path, split: str) -> Split:
    """Reads what preparation wrote beside the shards.

    Raises:
        ValueError: no prepared data set, no such split, no videos in it, or a shard that is not as it was written.
    """
    path = Path(data_dir) / MANIFEST
    if not path.exists():
        raise ValueError(f"No prepared data set: {path} is missing; run scripts/prepare_videos.py first.")
    manifest = read_json(path)
    try:
        rows = manifest["splits"]
        if split not in rows:
            raise ValueError(
                f"{data_dir} has no split {split!r}, only {', '.join(rows)}; prepare it, or name another (--split)."
            )
        found = read_split(manifest, Path(data_dir), split)
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"The manifest is not of this version; prepare again. Received: {path}") from None
    for name, size in rows[split]["shards"].items():
        file = Path(data_dir) / name
        if not file.exists() or file.stat().st_size != size:
            raise ValueError(
                f"The shard {file} is missing or is not as long as it was written; delete it and prepare again. "
                f"Received: {file.stat().st_size if file.exists() else 'no file'} instead of {size} bytes"
            )
    if not found.num_videos:
        raise ValueError(f"The split {split!r} of {data_dir} holds no videos.")
    return found


def read_split(manifest: dict[str, Any], folder: Path, name: str) -> Split:
    """The split `name` of a manifest that lies in `folder`; the shards are not looked at."""
    shards = list(manifest["splits"][name]["shards"])
    numbers = {shard: number for number, shard in enumerate(shards)}
    written = [line for line in manifest["videos"] if line["split"] == name and line["status"] == "written"]
    classes = tuple(manifest["classes"])
    present = {label for line in written for label in classes_of(line, classes)}
    written.sort(key=lambda line: (numbers[line["shard"]], line["offset"]))
    settings, dataset = manifest["settings"], manifest["dataset"]
    size = tuple(int(number) for number in settings["resize"].split("x"))
    return Split(
        files=tuple(str(folder / shard) for shard in shards),
        media_ids=tuple(line["path"] for line in written),
        file=np.array([numbers[line["shard"]] for line in written], np.int64),
        offset=np.array([line["offset"] for line in written], np.int64),
        num_frames=np.array([line["frames"] for line in written], np.int64),
        classes=classes,
        empty_classes=tuple(name for name in classes if name not in present),
        frame_size=size if len(size) == 2 else size[0],
        streams=tuple(settings["streams"]),
        dataset=dataset["name"],
        may_flip=dataset["may_flip"],
        eval_frames=dataset["eval_frames"],
        fps=settings["fps"],
    )

"""JHMDB: HMDB51's kind of lists over 21 classes, and of every frame the mask or the joints of its one actor.

    Rename_Images/CLASS/NAME/00001.png     or CLASS/NAME.avi, also below ReCompress_Videos
    puppet_mask/CLASS/NAME/puppet_mask.mat           part_mask [rows, columns, frames], 0 where there is no actor
    joint_positions/CLASS/NAME/joint_positions.mat   pos_img [2, joints, frames], x and y in pixels from 1
    splits/CLASS_test_splitN.txt

A box goes from the first to the last pixel of the actor, both included: as shares, from (first - 1) / size to
last / size where pixels count from 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..listing import Item, Listing
from ..records import Box
from .corners import CLIPPED
from .hmdb51 import read_split
from .index import MISSING, FrameFolders, VideoFiles
from .mat import read_array
from .source import Remarks, Source

ROWS, COLUMNS = 240, 320
FPS = 30.0
"""Of HMDB51, for folders of frames."""

_FRAMES = ("Rename_Images", "Frames", "")
_MASKS, _JOINTS = "puppet_mask", "joint_positions"


def read(source: Source) -> Listing:
    """One of the three splits; class ids are those of the sorted names."""
    remarks = Remarks()
    lines, classes = read_split(source, remarks)
    folders = FrameFolders(source.videos, _FRAMES)
    files: VideoFiles | None = None
    items = []
    for line in tqdm(lines, desc="boxes", unit="video", leave=False):
        path, fps = folders.find(f"{line.label}/{line.stem}"), FPS
        if path is None:
            files = files or VideoFiles(source.videos)
            path, fps = files.find(line.stem, [line.label], remarks), 0.0
        if path is None:
            path = files.expect(line.stem, [line.label], line.ending)
            remarks.add(MISSING, path)
        boxes = _boxes(source, f"{line.label}/{line.stem}", classes.index(line.label), remarks)
        known = dict(fps=fps, boxes=boxes, listed=f"{line.label}/{line.stem}")
        items.append(Item(str(source.videos / path), line.label, line.split, path, **known))
    return Listing(items, classes, remarks=remarks.lines())


def boxes_of_mask(mask: np.ndarray) -> list[tuple[float, float, float, float] | None]:
    """`part_mask` `[rows, columns, frames]` -> ymin, xmin, ymax, xmax of each frame; None where it is empty."""
    boxes = []
    for frame in np.moveaxis(mask != 0, 2, 0):
        rows, columns = np.flatnonzero(frame.any(1)), np.flatnonzero(frame.any(0))
        if not len(rows):
            boxes.append(None)
            continue
        (first, last), (left, right) = rows[[0, -1]].tolist(), columns[[0, -1]].tolist()
        height, width = frame.shape
        boxes.append((first / height, left / width, (last + 1) / height, (right + 1) / width))
    return boxes


def boxes_of_joints(joints: np.ndarray) -> list[tuple[float, float, float, float] | None]:
    """`pos_img` `[2, joints, frames]` -> likewise, of the part inside the 240x320 frame."""
    boxes = []
    for x, y in np.moveaxis(joints.astype(np.float64), 2, 0):
        corners = np.array([(y.min() - 1) / ROWS, (x.min() - 1) / COLUMNS, y.max() / ROWS, x.max() / COLUMNS])
        ymin, xmin, ymax, xmax = np.clip(corners, 0, 1).tolist()
        boxes.append((ymin, xmin, ymax, xmax) if ymin < ymax and xmin < xmax else None)  # None for NaN too
    return boxes


def _boxes(source: Source, name: str, label: int, remarks: Remarks) -> tuple[Box, ...] | None:
    if mask := _first(source, f"{_MASKS}/{name}/{_MASKS}.mat"):
        corners = boxes_of_mask(read_array(mask, "part_mask", 3))
    elif joints := _first(source, f"{_JOINTS}/{name}/{_JOINTS}.mat"):
        array = read_array(joints, "pos_img", 3)
        if array.shape[0] != 2:
            raise ValueError(f"pos_img must be [2, joints, frames]. Received: {joints}, {array.shape}")
        corners = boxes_of_joints(array)
        past = (array < 1) | (array > np.array([COLUMNS, ROWS])[:, None, None])
        for frame in np.flatnonzero(past.any((0, 1))).tolist():
            remarks.add(CLIPPED, f"{name} frame {frame}")
        remarks.add("videos without a mask, whose boxes are those of the joints", name)
    else:
        remarks.add("videos without a mask or joints, and so without boxes", name)
        return None
    for frame, four in enumerate(corners):
        if four is None:
            remarks.add("frames without an actor, and so without a box", f"{name} frame {frame}")
    return tuple(Box(frame, *four, label, 0) for frame, four in enumerate(corners) if four is not None)


def _first(source: Source, name: str) -> Path | None:
    places = dict.fromkeys((source.annotations, source.annotations.parent, source.videos))
    return next((place / name for place in places if (place / name).is_file()), None)

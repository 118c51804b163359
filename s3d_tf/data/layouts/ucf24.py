"""UCF-101-24: the corrected annotations of 24 classes of UCF101 (`pyannot.pkl`), its split 1.

The pickle is `{"CLASS/NAME": {"numf": frames, "label": id, "annotations": [tube, ...]}}`; a tube has a `label`, its
first frame `sf` and its end `ef` (from 0, the end excluded), and `boxes` `[ef - sf, 4]`: x, y, width, height in pixels
of 320x240. The videos are UCF101's, or their frames `CLASS/NAME/00001.jpg`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..listing import Item, Listing
from ..records import Box
from . import numpy_pickle
from .corners import inside
from .index import MISSING, FrameFolders, VideoFiles
from .lists import BadLines, is_file_name, read_lines
from .source import Remarks, Source

WIDTH, HEIGHT = 320, 240
FPS = 25.0
"""Of UCF101, for folders of frames; a tenth of its files say 29.97."""

_FRAMES = ("rgb-images", "rgb_images", "Frames", "frames", "")


def read(source: Source) -> Listing:
    """All annotated videos: those of `testlist01.txt` are test; train is `trainlist01.txt` where it is there, else the
    rest. Class ids are those of the pickle, which are those of the sorted names."""
    remarks = Remarks()
    pickled = source.list_file("pyannot.pkl")
    annotated = numpy_pickle.load(pickled)
    classes = _check(annotated, pickled)
    test = _read_list(source.list_file("testlist01.txt"))
    if source.lists("trainlist01.txt"):
        train = _read_list(source.list_file("trainlist01.txt"))
    else:
        train = sorted({*annotated} - {*test})
    folders = FrameFolders(source.videos, _FRAMES)
    files: VideoFiles | None = None
    items: dict[str, Item] = {}
    for split, names in (("train", train), ("test", test)):
        for name in names:
            if name in items:
                remarks.add("videos listed more than once, of which the first line counts", name)
                continue
            if name not in annotated:
                remarks.add("listed videos without annotations, left out", name)
                continue
            label, _, stem = name.partition("/")
            path, fps = folders.find(name), FPS
            if path is None:
                files = files or VideoFiles(source.videos)
                path, fps = files.find(stem, [label], remarks), 0.0
            if path is None:
                path = files.expect(stem, [label], ".avi")
                remarks.add(MISSING, path)
            boxes = _boxes(annotated[name]["annotations"], name, remarks)
            items[name] = Item(str(source.videos / path), label, split, path, fps=fps, boxes=boxes, listed=name)
    for name in sorted({*annotated} - {*items}):
        remarks.add("annotated videos that no list names, left out", name)
    return Listing(list(items.values()), classes, remarks=remarks.lines())


def _check(annotated: Any, path: Path) -> list[str]:
    """The class names, after every entry was checked."""
    if not isinstance(annotated, dict) or not annotated or not all(isinstance(name, str) for name in annotated):
        raise ValueError(f"{path} must be a dict by CLASS/NAME. Received: {type(annotated).__name__}")
    classes = sorted({name.partition("/")[0] for name in annotated})
    for name, video in annotated.items():
        label, _, stem = name.partition("/")
        if not is_file_name(label) or not is_file_name(stem) or not _is_video(video, classes.index(label)):
            raise ValueError(
                f"Each entry of {path} must be CLASS/NAME with numf, label and annotations of label, sf, ef and boxes "
                f"[ef - sf, 4]. Received: {name!r:.100}"
            )
    return classes


def _is_video(video: Any, label: int) -> bool:
    if not isinstance(video, dict) or not isinstance(video.get("annotations"), list):
        return False
    return isinstance(video.get("numf"), int) and all(
        isinstance(tube, dict)
        and tube.get("label") == label
        and isinstance(tube.get("sf"), int)
        and isinstance(tube.get("ef"), int)
        and isinstance(tube.get("boxes"), np.ndarray)
        and tube["boxes"].dtype.kind in "ui"
        and tube["boxes"].shape == (tube["ef"] - tube["sf"], 4)
        and 0 <= tube["sf"] <= tube["ef"] <= video["numf"]
        for tube in video["annotations"]
    )


def _boxes(tubes: list[dict], name: str, remarks: Remarks) -> tuple[Box, ...]:
    """The boxes of all tubes; `track` is the tube's position."""
    size = np.array([HEIGHT, WIDTH, HEIGHT, WIDTH], np.float64)
    boxes = []
    for track, tube in enumerate(tubes):
        x, y, width, height = tube["boxes"].astype(np.float64).T
        corners = inside(np.stack([y, x, y + height, x + width], 1) / size, name, remarks).tolist()
        boxes += [Box(tube["sf"] + frame, *four, tube["label"], track) for frame, four in enumerate(corners)]
    return tuple(boxes)


def _read_list(path: Path) -> list[str]:
    bad = BadLines(path, "CLASS/NAME")
    names = []
    for number, line in read_lines(path):
        label, _, rest = line.partition("/")
        stem = rest.partition(" ")[0].removesuffix(".avi")
        if is_file_name(label) and is_file_name(stem):
            names.append(f"{label}/{stem}")
        else:
            bad.add(number, line)
    bad.check()
    return names

"""Videos whose actors are told by `annotations.json` beside them: a user's own detection set, and the embedded one.

    {"classes": ["run", "jump"],
     "may_flip": true,
     "videos": {"train/a.avi": {"split": "train",
                                "actors": [{"class": "run", "first_frame": 3,
                                            "boxes": [[0.1, 0.2, 0.5, 0.6], null, [0.1, 0.3, 0.5, 0.7]]}]},
                "train/nobody.avi": {"split": "train", "actors": []}}}

`classes` gives the ids. An actor has a box a frame from `first_frame` (from 0) on, ymin, xmin, ymax, xmax as shares
of the frame's height and width, or null where it is not seen. A video without actors is background. `may_flip` may be
left out, `split` too: preparation then chooses. Paths are relative to the source; video files that are not named are
left out and told.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..listing import SPLITS, VIDEO_ENDINGS, Item, Listing
from ..records import Box
from ..walk import walk
from .corners import inside
from .lists import read_json
from .source import Remarks, Source

ANNOTATIONS = "annotations.json"
MOST = 1 << 53
"""A larger whole number is none of a box."""


def read(source: Source) -> Listing:
    """The annotated videos; the class of a video, which detectors do not look at, is that of its first actor."""
    path = source.list_file(ANNOTATIONS)
    content = read_json(path)
    classes, videos = _check(content, path)
    remarks = Remarks()
    named = {PurePosixPath(name) for name in videos}  # "./a.avi" is a.avi
    if len(named) < len(videos):
        raise ValueError(f"The annotations name a video by two paths, such as ./a.avi and a.avi. Received: {path}")
    items = []
    for name, video in videos.items():
        if wrong := _amiss(name, video, classes):
            raise ValueError(f"{wrong}. Received: {name!r:.100} in {path}")
        boxes = [
            box
            for track, actor in enumerate(video["actors"])
            for box in _boxes(actor, classes.index(actor["class"]), track, name, remarks)
        ]
        if not boxes:
            remarks.add("videos without an actor, which are background", name)
        label = video["actors"][0]["class"] if video["actors"] else classes[0]
        items.append(Item(str(source.videos / name), label, video.get("split", ""), name, boxes=tuple(boxes)))
    if not any(item.boxes for item in items):
        raise ValueError(f"The annotations must have a box at least. Received: {path} with {len(items)} videos")
    for name in walk(source.videos) if source.videos.is_dir() else ():
        if name.lower().endswith(VIDEO_ENDINGS) and PurePosixPath(name) not in named:
            remarks.add("video files that the annotations do not name, left out", name)
    return Listing(items, classes, may_flip=content.get("may_flip", True), remarks=remarks.lines())


def _check(content: Any, path: Path) -> tuple[list[str], dict]:
    try:
        classes, videos = content["classes"], content["videos"]
        named = all(isinstance(name, str) and name.isprintable() and name for name in classes)
        if not (named and isinstance(classes, list) and isinstance(videos, dict) and len({*classes}) == len(classes)):
            raise TypeError
        if not isinstance(content.get("may_flip", True), bool) or not classes:
            raise TypeError
        unknown = sorted({*content} - {"classes", "videos", "may_flip"})
    except (TypeError, KeyError, AttributeError):
        raise ValueError(
            f"{path} must be a JSON object of classes, a list of names, and videos, an object by path. Received: "
            f"{content!r:.200}"
        ) from None
    if unknown:
        raise ValueError(f"{path} has classes, videos and may_flip, and no other field. Received: {unknown[0]!r:.100}")
    return classes, videos


def _amiss(name: str, video: Any, classes: list[str]) -> str:
    """What is wrong with a video's entry; empty if nothing is."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not name.isprintable():
        return "A video's path must lie below the source, and be printable"
    if not isinstance(video, dict) or not isinstance(video.get("actors"), list):
        return "A video must be an object of actors, a list, and split (or none)"
    if unknown := sorted({*video} - {"split", "actors"}):
        return f"A video has a split and actors, and no {unknown[0]!r:.100}"
    if video.get("split", "") not in ("", *SPLITS):
        return f"A split is one of {', '.join(SPLITS)}, not {video['split']!r:.100}"
    return next((wrong for actor in video["actors"] if (wrong := _amiss_of_actor(actor, classes))), "")


def _amiss_of_actor(actor: Any, classes: list[str]) -> str:
    if not isinstance(actor, dict):
        return f"An actor must be an object of class, first_frame and boxes, not {actor!r:.100}"
    if unknown := sorted({*actor} - {"class", "first_frame", "boxes"}):
        return f"An actor has class, first_frame and boxes, and no {unknown[0]!r:.100}"
    if actor.get("class") not in classes:
        return f"An actor's class must be one of {', '.join(classes):.200}, not {actor.get('class')!r:.100}"
    if type(actor.get("first_frame")) is not int or actor["first_frame"] < 0:
        return f"An actor's first_frame must be a whole number from 0 on, not {actor.get('first_frame')!r:.100}"
    boxes = actor.get("boxes")
    if not isinstance(boxes, list):
        return f"An actor's boxes must be a list of four numbers or null for each frame, not {boxes!r:.100}"
    for number, box in enumerate(boxes):
        if box is not None and not _is_four(box):
            return f"An actor's box must be four numbers or null, not {box!r:.100}, its number {number}"
    return ""


def _is_four(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < MOST)


def _boxes(actor: dict, label: int, track: int, name: str, remarks: Remarks) -> list[Box]:
    numbers = [number for number, box in enumerate(actor["boxes"]) if box is not None]
    corners = np.array([actor["boxes"][number] for number in numbers], np.float64).reshape(-1, 4)
    frames = [actor["first_frame"] + number for number in numbers]
    four = inside(corners, name, remarks).tolist()
    return [Box(frame, *some, label, track) for frame, some in zip(frames, four, strict=True)]

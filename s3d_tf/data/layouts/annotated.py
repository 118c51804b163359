"""Videos whose actors are told by `annotations.json` beside them: a user's own detection set, and the embedded one.

    {"classes": ["run", "jump"],
     "may_flip": true,
     "videos": {"train/a.avi": {"split": "train",
                                "actors": [{"class": "run", "first_frame": 3,
                                            "boxes": [[0.1, 0.2, 0.5, 0.6], null, [0.1, 0.3, 0.5, 0.7]]}]},
                "train/nobody.avi": {"split": "train", "actors": []}}}

`classes` gives the ids. An actor has a box a frame from `first_frame` (from 0) on, ymin, xmin, ymax, xmax as shares
of the frame's height and width, or null where it is not seen. A video without actors is background. `may_flip` may be
left out, `split` too: preparation then chooses. Paths are relative to the source.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..listing import SPLITS, Item, Listing
from ..records import Box
from .corners import inside
from .lists import read_json
from .source import Remarks, Source

ANNOTATIONS = "annotations.json"
_RULE = "needs a split (or none) and actors of class, first_frame and boxes of four numbers or null"


def read(source: Source) -> Listing:
    """The annotated videos; the class of a video, which detectors do not look at, is that of its first actor."""
    path = source.list_file(ANNOTATIONS)
    content = read_json(path)
    classes, videos = _check(content, path)
    remarks = Remarks()
    items = []
    for name, video in videos.items():
        if not _is_video(name, video, classes):
            raise ValueError(f"Each video of {path} {_RULE}. Received: {name!r:.100}: {video!r:.200}")
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
    return Listing(items, classes, may_flip=content.get("may_flip", True), remarks=remarks.lines())


def _check(content: Any, path: Path) -> tuple[list[str], dict]:
    try:
        classes, videos = content["classes"], content["videos"]
        named = all(isinstance(name, str) and name.isprintable() and name for name in classes)
        if not (named and isinstance(classes, list) and isinstance(videos, dict) and len({*classes}) == len(classes)):
            raise TypeError
        if not isinstance(content.get("may_flip", True), bool) or not classes:
            raise TypeError
    except (TypeError, KeyError, AttributeError):
        raise ValueError(
            f"{path} must be a JSON object of classes, a list of names, and videos, an object by path. Received: "
            f"{content!r:.200}"
        ) from None
    return classes, videos


def _is_video(name: str, video: Any, classes: list[str]) -> bool:
    path = PurePosixPath(name)
    return (
        not path.is_absolute()
        and ".." not in path.parts
        and name.isprintable()
        and isinstance(video, dict)
        and video.get("split", "") in ("", *SPLITS)
        and isinstance(video.get("actors"), list)
        and all(_is_actor(actor, classes) for actor in video["actors"])
    )


def _is_actor(actor: Any, classes: list[str]) -> bool:
    return (
        isinstance(actor, dict)
        and actor.get("class") in classes
        and type(actor.get("first_frame")) is int
        and actor["first_frame"] >= 0
        and isinstance(actor.get("boxes"), list)
        and all(box is None or _is_four(box) for box in actor["boxes"])
    )


def _is_four(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(type(corner) in (int, float) for corner in box)


def _boxes(actor: dict, label: int, track: int, name: str, remarks: Remarks) -> list[Box]:
    numbers = [number for number, box in enumerate(actor["boxes"]) if box is not None]
    corners = np.array([actor["boxes"][number] for number in numbers], np.float64).reshape(-1, 4)
    frames = [actor["first_frame"] + number for number in numbers]
    four = inside(corners, name, remarks).tolist()
    return [Box(frame, *some, label, track) for frame, some in zip(frames, four, strict=True)]

"""The manifest: what a prepared set holds, and what became of every listed video."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2

from ..files import write_text
from . import flow, records
from .listing import Listing
from .settings import Settings
from .shards import Written

MANIFEST = "manifest.json"
LABEL_MAP = "label_map.txt"

_COUNTS = ("listed", "written", "missing", "unreadable", "declared_frames", "decoded", "frames", "shortest", "longest")


def make_manifest(listing: Listing, settings: Settings, written: Iterable[tuple[str, Written]]) -> dict[str, Any]:
    """The manifest of shards that are all complete.

    Args:
        written: name of each shard and what lies beside it, in plan order.

    Returns:
        A dict with
        `settings` (those of preparation; `size`, what every frame has at least; the versions and the flow method),
        `dataset` (name, may_flip, eval_frames),
        `classes` (the name of each id),
        `splits` (of each: videos listed, written, missing, unreadable; frames declared by the files, decoded, and
        written; the shortest and longest video; sizes in bytes and SHA-256 of its shards; the classes without a written
        video), and
        `videos` (a line each, see `encoding.encode_video`).
    """
    written = list(written)
    splits: dict[str, dict] = {}
    found: dict[str, set[str]] = {}
    videos = []
    for name, shard in written:
        split_name = name.split("-")[0]
        split = splits.setdefault(split_name, dict.fromkeys(_COUNTS, 0) | dict(shards={}, sha256={}))
        split["shards"][name], split["sha256"][name] = shard.num_bytes, shard.sha256
        for video in shard.videos:
            _count(split, video)
            if video["status"] == "written":
                found.setdefault(split_name, set()).update(classes_of(video, listing.classes))
        videos += shard.videos
    for name, split in splits.items():
        split["classes_without_video"] = [label for label in listing.classes if label not in found.get(name, ())]
    return dict(
        settings=describe(settings) | _decoders(shard for _, shard in written),
        dataset=dict(name=listing.dataset, may_flip=listing.may_flip, eval_frames=listing.eval_frames),
        classes=listing.classes,
        splits=splits,
        videos=sorted(videos, key=lambda line: (line["split"], line["path"])),
    )


def describe(settings: Settings) -> dict[str, Any]:
    """The settings as the manifest holds them."""
    size = settings.size if isinstance(settings.size, int) else "x".join(map(str, settings.size))
    described = dataclasses.asdict(settings) | dict(size=list(settings.smallest), resize=str(size))
    described |= dict(streams=list(settings.streams), opencv=cv2.__version__)
    if records.FLOW_STREAM in settings.streams:
        described["flow"] = json.loads(flow.method())
    return described


def write_manifest(manifest: dict[str, Any], output_dir: Path) -> None:
    """Writes the label map and the manifest, one line a video."""
    write_text(output_dir / LABEL_MAP, "".join(f"{name}\n" for name in manifest["classes"]))
    head = json.dumps({key: value for key, value in manifest.items() if key != "videos"}, indent=1)
    lines = ",\n".join(json.dumps(line) for line in manifest["videos"])
    write_text(output_dir / MANIFEST, f'{head[:-2]},\n "videos": [\n{lines}\n ]\n}}\n')


def classes_of(video: dict[str, Any], classes: Sequence[str]) -> set[str]:
    """Of its boxes, which a video without an actor has none of; or where there are no boxes its own class."""
    if "box_labels" in video:
        return {classes[label] for label in video["box_labels"]}
    return {video["label"]}


def _decoders(shards: Iterable[Written]) -> dict[str, str]:
    """The versions of OpenCV that decoded the shards, of which an upgrade midway makes two."""
    versions = sorted({shard.opencv for shard in shards if shard.opencv})
    return dict(opencv=", ".join(versions)) if versions else {}


def _count(split: dict[str, Any], video: dict[str, Any]) -> None:
    split["listed"] += 1
    split[video["status"]] += 1
    split["declared_frames"] += video["declared_frames"]
    split["decoded"] += video["decoded"]
    split["frames"] += video["frames"]
    if video["status"] == "written":
        split["longest"] = max(split["longest"], video["frames"])
        split["shortest"] = min(split["shortest"] or video["frames"], video["frames"])

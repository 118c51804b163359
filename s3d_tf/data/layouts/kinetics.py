"""Kinetics-400, -600 and -700, and Mini-Kinetics-200: the official CSVs beside trimmed or untrimmed files.

A row is `label,youtube_id,time_start,time_end,split[,is_cc]`, a trimmed file `<id>_<start:06d>_<end:06d>.<any ending>`,
an untrimmed one `<id>.<any ending>`.
"""

from __future__ import annotations

import functools
import math
import os
import random
import re
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from ..listing import Item, Listing, read_label_map
from .index import MISSING, VideoFiles
from .lists import BadLines, is_file_name, iter_csv, read_lines
from .source import Remarks, Source

SPLITS = {"train": "train", "val": "val", "validate": "val", "validation": "val", "test": "test"}
COLUMNS = ("youtube_id", "time_start", "time_end", "split")
YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
MINI_CLASSES, MINI_CLIPS = 200, {"train": 400, "val": 25}
"""Section 3 of the paper: the classes with most training clips, and how many clips of each."""


class Clip(NamedTuple):
    """One row of a CSV."""

    label: str
    youtube_id: str
    start: int  # seconds
    end: int  # seconds
    split: str

    @property
    def stem(self) -> str:
        return f"{self.youtube_id}_{self.start:06d}_{self.end:06d}"


def read(source: Source) -> Listing:
    """All labelled clips of the CSVs; class ids are those of the label map given, else of the sorted labels, which is
    the order of the official maps of 400 and 600 classes."""
    remarks = Remarks()
    return _locate(read_clips(source, remarks), source, remarks)


def read_mini(source: Source) -> Listing:
    """The clips of the two official lists of YouTube ids, or of a choice by the paper's rule (`make_split`)."""
    remarks = Remarks()
    clips = read_clips(source, remarks)
    clips = choose_mini(clips, source.seed, remarks) if source.make_split else _join_mini(clips, source, remarks)
    return _locate(clips, source, remarks)


def read_clips(source: Source, remarks: Remarks) -> list[Clip]:
    """The rows of all CSVs of the annotations, each clip once.

    Raises:
        ValueError: no CSV of Kinetics, or rows that make no sense, with their line numbers.
    """
    clips: dict[str, Clip] = {}
    for path in source.lists("*.csv"):
        for clip in _read_csv(path, remarks):
            if clips.setdefault(clip.stem, clip) is not clip:
                remarks.add("clips listed more than once, of which the first row counts", clip.stem)
    if not clips:
        raise ValueError(
            "The CSVs of Kinetics (label,youtube_id,time_start,time_end,split) are needed; name their folder with "
            f"--annotations. Received: {source.annotations}"
        )
    return list(clips.values())


def choose_mini(clips: list[Clip], seed: int, remarks: Remarks) -> list[Clip]:
    """The paper's rule: the 200 classes with most training clips (of equals the first by name), and of each a seeded
    choice of 400 training and 25 validation clips."""
    groups: dict[tuple[str, str], list[Clip]] = {}
    for clip in clips:
        groups.setdefault((clip.split, clip.label), []).append(clip)
    labels = sorted({label for split, label in groups if split == "train"})
    labels.sort(key=lambda label: -len(groups["train", label]))
    if len(labels) < MINI_CLASSES:
        raise ValueError(f"Mini-Kinetics is {MINI_CLASSES} classes of Kinetics. Received: {len(labels)} classes")
    chosen = []
    for label in sorted(labels[:MINI_CLASSES]):
        for split, count in MINI_CLIPS.items():
            group = sorted(groups.get((split, label), []))
            if len(group) < count:
                remarks.add(f"classes with fewer than {count} {split} clips", label)
            chosen += random.Random(f"{seed} {split} {label}").sample(group, min(count, len(group)))
    return chosen


def _join_mini(clips: list[Clip], source: Source, remarks: Remarks) -> list[Clip]:
    by_id: dict[str, list[Clip]] = {}
    for clip in clips:
        by_id.setdefault(clip.youtube_id, []).append(clip)
    chosen: dict[str, Clip] = {}
    for split in MINI_CLIPS:
        path = source.list_file(f"*{split}_ytid_list.txt")
        bad = BadLines(path, "a YouTube id")
        for number, youtube_id in read_lines(path):
            if not YOUTUBE_ID.fullmatch(youtube_id):
                bad.add(number, youtube_id)
            elif youtube_id in chosen:
                remarks.add("ids listed more than once, of which the first counts", youtube_id)
            elif youtube_id not in by_id:
                remarks.add(f"{split} ids that the Kinetics CSV lacks, left out", youtube_id)
            else:
                rows = by_id[youtube_id]
                if len(rows) > 1:
                    remarks.add("ids of several clips, of which one is taken", youtube_id)
                chosen[youtube_id] = min(rows, key=lambda row: row.split != split)._replace(split=split)
        bad.check()
    if not chosen:
        raise ValueError(f"The Kinetics CSV has none of the ids of the lists. Received: {source.annotations}")
    labels = sorted({clip.label for clip in chosen.values()})
    if len(labels) != MINI_CLASSES:
        for label in labels:
            remarks.add(f"classes found, of Mini-Kinetics's {MINI_CLASSES}", label)
    return list(chosen.values())


def _read_csv(path: Path, remarks: Remarks) -> list[Clip]:
    rows = iter_csv(path)
    _, header = next(rows, (0, []))
    if any(column not in header for column in COLUMNS):
        remarks.add("CSVs without the columns of Kinetics, left out", path.name)
        return []
    names = ("label", *COLUMNS)
    columns = [header.index(name) if name in header else None for name in names]
    bad = BadLines(path, "label,youtube_id,time_start,time_end,split with times in whole seconds")
    clips = []
    for number, row in tqdm(rows, desc=path.name, unit="row", leave=False, mininterval=1):
        if len(row) != len(header):
            bad.add(number, ",".join(row))
            continue
        label, youtube_id, start, end, split = ("" if column is None else row[column] for column in columns)
        span = _seconds(start), _seconds(end)
        split = SPLITS.get(split.lower(), "")
        known = YOUTUBE_ID.fullmatch(youtube_id) and split and 0 <= span[0] < span[1]
        if known and not label and (split == "test" or columns[0] is None):
            remarks.add(f"clips without a label in {path.name}, left out", youtube_id)
        elif known and is_file_name(label):
            clips.append(Clip(label, youtube_id, *span, split))
        else:
            bad.add(number, ",".join(row))
    bad.check()
    return clips


def _seconds(text: str) -> int:
    """Whole seconds; -1 for what is no such number."""
    try:
        value = float(text)
    except ValueError:
        return -1
    return int(value) if math.isfinite(value) and value == int(value) and value < 1e6 else -1


def _locate(clips: list[Clip], source: Source, remarks: Remarks) -> Listing:
    """The file of each clip; where there is none, the name it would have."""
    if source.label_map is not None:
        classes = read_label_map(source.label_map)
        clips = _known(clips, classes, remarks)
    else:
        classes = sorted({clip.label for clip in clips})
    files = VideoFiles(source.videos)
    found = [_find(clip, files, remarks) for clip in clips]
    untrimmed = sum(name is not None and span[1] > 0 for name, span in found)
    trimmed = sum(name is not None and span[1] == 0 for name, span in found)
    items = []
    for clip, (name, span) in zip(clips, found, strict=True):
        if name is None:
            span = (clip.start, clip.end) if untrimmed > trimmed else (0, 0)
            stem = clip.youtube_id if untrimmed > trimmed else clip.stem
            name = files.expect(stem, _folders(clip.label, clip.split), ".mp4")
            remarks.add(MISSING, name)
        media_id = f"{name}#{clip.start}-{clip.end}" if span[1] else name
        path = os.path.join(source.videos, name)
        items.append(Item(path, clip.label, clip.split, media_id, *map(float, span), listed=clip.stem))
    return Listing(items, classes, remarks=remarks.lines())


def _find(clip: Clip, files: VideoFiles, remarks: Remarks) -> tuple[str | None, tuple[int, int]]:
    folders = _folders(clip.label, clip.split)
    if name := files.find(clip.stem, folders, remarks):
        return name, (0, 0)
    if name := files.find(clip.youtube_id, folders, remarks):
        return name, (clip.start, clip.end)
    return None, (0, 0)


@functools.cache
def _folders(label: str, split: str) -> tuple[str, ...]:
    """The folders that copies of the set keep a clip in."""
    labels = (label, label.replace(" ", "_"))
    splits = tuple(name for name in SPLITS if SPLITS[name] == split)
    return (*labels, *(f"{name}/{label}" for name in splits for label in labels), *splits, "")


def _known(clips: list[Clip], classes: list[str], remarks: Remarks) -> list[Clip]:
    known = {*classes}
    for clip in clips:
        if clip.label not in known:
            remarks.add("clips of labels that the label map lacks, left out", f"{clip.stem}: {clip.label}")
    clips = [clip for clip in clips if clip.label in known]
    if not clips:
        raise ValueError(f"The label map has none of the labels of the CSV. Received: {', '.join(classes[:5])}")
    return clips

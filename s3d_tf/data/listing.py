"""What is to be prepared: items and class names; here those of a folder of classes or a CSV, see datasets.py."""

from __future__ import annotations

import csv
import dataclasses
import random
import unicodedata
from pathlib import Path
from typing import NamedTuple

from .records import Box
from .walk import walk

SPLITS = ("train", "val", "test")
VIDEO_ENDINGS = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".mpg", ".mpeg", ".m4v", ".flv", ".wmv")


class Item(NamedTuple):
    """One video that is listed, whether it is there or not."""

    path: str  # a video file, or a folder of frames
    label: str
    split: str  # "" when the source does not say
    media_id: str  # the path as the source names it
    start: float = 0.0  # seconds into the file
    end: float = 0.0  # seconds into the file; 0 is the file's own end
    fps: float = 0.0  # of a folder of frames
    boxes: tuple[Box, ...] | None = None  # of a set that has them
    listed: str = ""  # its name in the list that names it, wherever its file lies; the media_id by default


@dataclasses.dataclass(frozen=True)
class Listing:
    """A data set, ready to be prepared.

    Attributes:
        items: with splits.
        classes: the name of each class id.
        dataset: name of the data set.
        may_flip: whether a mirrored clip keeps its class.
        eval_frames: evaluation sees all frames, looped up to this many.
        remarks: what was left out or looked odd while listing, a line each with its count and the first few names.
    """

    items: list[Item]
    classes: list[str]
    dataset: str = "videos"
    may_flip: bool = True
    eval_frames: int = 250
    remarks: list[str] = dataclasses.field(default_factory=list)


def list_folder(root: Path) -> list[Item]:
    """The files of `root/CLASS/...` or `root/SPLIT/CLASS/...`, sorted; every file but hidden ones is listed.

    Raises:
        ValueError: no folder, no class folders, no files, or a class folder without files.
    """
    if not root.is_dir():
        raise ValueError(f"The videos must be a folder of class folders or a CSV file. Received: {root}")
    folders = _folders(root)
    if folders and all(folder.name in SPLITS for folder in folders):
        return [item for folder in folders for item in _list_classes(folder, root, split=folder.name)]
    return _list_classes(root, root, split="")


def list_csv(path: Path, root: Path | None = None) -> list[Item]:
    """The rows `path,label[,split]` of a CSV, a header line allowed; paths are relative to `root` or to the CSV.

    Raises:
        ValueError: a row of another length, an empty label, or an unknown split, with its line number.
    """
    items = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"The CSV cannot be read: {error}. Received: {path}") from None
    if rows and [cell.strip().lower() for cell in rows[0][1][:2]] == ["path", "label"]:
        rows = rows[1:]
    for number, row in rows:
        name, label, split, *more = [cell.strip() for cell in (*row, "", "")]
        if any(more) or not name or not label or split not in ("", *SPLITS):
            raise ValueError(
                f"Line {number} of {path} must be path,label or path,label,split with a split among "
                f"{', '.join(SPLITS)}. Received: {','.join(row)}"
            )
        items.append(Item(str((root or path.parent) / name), label, split, name))
    seen: dict[str, Item] = {}
    for item in items:
        if item.path in seen or not is_line(item.media_id.replace("\t", "")) or not is_line(item.label):
            raise ValueError(
                "A CSV names each video once, by a path and with a label of one line. Received: "
                f"{item.media_id!r} with the label {item.label!r}"
            )
        seen[item.path] = item
    if not items:
        raise ValueError(f"The CSV lists no videos; each line must be path,label[,split]. Received: {path}")
    return items


def is_line(text: str) -> bool:
    """Whether a text has no control character, line separator or half of a letter; what is merely not seen may be."""
    return all(unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") for letter in text)


def assign_splits(items: list[Item], val_fraction: float, seed: int) -> list[Item]:
    """Gives the items without a split one: of each class a seeded `val_fraction` (at least one of two) to "val"."""
    if not 0 <= val_fraction < 1:
        raise ValueError(f"val_fraction must be in [0, 1). Received: {val_fraction}")
    by_class: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        if not item.split:
            by_class.setdefault(item.label, []).append(index)
    splits = [item.split or "train" for item in items]
    for label, indices in sorted(by_class.items()):
        random.Random(f"{seed} {label}").shuffle(indices)
        num_val = round(len(indices) * val_fraction)
        if val_fraction and len(indices) > 1:
            num_val = min(max(num_val, 1), len(indices) - 1)
        for index in indices[:num_val]:
            splits[index] = "val"
    return [item._replace(split=split) for item, split in zip(items, splits, strict=True)]


def class_names(items: list[Item], label_map: Path | None = None) -> list[str]:
    """The class of each id: the sorted labels, or the lines of a label map.

    Raises:
        ValueError: a name of several lines, a single class without a label map, or labels that the map lacks.
    """
    found = sorted({item.label for item in items})
    if bad := [label for label in found if not is_line(label)]:
        raise ValueError(f"A class needs a name of one line, in UTF-8. Received: {bad[0]!r}")
    if label_map is None:
        if len(found) < 2:
            raise ValueError(
                "A classifier needs at least two classes; add a class folder, or pass the label map of the set that "
                f"these videos belong to. Received one class: {found[0]}"
            )
        return found
    names = read_label_map(label_map)
    if unknown := sorted(set(found) - set(names)):
        raise ValueError(
            f"These labels are missing from {label_map}: {', '.join(unknown[:10])} ({len(unknown)} in all)"
        )
    return names


def read_label_map(path: Path) -> list[str]:
    """The lines of a label map: line n (from 0) names class n.

    Raises:
        ValueError: no such file, or a class named twice.
    """
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"The label map cannot be read: {error}") from None
    if len(set(names)) != len(names) or not names:
        raise ValueError(f"A label map names each class once, a line each. Received: {path}")
    return names


def _list_classes(folder: Path, root: Path, split: str) -> list[Item]:
    classes = _folders(folder)
    loose = sorted(f.name for f in folder.iterdir() if f.is_file() and f.suffix.lower() in VIDEO_ENDINGS)
    if classes and loose:
        raise ValueError(f"Videos must lie in class folders, not beside them. Received: {folder / loose[0]}")
    if not classes:
        raise ValueError(
            f"No class folders: put the videos of each class into {folder}/CLASS/, or name a CSV of path,label rows. "
            f"Received: {folder}"
        )
    items = []
    for directory in classes:
        files = [directory / name for name in walk(directory)]
        if not files:
            raise ValueError(f"The class folder {directory} is empty; add its videos or remove the folder.")
        items += [Item(str(f), directory.name, split, f.relative_to(root).as_posix()) for f in files]
    return items


def _folders(folder: Path) -> list[Path]:
    found = sorted(f for f in folder.iterdir() if not f.name.startswith("."))
    if broken := [f for f in found if f.is_symlink() and not f.exists()]:
        raise ValueError(f"A link beside the class folders leads nowhere: mend or remove it. Received: {broken[0]}")
    return [f for f in found if f.is_dir()]

"""Something-something v1 (folders of JPEGs, `id;label` CSVs) and v2 (webm files, JSON lists).

The official test lists have no labels; where the answers that were published later (`*test-answers.csv`, `id;label`)
lie beside them, they are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..listing import Item, Listing
from .index import MISSING, FrameFolders, VideoFiles
from .lists import BadLines, is_file_name, iter_csv, read_json, read_lines
from .source import Remarks, Source

FPS_V1 = 12.0
"""At which the authors extracted the JPEGs of v1."""

_FOLDER_V1, _FOLDER_V2 = "20bn-something-something-v1", "20bn-something-something-v2"
_SPLITS = {"train": "train", "validation": "val"}


def read_v1(source: Source) -> Listing:
    """Class ids are the line numbers of `*labels.csv`."""
    remarks = Remarks()
    classes = [line for _, line in read_lines(source.list_file("*labels.csv"))]
    _check_classes(classes, source)
    listed = {split: _read_csv(source.list_file(f"*{name}.csv")) for name, split in _SPLITS.items()}
    listed |= _test(source, "*test.csv", lambda path: [line for _, line in read_lines(path)], remarks)
    folders = FrameFolders(source.videos, (_FOLDER_V1, ""))

    def locate(video_id: str) -> tuple[str | None, str]:
        return folders.find(video_id), folders.expect(video_id)

    return _items(source, classes, listed, locate, FPS_V1, remarks)


def read_v2(source: Source) -> Listing:
    """Class ids are those of `*labels.json`."""
    remarks = Remarks()
    classes = _read_ids(source.list_file("*labels.json"), source)
    listed = {split: _read_entries(source.list_file(f"*{name}.json")) for name, split in _SPLITS.items()}
    listed |= _test(source, "*test.json", _read_ids_of_test, remarks)
    files = VideoFiles(source.videos)

    def locate(video_id: str) -> tuple[str | None, str]:
        return files.find(video_id, (), remarks), files.expect(video_id, ["", _FOLDER_V2], ".webm")

    return _items(source, classes, listed, locate, 0.0, remarks)


def plain(template: str) -> str:
    """A template as the label list spells it: "Pushing [something]" -> "Pushing something"."""
    return template.replace("[", "").replace("]", "")


def _items(
    source: Source,
    classes: list[str],
    listed: dict[str, list[tuple[str, str]]],
    locate: Callable[[str], tuple[str | None, str]],
    fps: float,
    remarks: Remarks,
) -> Listing:
    known = {*classes}
    items: dict[str, Item] = {}
    for split, pairs in listed.items():
        for video_id, label in pairs:
            if label not in known:
                remarks.add("videos of labels that the label list lacks, left out", f"{video_id}: {label}")
                continue
            if video_id in items:
                remarks.add("videos listed more than once, of which the first line counts", video_id)
                continue
            found, expected = locate(video_id)
            if found is None:
                remarks.add(MISSING, expected)
            name = found or expected
            items[video_id] = Item(str(source.videos / name), label, split, name, fps=fps, listed=video_id)
    if not items:
        raise ValueError(f"The lists name no video of a known label. Received: {source.annotations}")
    return Listing(list(items.values()), classes, remarks=remarks.lines())


def _test(
    source: Source, pattern: str, read_ids: Callable[[Path], list[str]], remarks: Remarks
) -> dict[str, list[tuple[str, str]]]:
    if source.lists("*test-answers.csv"):
        return {"test": _read_csv(source.list_file("*test-answers.csv"))}
    for path in source.lists(pattern):
        for video_id in read_ids(path):
            remarks.add(f"test videos without a label (no test-answers.csv beside {path.name}), left out", video_id)
    return {}


def _read_csv(path: Path) -> list[tuple[str, str]]:
    """Id and label of the lines `id;label`."""
    bad = BadLines(path, "id;label")
    pairs = []
    for number, row in iter_csv(path, delimiter=";", quoted=False):
        if len(row) == 2 and is_file_name(row[0]) and row[1].isprintable() and row[1]:
            pairs.append((row[0], plain(row[1])))
        else:
            bad.add(number, ";".join(row))
    bad.check()
    return pairs


def _read_entries(path: Path) -> list[tuple[str, str]]:
    """Id and label of the entries `{"id", "label", "template", ...}`; the class is the template's."""
    bad = BadLines(path, 'an object with texts "id" and "template"', "Entry")
    pairs = []
    for number, entry in enumerate(_entries(path), 1):
        video_id, template = (entry.get("id"), entry.get("template")) if isinstance(entry, dict) else (None, None)
        if is_file_name(video_id) and isinstance(template, str) and template.isprintable():
            pairs.append((video_id, plain(template)))
        else:
            bad.add(number, entry)
    bad.check()
    return pairs


def _read_ids_of_test(path: Path) -> list[str]:
    bad = BadLines(path, 'an object with a text "id"', "Entry")
    ids = []
    for number, entry in enumerate(_entries(path), 1):
        if isinstance(entry, dict) and is_file_name(entry.get("id")):
            ids.append(entry["id"])
        else:
            bad.add(number, entry)
    bad.check()
    return ids


def _entries(path: Path) -> list[Any]:
    entries = read_json(path)
    if not isinstance(entries, list):
        raise ValueError(f"{path} must be a list of objects, one a video. Received: {type(entries).__name__}")
    return entries


def _read_ids(path: Path, source: Source) -> list[str]:
    """The object `{name: id}` as names by id."""
    ids = read_json(path)
    if not isinstance(ids, dict) or sorted(map(str, ids.values())) != sorted(map(str, range(len(ids)))):
        raise ValueError(f"{path} must be an object of class names with the ids 0, 1, ... Received: {ids!r:.200}")
    classes = sorted((plain(name) for name in ids), key={plain(name): int(ids[name]) for name in ids}.__getitem__)
    _check_classes(classes, source)
    return classes


def _check_classes(classes: list[str], source: Source) -> None:
    if len({*classes}) != len(classes) or not classes or not all(name.isprintable() for name in classes):
        raise ValueError(f"The label list names each class once, a line each. Received: {source.annotations}")

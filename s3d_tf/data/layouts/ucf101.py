"""UCF101: videos in class folders, `classInd.txt` and `trainlist0N.txt` / `testlist0N.txt`.

Known quirks: class numbers from 1, CRLF line ends, and `v_HandStandPushups_*` in a folder `HandstandPushups`, of
which both spellings are looked for.
"""

from __future__ import annotations

from pathlib import Path

from ..listing import Item, Listing
from .index import MISSING, VideoFiles
from .lists import BadLines, is_file_name, read_lines
from .source import Remarks, Source

_SPELLINGS = ("HandStandPushups", "HandstandPushups")


def read(source: Source) -> Listing:
    """The train and the test list of one of the three splits."""
    classes = read_class_numbers(source.list_file("classInd.txt"))
    files = VideoFiles(source.videos)
    remarks = Remarks()
    items: dict[str, Item] = {}
    for split in ("train", "test"):
        path = source.list_file(f"{split}list{source.split_number:02d}.txt")
        for label, stem, ending in _read_list(path, classes):
            name = _find(files, label, stem, remarks)
            if name is None:
                name = files.expect(stem, [label], ending)
                remarks.add(MISSING, name)
            item = Item(str(source.videos / name), label, split, name, listed=stem)
            if items.setdefault(stem, item) is not item:
                remarks.add("videos listed more than once, of which the first line counts", stem)
    return Listing(list(items.values()), classes, remarks=remarks.lines())


def read_class_numbers(path: Path) -> list[str]:
    """The lines `n name` of `classInd.txt`, n from 1, as names by id from 0."""
    names: dict[int, str] = {}
    bad = BadLines(path, "a new number from 1 and a new class name")
    for number, line in read_lines(path):
        index, _, name = line.partition(" ")
        if index.isdecimal() and int(index) not in names and is_file_name(name) and name not in names.values():
            names[int(index)] = name
        else:
            bad.add(number, line)
    bad.check()
    if sorted(names) != list(range(1, len(names) + 1)) or not names:
        raise ValueError(
            f"The classes of {path} must be numbered 1, 2, ... without gaps. Received: {len(names)} classes"
        )
    return [names[index] for index in sorted(names)]


def _read_list(path: Path, classes: list[str]) -> list[tuple[str, str, str]]:
    """Class, stem and ending of each line `CLASS/NAME.avi[ n]`."""
    by_name = {name.lower(): index for index, name in enumerate(classes)}
    bad = BadLines(path, "CLASS/NAME.avi, with the number of the class in a train list")
    videos = []
    for number, line in read_lines(path):
        name, _, class_number = line.partition(" ")
        folder, _, file = name.partition("/")
        index = by_name.get(folder.lower())
        if index is None or not is_file_name(file) or class_number.strip() not in ("", str(index + 1)):
            bad.add(number, line)
        else:
            videos.append((classes[index], Path(file).stem, Path(file).suffix))
    bad.check()
    return videos


def _find(files: VideoFiles, label: str, stem: str, remarks: Remarks) -> str | None:
    first, second = _SPELLINGS
    for spelling in dict.fromkeys((stem, stem.replace(first, second), stem.replace(second, first))):
        if name := files.find(spelling, [label], remarks):
            return name
    return None

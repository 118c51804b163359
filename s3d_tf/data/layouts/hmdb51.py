"""HMDB51: videos in class folders and one list a class and split, `CLASS_test_splitN.txt` of lines `NAME.avi 1 `.

1 is train, 2 test, 0 unused by the split; the lines end in a space. JHMDB's lists have the same form.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..listing import Item, Listing
from .index import MISSING, VideoFiles
from .lists import BadLines, is_file_name, read_lines
from .source import Remarks, Source

_SPLITS = {"0": "", "1": "train", "2": "test"}


class Line(NamedTuple):
    """One video that a list puts into a split."""

    label: str
    stem: str
    ending: str
    split: str


def read(source: Source) -> Listing:
    """The videos of one of the three splits; class ids are those of the sorted names."""
    remarks = Remarks()
    lines, classes = read_split(source, remarks)
    files = VideoFiles(source.videos)
    items = []
    for line in lines:
        name = files.find(line.stem, [line.label], remarks)
        if name is None:
            name = files.expect(line.stem, [line.label], line.ending)
            remarks.add(MISSING, name)
        items.append(Item(str(source.videos / name), line.label, line.split, name, listed=f"{line.label}/{line.stem}"))
    return Listing(items, classes, remarks=remarks.lines())


def read_split(source: Source, remarks: Remarks) -> tuple[list[Line], list[str]]:
    """The lines of all lists of a split, each video once, and the sorted class names."""
    paths = source.lists(f"*_test_split{source.split_number}.txt")
    if not paths:
        raise ValueError(
            f"The lists CLASS_test_split{source.split_number}.txt are needed; name their folder with --annotations. "
            f"Received: {source.annotations}"
        )
    labels = [re.sub(r"_test_split\d+$", "", path.stem) for path in paths]
    lines: dict[tuple[str, str], Line] = {}
    for label, path in zip(labels, paths, strict=True):
        bad = BadLines(path, "NAME.avi and 0, 1 or 2")
        for number, text in read_lines(path):
            name, _, digit = text.rpartition(" ")
            stem, dot, ending = name.strip().rpartition(".")
            if digit not in _SPLITS or not is_file_name(stem) or not ending.isalnum():
                bad.add(number, text)
            elif (label, stem) in lines:
                remarks.add("videos listed more than once, of which the first line counts", stem)
            elif not _SPLITS[digit]:
                remarks.add("videos that the split leaves unused", stem)
            else:
                lines[label, stem] = Line(label, stem, dot + ending, _SPLITS[digit])
        bad.check()
    return list(lines.values()), sorted(labels)

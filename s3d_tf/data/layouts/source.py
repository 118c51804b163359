"""Where a data set lies, and what is said about it while it is listed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

LIST_FOLDERS = (
    *("annotations", "labels", "splits", "splitfiles"),
    *("ucfTrainTestlist", "testTrainMulti_7030_splits", "test_train_splits"),
)
"""Folders in which releases keep their lists."""


@dataclasses.dataclass(frozen=True)
class Source:
    """What a reader is asked for.

    Attributes:
        videos: folder of the videos or of the folders of frames.
        annotations: folder of the official lists; often the same.
        split_number: which of the official splits, from 1.
        make_split: choose clips by the rule of the set's paper instead of reading its list.
        label_map: class ids are its lines; None for the set's own order.
        seed: of what is chosen.
    """

    videos: Path
    annotations: Path
    split_number: int = 1
    make_split: bool = False
    label_map: Path | None = None
    seed: int = 0

    def lists(self, pattern: str) -> list[Path]:
        """The files of the annotations that match a pattern, sorted, from the first folder that has any."""
        for folder in (self.annotations, *(self.annotations / name for name in LIST_FOLDERS)):
            if found := sorted(file for file in folder.glob(pattern) if file.is_file()):
                return found
        return []

    def list_file(self, pattern: str) -> Path:
        """The one file that matches.

        Raises:
            ValueError: none or several.
        """
        found = self.lists(pattern)
        if len(found) != 1:
            what = "several files match" if found else "there is no"
            raise ValueError(
                f"The official lists of this set are needed: {what} {pattern}; name their folder with --annotations. "
                f"Received: {self.annotations}"
            )
        return found[0]


class Remarks:
    """Counts what is left out or odd, and keeps the first few names of each kind."""

    def __init__(self, num_names: int = 3):
        self._num_names = num_names
        self._found: dict[str, tuple[int, list[str]]] = {}

    def add(self, what: str, name: str) -> None:
        count, names = self._found.get(what, (0, []))
        if count < self._num_names:
            names.append(name)
        self._found[what] = (count + 1, names)

    def count(self, what: str) -> int:
        return self._found.get(what, (0, []))[0]

    def lines(self) -> list[str]:
        """`what: count (name, name, ...)`, a line a kind."""
        return [
            f"{what}: {count} ({', '.join(names)}{', ...' if count > len(names) else ''})"
            for what, (count, names) in self._found.items()
        ]

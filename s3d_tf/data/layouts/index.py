"""Which files and folders there are, found by reading each folder once rather than asking for each listed file."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from ..listing import VIDEO_ENDINGS
from ..walk import walk
from .source import Remarks

MISSING = "listed videos that are not there"
SEVERAL = "videos that are there more than once, of which one is taken"


class VideoFiles:
    """The video files below a folder, by stem; hidden ones are left out.

    Raises:
        ValueError: no such folder.
    """

    def __init__(self, root: Path):
        if not root.is_dir():
            raise ValueError(f"There is no such folder of videos. Received: {root}")
        self.root = root
        self._by_stem: dict[str, list[str]] = {}
        self._folders: set[str] = set()
        endings: dict[str, int] = {}
        for name in (name for name in walk(root) if name.lower().endswith(VIDEO_ENDINGS)):
            folder, _, file = name.rpartition("/")
            stem, _, ending = file.rpartition(".")
            self._by_stem.setdefault(stem, []).append(name)
            self._folders.add(folder)
            ending = "." + ending
            endings[ending] = endings.get(ending, 0) + 1
        self._ending = max(endings, key=endings.__getitem__) if endings else ""  # the commonest

    def find(self, stem: str, folders: Collection[str] = (), remarks: Remarks | None = None) -> str | None:
        """Where a video is, relative to the root; of several the one in one of these folders, then the first."""
        found = self._by_stem.get(stem)
        if not found:
            return None
        if len(found) == 1:
            return found[0]
        if remarks is not None:
            remarks.add(SEVERAL, stem)
        return min(
            found, key=lambda name: (not {name.rpartition("/")[0], PurePosixPath(name).parent.name} & {*folders}, name)
        )

    def expect(self, stem: str, folders: Sequence[str], ending: str) -> str:
        """Where a video that is not there would be: in the first of these folders that has videos."""
        folder = next((folder for folder in folders if folder in self._folders), folders[0])
        return "/".join(filter(None, (folder, stem + (self._ending or ending))))


class FrameFolders:
    """Folders of frames, `CLASS/NAME` or `NAME`, inside one of several folders; each parent is read once.

    Raises:
        ValueError: no such folder.
    """

    def __init__(self, root: Path, inside: Sequence[str] = ("",)):
        if not root.is_dir():
            raise ValueError(f"There is no such folder of folders of frames. Received: {root}")
        self.root = root
        self._inside = inside
        self._names: dict[str, set[str]] = {}

    def find(self, name: str) -> str | None:
        """Where a folder is, relative to the root."""
        parent, _, last = name.rpartition("/")
        for base in self._inside:
            folder = "/".join(filter(None, (base, parent)))
            if last in self._children(folder):
                return "/".join(filter(None, (folder, last)))
        return None

    def expect(self, name: str) -> str:
        """Where a folder that is not there would be: in the first place that holds any."""
        base = next((base for base in self._inside if self._children(base)), "")
        return "/".join(filter(None, (base, name)))

    def _children(self, folder: str) -> set[str]:
        if folder not in self._names:
            try:
                with os.scandir(self.root / folder) as entries:
                    self._names[folder] = {entry.name for entry in entries if entry.is_dir()}
            except (FileNotFoundError, NotADirectoryError):
                self._names[folder] = set()
        return self._names[folder]

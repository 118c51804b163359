"""Which files lie below a folder, found by reading each folder once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def walk(root: str | Path) -> list[str]:
    """The files below a folder, relative to it with slashes between, sorted; hidden files and folders are left out.

    Links are followed, each folder is entered once, and a link that leads nowhere counts as a file: it is missing, and
    not nothing.

    Raises:
        OSError: a folder cannot be read.
    """
    names, seen, todo = [], set(), [""]
    while todo:
        folder = todo.pop()
        place = os.stat(os.path.join(root, folder))
        if (place.st_dev, place.st_ino) in seen:
            continue
        seen.add((place.st_dev, place.st_ino))
        with os.scandir(os.path.join(root, folder)) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                name = f"{folder}/{entry.name}" if folder else entry.name
                if _is(entry.is_dir):
                    todo.append(name)
                elif entry.is_symlink() or entry.is_file():  # and no pipe, which would never be read to its end
                    names.append(name)
    return sorted(names)


def _is(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # a link to itself
        return False

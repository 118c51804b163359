"""Reads the limits that a container or a batch system sets on this process: Linux control groups, version 1 and 2."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc/self")
UNLIMITED = 1 << 60  # version 1 states "no limit" as a number close to 2^63


def cpu_quota(proc: Path = PROC) -> float | None:
    """Returns how many cores' worth of time this process may use, such as 1.5; None without a quota."""
    quotas = []
    for folder in _folders("cpu", proc):
        words = _words(folder / "cpu.max") or _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        if len(words) == 2 and words[0].isdecimal():  # not "max", not "-1"
            quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def memory_limit(proc: Path = PROC) -> int | None:
    """Returns the bytes of memory that this process and its group may use together; None without a limit."""
    limits = []
    for folder in _folders("memory", proc):
        words = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        limits += [int(word) for word in words if word.isdecimal() and int(word) < UNLIMITED]
    return min(limits, default=None)


def _folders(controller: str, proc: Path) -> Iterator[Path]:
    """Yields the folders of the process's group of a controller and of the groups that contain it, innermost first."""
    paths = {}
    for line in _lines(proc / "cgroup"):  # number:controllers:path; version 2 has no controllers here
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    for line in _lines(proc / "mountinfo"):  # see proc(5)
        where, _, what = line.partition(" - ")
        root, mount = where.split()[3:5]
        kind, _, options = what.split(maxsplit=2)
        name = "" if kind == "cgroup2" else controller
        if name in paths and (kind == "cgroup2" or (kind == "cgroup" and controller in options.split(","))):
            inside = paths[name].removeprefix("" if root == "/" else root).strip("/")
            folder = Path(mount) / inside
            yield from (folder, *(parent for parent in folder.parents if parent.is_relative_to(mount)))


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _lines(path: Path) -> list[str]:
    """Returns the lines of a file; none where it cannot be read."""
    with contextlib.suppress(OSError):
        return path.read_text().splitlines()
    return []

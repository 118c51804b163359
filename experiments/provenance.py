"""Where and when numbers were made: commit, machine, versions, date; kept beside each part, told with the results."""

from __future__ import annotations

import contextlib
import datetime
import functools
import subprocess
from collections.abc import Iterable
from pathlib import Path

from s3d_tf import machine
from s3d_tf.files import read_json, write_json

FILE = "made.json"  # in a part's folder
ROOT = Path(__file__).resolve().parent.parent
_CODE = ("s3d_tf", "experiments", "setup.py")  # what makes a commit dirty


def keep(folder: Path, seconds: float) -> None:
    """Notes that what the folder holds was made here and now, if that was not noted before.

    Args:
        folder: of a part.
        seconds: that it took, start of its process and evaluation included.
    """
    if not (folder / FILE).exists():
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        write_json(folder / FILE, here() | dict(date=now, seconds=round(seconds, 1)))


def collect(folders: Iterable[Path]) -> list[dict]:
    """A dict for each `commit`, `machine` and `versions` among the folders, `parts`, how many, their `seconds`, and
    the dates of the `first` and the `last`. Folders of which nothing is noted have the commit None."""
    found: dict[str, dict] = {}
    for folder in folders:
        noted = dict(commit=None, machine=None, versions=None, date=None, seconds=0.0)
        with contextlib.suppress(ValueError):  # made before this was noted
            noted = read_json(folder / FILE)
        date, seconds = noted.pop("date"), noted.pop("seconds")
        group = found.setdefault(str(noted), noted | dict(parts=0, seconds=0.0, first=date, last=date))
        group["parts"] += 1
        group["seconds"] = round(group["seconds"] + seconds, 1)
        if date:
            group["first"], group["last"] = min(group["first"], date), max(group["last"], date)
    return list(found.values())


@functools.cache
def here() -> dict:
    """`commit`, `machine` and `versions` of this process."""
    return dict(commit=commit(), machine=machine.describe(), versions=machine.versions())


def commit(root: Path = ROOT) -> str:
    """Of a checkout, with " dirty" behind it where the code differs from it; "" of no checkout.

    Args:
        root: the checkout; a folder inside of one does not count.
    """
    try:
        if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return ""
        name = _git(root, "rev-parse", "--short=12", "HEAD")
        return name + " dirty" * bool(_git(root, "status", "--porcelain", "--", *_CODE))
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        return ""


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()

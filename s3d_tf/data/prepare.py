"""A listing -> TFRecord shards of JPEG frames, a label map and a manifest.

A shard is the unit of work: written under a temporary name, renamed, and skipped when it exists, so that a run can be
killed and started again. Beside each shard lies what became of its videos; the manifest is made from those.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..files import read_json, write_json
from . import locks, runners, shards, video
from .listing import Listing
from .manifest import LABEL_MAP, MANIFEST, make_manifest, write_manifest
from .settings import Settings

__all__ = ["LABEL_MAP", "MANIFEST", "Runner", "Settings", "missing_shards", "outdated_shards", "prepare"]

CLAIM = "settings.json"
"""Beside the shards: the settings and the list of videos that the folder is for."""

Runner = Callable[[list[shards.Shard], Path, Settings, shards.OnVideo], None]


def prepare(
    listing: Listing,
    output_dir: Path,
    settings: Settings,
    workers: int = 1,
    shard_range: tuple[int, int] | None = None,
    runner: Runner | None = None,
) -> dict[str, Any] | None:
    """Writes all shards that are not there yet, then the label map and the manifest.

    Args:
        listing: items with splits, and their classes.
        output_dir: made when missing; what an interrupted run of the same call left there is kept.
        settings: see `Settings`.
        workers: processes; 1 is this one, which a crash of the decoder would end.
        shard_range: only the shards from the first number up to the second, of all in plan order; for jobs on several
            machines that share the folder.
        runner: who writes the shards, see runners.py; by default chosen by `workers`.

    Returns:
        The manifest, see `make_manifest`; None when shards of other jobs are still missing (see `missing_shards`).

    Raises:
        ValueError: the folder holds shards of other videos or settings, another process is writing these shards, or no
            video at all could be read.
        OSError: the folder cannot be written.
    """
    items = [item._replace(path=video.absolute(item.path)) for item in listing.items]  # workers may be anywhere
    listing = dataclasses.replace(listing, items=items)
    if settings.fps and any(item.boxes is not None for item in listing.items):
        raise ValueError(f"Boxes go by the number of the frame: prepare them without --fps. Received: {settings.fps:g}")
    if runner is None:
        several = functools.partial(runners.in_processes, workers=workers)
        runner = runners.in_this_process if workers <= 1 else several
    every = shards.plan(listing.items, listing.classes, settings)
    first, last = _check_range(shard_range, len(every))
    mine = every[first:last]
    with _writable(output_dir), _claimed(output_dir, listing, settings, first, last):
        shards.remove_leftovers(mine, output_dir)
        todo = [shard for shard in mine if not shards.is_done(shard, output_dir)]
        try:
            if todo:
                with _progress(mine, todo) as on_video:
                    runner(todo, output_dir, settings, on_video)
        finally:
            shards.remove_leftovers(todo, output_dir)
        return _finish(every, listing, output_dir, settings)


def missing_shards(listing: Listing, output_dir: Path, settings: Settings) -> list[str]:
    """Names of the shards that are not there."""
    every = shards.plan(listing.items, listing.classes, settings)
    return [shard.name for shard in every if shards.read_written(shard, output_dir) is None]


def outdated_shards(listing: Listing, output_dir: Path, settings: Settings) -> list[str]:
    """Names of the shards that are there and will be written again, since videos that were missing have appeared."""
    every = shards.plan(listing.items, listing.classes, settings)
    there = [shard for shard in every if shards.read_written(shard, output_dir) is not None]
    return [shard.name for shard in there if not shards.is_done(shard, output_dir)]


def _finish(every: list[shards.Shard], listing: Listing, output_dir: Path, settings: Settings) -> dict | None:
    written = [(shard.name, shards.read_written(shard, output_dir)) for shard in every]
    if any(outcomes is None for _, outcomes in written):
        return None
    manifest = make_manifest(listing, settings, written)
    if not any(split["written"] for split in manifest["splits"].values()):
        shards.remove(every, output_dir)  # a corrected list may have the folder
        (output_dir / shards.PARTS / CLAIM).unlink(missing_ok=True)
        first = manifest["videos"][0]
        raise ValueError(
            f"None of the {len(listing.items)} listed videos could be read, for example {first['path']}: "
            f"{first['reason']}."
        )
    write_manifest(manifest, output_dir)
    return manifest


def _check_range(shard_range: tuple[int, int] | None, count: int) -> tuple[int, int]:
    first, last = shard_range or (0, count)
    if not 0 <= first < min(last, count):
        raise ValueError(
            f"shard_range must be FIRST:END with FIRST below END and among the shards, of which there are {count}. "
            f"Received: {first}:{last}"
        )
    return min(first, count), min(last, count)


@contextlib.contextmanager
def _writable(output_dir: Path) -> Iterator[None]:
    """Makes the folder; a full disk or a folder that cannot be written is one sentence."""
    try:
        (output_dir / shards.PARTS).mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.strerror is None:
            raise
        raise OSError(f"The output folder cannot be written: {error.strerror}. Received: {output_dir}") from None


@contextlib.contextmanager
def _claimed(output_dir: Path, listing: Listing, settings: Settings, first: int, last: int) -> Iterator[None]:
    """Holds the folder for these videos and settings, and the shards `first` to `last` for this process."""
    parts = output_dir / shards.PARTS
    with locks.hold(parts / "claim.lock", 0, 1, wait=True):
        _claim(output_dir, listing, settings)
    with locks.hold(parts / "shards.lock", first, last - first) as locked:
        if not locked:
            raise ValueError(
                "Another process is preparing some of these shards: wait for it, or give each job its own "
                f"--shard_range. Received: {output_dir}"
            )
        yield


def _claim(output_dir: Path, listing: Listing, settings: Settings) -> None:
    items = [(item.listed or item.media_id, item.label, item.split, item.boxes) for item in listing.items]
    listed = hashlib.sha256(json.dumps([items, listing.classes]).encode()).hexdigest()  # wherever the files lie
    claim = json.loads(json.dumps({**dataclasses.asdict(settings), "listed": listed}))
    path = output_dir / shards.PARTS / CLAIM
    if path.exists():
        before = read_json(path)
        if differing := [key for key in claim if before.get(key) != claim[key]]:
            names = ["the list of videos" if key == "listed" else key for key in differing]
            raise ValueError(
                f"{output_dir} holds shards that were prepared with other videos or settings (differing: "
                f"{', '.join(names)}); choose another output_dir or delete that one."
            )
    else:
        write_json(path, claim)


@contextlib.contextmanager
def _progress(mine: list[shards.Shard], todo: list[shards.Shard]) -> Iterator[shards.OnVideo]:
    """A bar of videos with the time left, frames a second and failures; a line in half a minute where none looks on."""
    total, left = (sum(len(shard.items) for shard in some) for some in (mine, todo))
    frames = failed = 0
    start = time.monotonic()
    interval = 0.5 if sys.stderr.isatty() else 30
    with tqdm(total=total, initial=total - left, unit="video", desc="preparing", mininterval=interval) as bar:

        def on_video(index: int, outcome: dict[str, Any] | None) -> None:
            nonlocal frames, failed
            if outcome is None:
                return
            frames += outcome["frames"]
            failed += outcome["status"] != "written"
            speed = frames / max(time.monotonic() - start, 1e-3)
            bar.set_postfix_str(f"{speed:.0f} frames/s, {failed} failed", refresh=False)
            bar.update()

        yield on_video

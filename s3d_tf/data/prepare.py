"""Items -> TFRecord shards of JPEG frames, a label map and a manifest.

A shard is the unit of work: written under a temporary name, renamed, and skipped when it exists, so that a run can be
killed and started again. Beside each shard lies what became of its videos; the manifest is made from those.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import multiprocessing
import os
import random
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import tensorflow as tf
from tqdm import tqdm

from ..files import read_json, write_json, write_text
from . import records, video
from .listing import Item, Listing

MANIFEST = "manifest.json"
LABEL_MAP = "label_map.txt"
_PARTS = ".shards"


@dataclasses.dataclass(frozen=True)
class Settings:
    """How videos become records.

    Attributes:
        size: rows and columns of the stored frames, pixels (the paper: 256x256).
        quality: JPEG quality, 1 to 100.
        min_decoded: a file of whose declared frames a smaller share decodes is truncated, and skipped.
        shard_size: videos a shard.
        seed: of the order in which the videos are spread over the shards.
    """

    size: tuple[int, int] = (256, 256)
    quality: int = 95
    min_decoded: float = video.MIN_DECODED
    shard_size: int = 100
    seed: int = 0

    def __post_init__(self):
        if min(self.size) < 16 or max(self.size) > 4096:
            raise ValueError(f"Frames must be 16 to 4096 pixels a side. Received: {self.size[0]}x{self.size[1]}")
        if not (1 <= self.quality <= 100 and 0 < self.min_decoded <= 1 and self.shard_size >= 1):
            raise ValueError(
                "quality must be in [1, 100], min_decoded in (0, 1] and shard_size at least 1. Received: "
                f"{self.quality}, {self.min_decoded}, {self.shard_size}"
            )


class Shard(NamedTuple):
    name: str
    items: list[Item]
    label_ids: dict[str, int]


def prepare(listing: Listing, output_dir: Path, settings: Settings, workers: int = 1) -> dict:
    """Writes all shards that are not there yet, then the label map and the manifest.

    Args:
        listing: items with splits, and their classes.
        output_dir: made when missing; what an interrupted run of the same call left there is kept.
        settings: see `Settings`.
        workers: processes.

    Returns:
        The manifest, see `make_manifest`.

    Raises:
        ValueError: the folder holds shards of other videos or settings, or no video at all could be read.
        OSError: the folder cannot be written.
    """
    items, classes = listing.items, listing.classes
    shards = plan(items, classes, settings)
    parts = output_dir / _PARTS
    parts.mkdir(parents=True, exist_ok=True)
    _claim(output_dir, items, classes, settings)
    for leftover in (*output_dir.glob("*.tmp-*"), *parts.glob("*.tmp-*")):
        leftover.unlink()
    todo = [shard for shard in shards if not _is_done(shard, output_dir)]
    with tqdm(total=len(items), unit="video", desc="preparing") as bar:
        bar.update(len(items) - sum(len(shard.items) for shard in todo))
        _write_all(todo, output_dir, settings, workers, bar)
    manifest = make_manifest(shards, listing, output_dir, settings)
    if not any(split["written"] for split in manifest["splits"].values()):
        first = manifest["videos"][0]
        raise ValueError(
            f"None of the {len(items)} listed videos could be read, for example {first['path']}: {first['reason']}."
        )
    return manifest


def _is_done(shard: Shard, output_dir: Path) -> bool:
    """Whether a shard is there, and none of its files was merely out of reach (a disk that was not mounted)."""
    if not (output_dir / shard.name).exists():
        return False
    return not any(outcome.get("retry") for outcome in read_json(output_dir / _PARTS / f"{shard.name}.json"))


def plan(items: list[Item], classes: list[str], settings: Settings) -> list[Shard]:
    """Spreads the items of each split over shards in a seeded order, so that each shard holds a mix of classes."""
    ids = {label: index for index, label in enumerate(classes)}
    shards = []
    for split in sorted({item.split for item in items}):
        chosen = [item for item in items if item.split == split]
        random.Random(f"{settings.seed} {split}").shuffle(chosen)
        count = -(-len(chosen) // settings.shard_size)
        for index in range(count):
            name = f"{split}-{index:05d}-of-{count:05d}.tfrecord"
            shards.append(Shard(name, chosen[index::count], ids))
    return shards


def write_shard(shard: Shard, output_dir: Path, settings: Settings, on_video: Callable[[], None]) -> None:
    """Decodes, resizes and encodes the shard's videos; writes its outcome, then the shard."""
    cv2.setNumThreads(1)  # one process a core
    outcomes = []
    final = output_dir / shard.name
    temporary = final.with_name(f"{shard.name}.tmp-{os.getpid()}")
    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for item in shard.items:
                outcome, record = encode_video(item, shard.label_ids[item.label], settings)
                if record is not None:
                    writer.write(record)
                outcomes.append(outcome)
                on_video()
        write_json(output_dir / _PARTS / f"{shard.name}.json", outcomes)
        os.replace(temporary, final)
    except tf.errors.OpError as error:
        raise OSError(f"Cannot write {final}: {error.message}") from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def encode_video(item: Item, label_id: int, settings: Settings) -> tuple[dict[str, Any], bytes | None]:
    """One line of the manifest, and the record, or None when the file is unreadable."""
    outcome: dict[str, Any] = dict(path=item.media_id, split=item.split, label=item.label)
    try:
        clip = video.read_video(item.path, settings.size, settings.min_decoded)
    except video.VideoError as error:
        counts = dict(frames=error.frames, declared_frames=error.declared_frames)
        retry = {"retry": True} if isinstance(error, video.MissingVideoError) else {}
        return outcome | dict(status="unreadable", reason=str(error)) | counts | retry, None
    quality = (cv2.IMWRITE_JPEG_QUALITY, settings.quality)
    jpegs = [
        cv2.imencode(".jpg", cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR), quality)[1].tobytes() for frame in clip.frames
    ]
    content = records.Content(
        streams={records.RGB_STREAM: jpegs},
        timestamps=[frame.timestamp for frame in clip.frames],
        size=settings.size,
        fps=clip.fps,
        label=label_id,
        label_text=item.label,
        media_id=item.media_id,
        boxes=item.boxes,
    )
    outcome |= dict(status="written", frames=len(jpegs), declared_frames=clip.declared_frames, fps=round(clip.fps, 3))
    return outcome, records.encode(content)


def make_manifest(shards: list[Shard], listing: Listing, output_dir: Path, settings: Settings) -> dict:
    """Writes the label map and the manifest from what lies beside the shards.

    The manifest is a dict with `settings`, `dataset`, `classes`, `splits` (of each: listed, written, unreadable, shards
    with their sizes in bytes, and the shortest and longest video in frames) and `videos`, one line a listed file.
    """
    splits: dict[str, dict] = {}
    videos = []
    for shard in shards:
        outcomes = read_json(output_dir / _PARTS / f"{shard.name}.json")
        videos += outcomes
        split = splits.setdefault(
            shard.name.split("-")[0], dict(listed=0, written=0, unreadable=0, shortest=0, longest=0, shards={})
        )
        split["shards"][shard.name] = (output_dir / shard.name).stat().st_size
        for outcome in outcomes:
            split["listed"] += 1
            split[outcome["status"]] += 1
            if outcome["status"] == "written":
                split["longest"] = max(split["longest"], outcome["frames"])
                split["shortest"] = min(split["shortest"] or outcome["frames"], outcome["frames"])
    manifest = dict(
        settings=dict(dataclasses.asdict(settings), opencv=cv2.__version__),
        dataset=dict(name=listing.dataset, may_flip=listing.may_flip, eval_frames=listing.eval_frames),
        classes=listing.classes,
        splits=splits,
        videos=sorted(videos, key=lambda line: (line["split"], line["path"])),
    )
    write_text(output_dir / LABEL_MAP, "".join(f"{name}\n" for name in listing.classes))
    head = json.dumps({key: value for key, value in manifest.items() if key != "videos"}, indent=1)
    lines = ",\n".join(json.dumps(line) for line in manifest["videos"])
    write_text(output_dir / MANIFEST, f'{head[:-2]},\n "videos": [\n{lines}\n ]\n}}\n')
    return manifest


def _claim(output_dir: Path, items: list[Item], classes: list[str], settings: Settings) -> None:
    listed = hashlib.sha256(json.dumps([items, classes]).encode()).hexdigest()
    claim = {**dataclasses.asdict(settings), "size": list(settings.size), "listed": listed}
    path = output_dir / _PARTS / "settings.json"
    if path.exists():
        before = read_json(path)
        if differing := [key for key in claim if before.get(key) != claim[key]]:
            raise ValueError(
                f"{output_dir} holds shards that were prepared with other videos or settings (differing: "
                f"{', '.join(differing)}); choose another output_dir or delete that one."
            )
    write_json(path, claim)


def _write_all(shards: list[Shard], output_dir: Path, settings: Settings, workers: int, bar: tqdm) -> None:
    if workers <= 1 or len(shards) <= 1:
        for shard in shards:
            write_shard(shard, output_dir, settings, bar.update)
        return
    try:
        _write_in_processes(shards, output_dir, settings, workers, bar)
    except BrokenProcessPool:
        raise OSError(
            "A worker process was killed, perhaps for want of memory; the same command goes on, with fewer --workers. "
            f"Received: {workers} workers"
        ) from None


def _write_in_processes(shards: list[Shard], output_dir: Path, settings: Settings, workers: int, bar: tqdm) -> None:
    context = multiprocessing.get_context("spawn")  # a forked TensorFlow may hang
    done = context.Value("q", 0)
    with ProcessPoolExecutor(min(workers, len(shards)), context, _start_worker, (done,)) as pool:
        pending = {pool.submit(_work, shard, output_dir, settings) for shard in shards}
        try:
            while pending:
                finished, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                with done.get_lock():
                    count, done.value = done.value, 0
                bar.update(count)
                for future in finished:
                    future.result()
            bar.update(done.value)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_done: Any = None  # this worker's counter of videos, shared with the parent's progress bar


def _start_worker(done: Any) -> None:
    global _done
    _done = done


def _work(shard: Shard, output_dir: Path, settings: Settings) -> None:
    def on_video() -> None:
        with _done.get_lock():
            _done.value += 1

    write_shard(shard, output_dir, settings, on_video)

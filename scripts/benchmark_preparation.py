"""Measures preparation beside what OpenCV alone can do with the same files on the same cores.

    python scripts/benchmark_preparation.py --videos=VIDEOS

The ceiling is a plain loop in each process: decode, resize, encode, forget. PyAV decodes files of which OpenCV yields
no frame (AV1), as in preparation. Ceiling and preparation take turns, so that whatever else the machine does hits both;
the ratio is the median over the rounds. Processes are started before the clock. Flow is not part of it.
"""

import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from s3d_tf import cli, machine
from s3d_tf.data import listing, prepare, runners, video

VIDEOS = flags.DEFINE_string("videos", None, "A folder of class folders.", required=True)
ROUNDS = flags.DEFINE_integer("rounds", 5, "Of ceiling and preparation.", lower_bound=1)
COPIES = flags.DEFINE_integer("copies", 10, "How often each file is taken, so that a round lasts seconds.", 1)
WORKERS = flags.DEFINE_integer("workers", machine.cores(), "Processes.", lower_bound=1)
SECONDS = flags.DEFINE_float("clip_seconds", 10.0, "Length of the videos for which 1000 are extrapolated, at 25 fps.")

SETTINGS = prepare.Settings(shard_size=8)


def main(_):
    found = listing.list_folder(Path(VIDEOS.value))
    if len(found) * COPIES.value < SETTINGS.shard_size * WORKERS.value:
        raise ValueError(f"Too few videos to keep all processes busy; take more copies. Received: {COPIES.value}")
    items = [
        item._replace(split="train", media_id=f"{copy}/{item.media_id}")
        for copy in range(COPIES.value)
        for item in found
    ]
    listed = listing.Listing(items, sorted({item.label for item in items}))
    rows = []
    with multiprocessing.get_context("spawn").Pool(WORKERS.value) as pool:
        pool.map(plain_loop, [items[0].path] * 4 * WORKERS.value, chunksize=1)  # all have started
        for _ in range(ROUNDS.value):
            rows.append(dict(ceiling=measure_ceiling(pool, items), **measure_preparation(listed)))
            print(json.dumps({key: round(value, 1) for key, value in rows[-1].items()}), flush=True)
    print(json.dumps(summarise(rows), indent=1))


def measure_ceiling(pool, items: list[listing.Item]) -> float:
    """Frames a second of plain loops."""
    start = time.monotonic()
    frames = sum(pool.imap_unordered(plain_loop, [item.path for item in items], chunksize=SETTINGS.shard_size))
    return frames / (time.monotonic() - start)


def plain_loop(path: str) -> int:
    """Decodes, resizes and encodes a file; returns the number of its frames."""
    cv2.setNumThreads(1)
    if count := sum(map(encode, opencv_frames(path))):
        return count
    try:
        return sum(encode(frame.rgb) for frame in video.open_video(path).frames())
    except video.VideoError:  # preparation names it
        return 0


def opencv_frames(path: str) -> Iterator[np.ndarray]:
    """Yields frames as OpenCV decodes them; of AV1 none."""
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    while True:
        ok, frame = capture.read()
        if not ok:
            return
        yield frame


def encode(frame: np.ndarray) -> bool:
    """Resizes and encodes a frame; returns whether that succeeded."""
    shrinks = frame.shape[0] > SETTINGS.size[0] and frame.shape[1] > SETTINGS.size[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(frame, SETTINGS.size[::-1], interpolation=method)
    return cv2.imencode(".jpg", resized, (cv2.IMWRITE_JPEG_QUALITY, SETTINGS.quality))[0]


def measure_preparation(listed: listing.Listing) -> dict[str, float]:
    """Frames and videos a second from when all processes decode on to the manifest, and bytes a frame."""
    begun, ended = [], []  # moments; frames of the videos that ended since

    def runner(shards, output_dir, settings, on_video):
        busy = 0

        def noticed(index, outcome):
            nonlocal busy
            busy += 1 if outcome is None else -1
            if begun and outcome is not None:
                ended.append(outcome["frames"])
            elif busy == WORKERS.value:
                begun.append(time.monotonic())
            on_video(index, outcome)

        runners.in_processes(shards, output_dir, settings, noticed, workers=WORKERS.value)

    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        manifest = prepare.prepare(listed, Path(folder), SETTINGS, runner=runner)
        seconds = time.monotonic() - (begun or [start])[0]
    split = manifest["splits"]["train"]
    return dict(
        preparation=sum(ended) / seconds,
        videos=len(ended) / seconds,
        bytes_a_frame=sum(split["shards"].values()) / split["frames"],
        frames_a_video=split["frames"] / split["written"],
    )


def summarise(rows: list[dict[str, float]]) -> dict:
    middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    frames = 1000 * SECONDS.value * 25
    return dict(
        workers=WORKERS.value,
        frames_a_video=round(middle["frames_a_video"], 1),
        videos_a_second=round(middle["videos"], 2),
        frames_a_second=round(middle["preparation"]),
        ceiling_frames_a_second=round(middle["ceiling"]),
        ratio=round(statistics.median(row["preparation"] / row["ceiling"] for row in rows), 3),
        seconds_a_1000_videos=round(frames / middle["preparation"], 1),
        megabytes_a_1000_videos=round(frames * middle["bytes_a_frame"] / 1e6),
        clip_seconds=SECONDS.value,
        opencv=cv2.__version__,
        machine=machine.describe(),
    )


if __name__ == "__main__":
    cli.run(main)

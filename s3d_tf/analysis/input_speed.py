"""How fast clips come: our pipelines, the decoder alone on all cores, and videos read anew for every clip."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from ..data import records, video
from ..data.split import Split

WARM_UP = 4  # batches that come while the pipeline starts, and do not count


def pipeline_run(batches: tf.data.Dataset, num_batches: int) -> tuple[Callable[[], float], Callable[[], int]]:
    """A run for `interleave` that takes `num_batches` of a pipeline, and how many frames the last one saw.

    Each round has an iterator of its own, so that none fills its buffers while another one is timed.
    """
    frames = [0]

    def run() -> float:
        iterator = iter(batches.repeat())
        for _ in range(WARM_UP):
            next(iterator)
        start = time.perf_counter()
        frames[0] = sum(count_frames(next(iterator)) for _ in range(num_batches))
        return time.perf_counter() - start

    return run, lambda: frames[0]


def count_frames(batch: dict[str, tf.Tensor]) -> int:
    """Frames of the clips in a batch that are no padding."""
    return int(np.count_nonzero(batch["weight"])) * batch["clip"].shape[1]


def stored_jpegs(split: Split, count: int) -> list[np.ndarray]:
    """At least `count` frames of a split's records as they are stored, `[bytes]` uint8 each."""
    jpegs: list[np.ndarray] = []
    for index in itertools.cycle(range(split.num_videos)):
        record = records.parse(split.load(tf.constant(index, tf.int64)))
        jpegs += [np.frombuffer(jpeg, np.uint8) for jpeg in record.streams[records.RGB_STREAM].numpy()]
        if len(jpegs) >= count:
            return jpegs[:count]
    raise AssertionError


def decode_run(jpegs: list[np.ndarray], threads: int) -> Callable[[], float]:
    """A run that decodes the JPEGs with OpenCV on all cores, and does nothing else."""

    def some(start: int) -> None:
        for jpeg in jpegs[start::threads]:
            cv2.imdecode(jpeg, cv2.IMREAD_COLOR)

    def run() -> float:
        cv2.setNumThreads(1)
        with ThreadPoolExecutor(threads) as pool:  # OpenCV lets the others run
            start = time.perf_counter()
            list(pool.map(some, range(threads)))
            return time.perf_counter() - start

    return run


class VideoReaders:
    """Worker processes that open a video for every clip, as a plain loader does.

    Args:
        paths: of the videos; clips are taken of them in turn.
        num_frames: of a clip.
        resize: rows and columns, pixels.
        crop: rows and columns of the clip, pixels.
        workers: processes.
    """

    def __init__(self, paths: list[Path], num_frames: int, resize: tuple[int, int], crop: int, workers: int):
        self.arguments = (num_frames, resize, crop)
        self.paths = paths
        self.pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))

    def run(self, num_clips: int) -> Callable[[], float]:
        """A run that reads `num_clips` clips."""

        def run() -> float:
            start = time.perf_counter()
            futures = [
                self.pool.submit(read_clip, self.paths[i % len(self.paths)], i, *self.arguments)
                for i in range(num_clips)
            ]
            for future in futures:
                future.result()
            return time.perf_counter() - start

        return run

    def close(self) -> None:
        """Ends the processes."""
        self.pool.shutdown()


def read_clip(path: Path, seed: int, num_frames: int, resize: tuple[int, int], crop: int) -> tuple[int, ...]:
    """Opens a video, decodes up to a random clip and through it, resizes and crops it; the shape of the clip.

    It is sent nowhere: the copy between processes that a loader also pays is left out.
    """
    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(path))
    available = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    first = int(np.random.default_rng(seed).integers(max(available - num_frames, 0) + 1))
    frames = []
    for index in range(first + num_frames):
        if not capture.grab():
            break
        if index >= first:
            frame = video.resize(capture.retrieve()[1], resize)
            frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)[:crop, :crop])
    capture.release()
    if not frames:  # AV1, which OpenCV does not decode
        reader = video.open_video(path)
        reader.skip(first)
        clip = itertools.islice(reader.frames(), num_frames)
        frames = [video.resize(frame.rgb, resize)[:crop, :crop] for frame in clip]
    return np.stack(frames).shape


def memory(batches: Iterator, steps: int, every: int) -> list[tuple[int, float]]:
    """Takes `steps` batches; (step, resident memory in GiB) at each `every`th."""
    found = []
    for step, _ in enumerate(itertools.islice(batches, steps), 1):
        if step % every == 0 or step == steps:
            found.append((step, resident()))
    return found


def resident() -> float:
    """Memory of this process now, GiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**30


def peak() -> float:
    """The most memory that this process held, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

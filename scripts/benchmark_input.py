"""How fast clips come out of a prepared data set, beside what the JPEG decoder can do on the same machine.

    python scripts/benchmark_input.py --data_dir=RECORDS --videos=VIDEOS
    python scripts/benchmark_input.py --data_dir=RECORDS --memory_steps=2000 --output=input.json

Everything runs in turn, `--repeats` rounds after one that does not count; "of the ceiling" is the median over the
rounds of the ratio to the ceiling in the same round. A minute on two cores, and five more for 2000 steps of memory.

    training     random clips of --num_frames, random crop, batches of --batch_size, as training takes them
    evaluation   all frames of every video, centre crop, a video at a time
    ceiling      OpenCV decodes the same stored JPEGs on all cores, whole, and does nothing else
    videos       OpenCV opens a video (--videos) for every clip, decodes up to it and through it, resizes and crops:
                 what a loader without preparation does
"""

from __future__ import annotations

import json
from pathlib import Path

from absl import flags

from s3d_tf import cli, machine
from s3d_tf.analysis import input_speed, timing
from s3d_tf.data import listing, pipeline
from s3d_tf.data.split import open_split
from s3d_tf.files import write_json

DATA_DIR = flags.DEFINE_string("data_dir", None, "What scripts/prepare_videos.py wrote.", required=True)
SPLIT = flags.DEFINE_string("split", "train", "Which split.")
VIDEOS = flags.DEFINE_string("videos", None, "A folder of the videos themselves, to read them directly, too.")
NUM_FRAMES = flags.DEFINE_integer("num_frames", 64, "Frames of a training clip.", lower_bound=1)
CROP = flags.DEFINE_integer("crop", 224, "Rows and columns of a clip.", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 6, "Clips a batch.", lower_bound=1)
BATCHES = flags.DEFINE_integer("batches", 20, "Training batches a round.", lower_bound=1)
REPEATS = flags.DEFINE_integer("repeats", 5, "Rounds that count.", lower_bound=1)
MEMORY_STEPS = flags.DEFINE_integer("memory_steps", 0, "Then take so many batches and print the memory.", lower_bound=0)
OUTPUT = flags.DEFINE_string("output", None, "Where to write all of it as JSON.")


def main(_):
    split = open_split(DATA_DIR.value, SPLIT.value)
    cores, clips = machine.cores(), BATCHES.value * BATCH_SIZE.value
    batches = pipeline.training_batches(
        split, num_frames=NUM_FRAMES.value, crop=CROP.value, flip=False, batch_size=BATCH_SIZE.value, seed=0
    )
    training, training_frames = input_speed.pipeline_run(batches, BATCHES.value)
    videos = pipeline.evaluation_batches(split, at_least=1, crop=CROP.value, batch_size=1)
    evaluation, evaluation_frames = input_speed.pipeline_run(videos, clips // 3 or 1)
    jpegs = input_speed.stored_jpegs(split, clips * NUM_FRAMES.value)
    runs = dict(training=training, evaluation=evaluation, ceiling=input_speed.decode_run(jpegs, cores))
    frames = dict(training=training_frames, evaluation=evaluation_frames, ceiling=lambda: len(jpegs))
    readers = open_readers(split, cores)
    if readers:
        runs["videos"] = readers.run(clips // 4 or 1)  # slower by far
        frames["videos"] = lambda: (clips // 4 or 1) * NUM_FRAMES.value
    seconds = timing.interleave(runs, REPEATS.value)
    if readers:
        readers.close()
    result = dict(
        split=dict(data_dir=DATA_DIR.value, videos=split.num_videos, frames=int(split.num_frames.sum())),
        clip=[NUM_FRAMES.value, CROP.value, CROP.value],
        frames_per_round={name: count() for name, count in frames.items()},
        seconds=seconds,
    )
    report(seconds, result["frames_per_round"])
    if MEMORY_STEPS.value:
        found = input_speed.memory(iter(batches), MEMORY_STEPS.value, max(MEMORY_STEPS.value // 10, 1))
        result["memory"] = dict(steps=found, peak=input_speed.peak())
        print(f"\nresident memory, batches of {BATCH_SIZE.value}: " + ", ".join(f"{s}: {g:.2f} GiB" for s, g in found))
        print(f"peak of the whole benchmark: {input_speed.peak():.2f} GiB")
    result["machine"] = machine.describe()
    print(machine.one_line(result["machine"]))
    if OUTPUT.value:
        write_json(Path(OUTPUT.value), result)
    else:
        print(json.dumps(result["split"]))


def open_readers(split, cores: int) -> input_speed.VideoReaders | None:
    if not VIDEOS.value:
        return None
    paths = [path for path in sorted(Path(VIDEOS.value).rglob("*")) if path.suffix.lower() in listing.VIDEO_ENDINGS]
    if not paths:
        raise ValueError(f"There are no videos in this folder. Received: {VIDEOS.value}")
    size = split.frame_size
    return input_speed.VideoReaders(paths, NUM_FRAMES.value, size, CROP.value, cores)


def report(seconds: dict[str, list[float]], frames: dict[str, int]) -> None:
    print("| | frames/s | clips/s | of the ceiling |\n|---|---:|---:|---:|")
    for name, values in seconds.items():
        rate = frames[name] / sorted(values)[len(values) // 2]
        share = timing.ratio(seconds, "ceiling", name) * frames[name] / frames["ceiling"]
        clips = f"{rate / NUM_FRAMES.value:.1f}" if name != "evaluation" else ""
        print(f"| {name} | {rate:.0f} | {clips} | {share:.2f} |")


if __name__ == "__main__":
    cli.run(main)

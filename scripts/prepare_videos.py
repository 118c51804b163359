"""Turns videos into TFRecord shards of JPEG frames, a label map and a manifest.

    python scripts/prepare_videos.py --videos=VIDEOS --output_dir=RECORDS

VIDEOS is a folder of class folders (VIDEOS/CLASS/*, or VIDEOS/SPLIT/CLASS/* with the splits train, val, test), or a CSV
file of `path,label[,split]` rows. Where no split is given, one video in five of each class goes to val. A file that is
no readable video is skipped and named in RECORDS/manifest.json with the reason. The same command again goes on where an
interrupted one stopped. Several machines share the work with --shard_range=0:100, --shard_range=100:200, ... or with
--runner=beam. A known data set in its official layout (docs/datasets.md) is

    python scripts/prepare_videos.py --dataset=ucf101 --source=VIDEOS --annotations=LISTS --output_dir=RECORDS
"""

import dataclasses
import functools
import os
import re
import shlex
from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.data import beam, datasets, listing, prepare, runners

VIDEOS = flags.DEFINE_string("videos", None, "A folder of class folders, or a CSV of path,label[,split].")
DATASET = flags.DEFINE_enum("dataset", "videos", list(datasets.DATASETS), "How the source is laid out.")
SOURCE = flags.DEFINE_string("source", None, "Where the videos of --dataset lie.")
ANNOTATIONS = flags.DEFINE_string("annotations", None, "Where its official lists lie, if not in --source.")
SPLIT_NUMBER = flags.DEFINE_integer("split_number", 1, "Which of its official splits.")
MAKE_SPLIT = flags.DEFINE_bool("make_split", False, "Choose Mini-Kinetics by the paper's rule instead of by its lists.")
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the shards go.", required=True)
RESIZE = flags.DEFINE_string(
    "resize", "256x256", "Rows x columns of the stored frames, pixels; or one number for the shorter side."
)
FPS = flags.DEFINE_float("fps", 0.0, "Resample to this frame rate by time stamps; 0 keeps the frames as they are.")
STREAMS = flags.DEFINE_list("streams", ["rgb"], "What is stored of each frame: rgb, flow, or rgb,flow.")
MAX_FRAMES = flags.DEFINE_integer(
    "max_frames", prepare.Settings.max_frames, "Of a longer video only the first frames are stored."
)
QUALITY = flags.DEFINE_integer("quality", 95, "JPEG quality.")
MIN_DECODED = flags.DEFINE_float(
    "min_decoded", prepare.Settings.min_decoded, "Skip a file of whose declared frames a smaller share decodes."
)
SHARD_SIZE = flags.DEFINE_integer("shard_size", 100, "Videos a shard.")
SPLIT = flags.DEFINE_enum("split", None, listing.SPLITS, "Put every video that has no split into this one.")
VAL_FRACTION = flags.DEFINE_float("val_fraction", 0.2, "Share of each class that goes to val where no split is given.")
LABEL_MAP = flags.DEFINE_string("label_map", None, "Take the class ids from this label map instead of sorting labels.")
SEED = flags.DEFINE_integer("seed", 0, "Of the split and of the order of the videos.")
WORKERS = flags.DEFINE_integer("workers", os.cpu_count(), "Processes.", lower_bound=1)
SHARD_RANGE = flags.DEFINE_string("shard_range", None, "Prepare only these shards, FIRST:END, numbered from 0.")
RUNNER = flags.DEFINE_enum("runner", "local", ["local", "beam"], "Who writes the shards.")
BEAM_OPTIONS = flags.DEFINE_string("beam_options", "", "Flags of Apache Beam, such as '--runner=DirectRunner'.")

NAMED = 10  # of each kind of loss; the manifest names all


def main(_):
    settings = prepare.Settings(
        size=parse_size(RESIZE.value),
        quality=QUALITY.value,
        min_decoded=MIN_DECODED.value,
        shard_size=SHARD_SIZE.value,
        seed=SEED.value,
        fps=FPS.value,
        streams=tuple(STREAMS.value),
        max_frames=MAX_FRAMES.value,
    )
    run(list_source(), settings)


def list_source() -> listing.Listing:
    """The items of the flags' data set, with splits; prints what was odd about its lists."""
    if not 0 <= VAL_FRACTION.value < 1:
        raise ValueError(f"val_fraction must be in [0, 1). Received: {VAL_FRACTION.value}")
    if SPLIT.value and flags.FLAGS["val_fraction"].present:
        raise ValueError(
            "split puts every video without one into this split; leave out val_fraction. Received: "
            f"{SPLIT.value}, {VAL_FRACTION.value}"
        )
    optional = {
        name: Path(flag.value) for name, flag in (("annotations", ANNOTATIONS), ("label_map", LABEL_MAP)) if flag.value
    }
    listed = datasets.list_dataset(
        DATASET.value,
        Path(SOURCE.value or VIDEOS.value),
        split_number=SPLIT_NUMBER.value,
        make_split=MAKE_SPLIT.value,
        seed=SEED.value,
        **optional,
    )
    for remark in listed.remarks:
        print(remark)
    if SPLIT.value:
        return dataclasses.replace(
            listed, items=[item._replace(split=item.split or SPLIT.value) for item in listed.items]
        )
    if without := sum(not item.split for item in listed.items):
        print(f"{without} videos have no split: of each class {VAL_FRACTION.value:.0%} go to val (--val_fraction)")
    return dataclasses.replace(listed, items=listing.assign_splits(listed.items, VAL_FRACTION.value, SEED.value))


def run(listed: listing.Listing, settings: prepare.Settings) -> None:
    """Prepares and reports; a job that did its own shards says what other jobs have left to do."""
    output_dir = Path(OUTPUT_DIR.value)
    if RUNNER.value == "beam":
        runner = functools.partial(beam.in_beam, options=shlex.split(BEAM_OPTIONS.value))
    else:
        runner = functools.partial(runners.in_processes, workers=WORKERS.value)
    complete = (output_dir / prepare.MANIFEST).exists() and not prepare.missing_shards(listed, output_dir, settings)
    outdated = prepare.outdated_shards(listed, output_dir, settings) if complete else []
    shard_range = parse_range(SHARD_RANGE.value)
    try:
        manifest = prepare.prepare(listed, output_dir, settings, shard_range=shard_range, runner=runner)
    except KeyboardInterrupt:
        print("The shards that are done stay; the same command goes on with the others")
        raise
    if manifest is None:
        missing = prepare.missing_shards(listed, output_dir, settings)
        others = (
            f"Of the others {len(missing)} are missing, the first is {missing[0]}" if missing else "So are the others"
        )
        print(f"These shards are done. {others}; the job that finds all done writes {prepare.MANIFEST}")
    else:
        if complete:
            again = f"videos that were missing have appeared in {len(outdated)} of them, now written again"
            print(f"All shards were there already; {again if outdated else 'no missing video has appeared'}")
        report(manifest)


def parse_size(text: str) -> tuple[int, int] | int:
    numbers = text.split("x")
    if not (1 <= len(numbers) <= 2 and all(number.isdecimal() for number in numbers)):
        raise ValueError(
            f"resize must look like 256x256 (rows x columns) or 256 (the shorter side). Received: {text!r}"
        )
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else int(numbers[0])


def parse_range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]+:[0-9]+", text):
        raise ValueError(f"shard_range must look like 0:10, the end not included. Received: {text!r}")
    first, last = text.split(":")
    return int(first), int(last)


def report(manifest: dict) -> None:
    """Prints what was lost, a few of each kind by name, and the counts of each split."""
    kinds: dict[str, list[str]] = {}
    for line in manifest["videos"]:
        if line["status"] != "written":
            kinds.setdefault(line["status"], []).append(f"{line['path']}: {line['reason']}")
        elif "in_part" in line:
            kinds.setdefault("written in part", []).append(f"{line['path']}: {line['in_part']}")
    for kind, lines in kinds.items():
        for line in lines[:NAMED]:
            print(f"  {kind}: {line}")
        if len(lines) > NAMED:
            print(f"  {kind}: {len(lines) - NAMED} more, see {prepare.MANIFEST}")
    for name, split in manifest["splits"].items():
        if empty := split["classes_without_video"]:
            more = ", ..." if len(empty) > NAMED else ""
            print(f"  {name}: {len(empty)} classes without a written video: {', '.join(empty[:NAMED])}{more}")
    for name, split in manifest["splits"].items():
        stored = f", {split['frames']} stored" if split["frames"] != split["decoded"] else ""
        print(
            f"{name}: {split['listed']} listed, {split['written']} written, {split['missing']} missing, "
            f"{split['unreadable']} unreadable, {len(split['shards'])} shards; {split['decoded']} frames decoded of "
            f"{split['declared_frames']} declared{stored}"
        )
    print(f"{OUTPUT_DIR.value}: shards, {prepare.LABEL_MAP} and {prepare.MANIFEST}")


flags.register_multi_flags_validator(
    ["videos", "source"],
    lambda values: (values["videos"] is None) != (values["source"] is None),
    "name the videos by --videos, or by --dataset and --source",
)

if __name__ == "__main__":
    cli.run(main)

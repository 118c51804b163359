"""Turns videos into TFRecord shards of JPEG frames, a label map and a manifest.

    python scripts/prepare_videos.py --videos=VIDEOS --output_dir=RECORDS

VIDEOS is a folder of class folders (VIDEOS/CLASS/*, or VIDEOS/SPLIT/CLASS/* with the splits train, val, test), or a CSV
file of `path,label[,split]` rows. Where no split is given, one video in five of each class goes to val. A file that is
no readable video is skipped and named in RECORDS/manifest.json with the reason. The same command again goes on where an
interrupted one stopped. A known data set in its official layout (docs/datasets.md) is

    python scripts/prepare_videos.py --dataset=ucf101 --source=VIDEOS --annotations=LISTS --output_dir=RECORDS
"""

import dataclasses
import os
from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.data import datasets, listing, prepare

VIDEOS = flags.DEFINE_string("videos", None, "A folder of class folders, or a CSV of path,label[,split].")
DATASET = flags.DEFINE_enum("dataset", "videos", list(datasets.DATASETS), "How the source is laid out.")
SOURCE = flags.DEFINE_string("source", None, "Where the videos of --dataset lie.")
ANNOTATIONS = flags.DEFINE_string("annotations", None, "Where its official lists lie, if not in --source.")
SPLIT_NUMBER = flags.DEFINE_integer("split_number", 1, "Which of its official splits.")
MAKE_SPLIT = flags.DEFINE_bool("make_split", False, "Choose Mini-Kinetics by the paper's rule instead of by its lists.")
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the shards go.", required=True)
RESIZE = flags.DEFINE_string("resize", "256x256", "Rows x columns of the stored frames, pixels.")
QUALITY = flags.DEFINE_integer("quality", 95, "JPEG quality.")
MIN_DECODED = flags.DEFINE_float(
    "min_decoded", prepare.Settings.min_decoded, "Skip a file of whose declared frames a smaller share decodes."
)
SHARD_SIZE = flags.DEFINE_integer("shard_size", 100, "Videos a shard.")
SPLIT = flags.DEFINE_enum("split", None, listing.SPLITS, "Put every video that has no split into this one.")
VAL_FRACTION = flags.DEFINE_float("val_fraction", 0.2, "Share of each class that goes to val where no split is given.")
LABEL_MAP = flags.DEFINE_string("label_map", None, "Take the class ids from this label map instead of sorting labels.")
SEED = flags.DEFINE_integer("seed", 0, "Of the split and of the order of the videos.")
WORKERS = flags.DEFINE_integer("workers", os.cpu_count(), "Processes.")


def main(_):
    listed = list_source()
    settings = prepare.Settings(
        size=parse_size(RESIZE.value),
        quality=QUALITY.value,
        min_decoded=MIN_DECODED.value,
        shard_size=SHARD_SIZE.value,
        seed=SEED.value,
    )
    manifest = prepare.prepare(listed, Path(OUTPUT_DIR.value), settings, WORKERS.value)
    report(manifest)


def list_source() -> listing.Listing:
    """The items of the flags' data set, with splits; prints what was odd about its lists."""
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


def parse_size(text: str) -> tuple[int, int]:
    rows, _, columns = text.partition("x")
    if not (rows.isdigit() and columns.isdigit()):
        raise ValueError(f"resize must look like 256x256 (rows x columns). Received: {text!r}")
    return int(rows), int(columns)


def report(manifest: dict) -> None:
    for name, split in manifest["splits"].items():
        print(
            f"{name}: {split['listed']} listed, {split['written']} written, {split['unreadable']} unreadable, "
            f"{len(split['shards'])} shards"
        )
    for line in manifest["videos"]:
        if line["status"] == "unreadable":
            print(f"  unreadable: {line['path']}: {line['reason']}")
        elif line["frames"] < line["declared_frames"]:
            print(f"  written in part: {line['path']}: {line['frames']} of {line['declared_frames']} declared frames")
    found = {line["label"] for line in manifest["videos"] if line["status"] == "written"}
    if empty := [name for name in manifest["classes"] if name not in found]:
        print(f"  classes without a readable video: {', '.join(empty)}")
    print(f"{OUTPUT_DIR.value}: shards, {prepare.LABEL_MAP} and {prepare.MANIFEST}")


flags.register_multi_flags_validator(
    ["videos", "source"],
    lambda values: (values["videos"] is None) != (values["source"] is None),
    "name the videos by --videos, or by --dataset and --source",
)

if __name__ == "__main__":
    cli.run(main)

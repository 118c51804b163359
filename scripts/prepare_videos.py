"""Turns videos into TFRecord shards of JPEG frames, a label map and a manifest.

    python scripts/prepare_videos.py --videos=VIDEOS --output_dir=RECORDS

VIDEOS is a folder of class folders (VIDEOS/CLASS/*, or VIDEOS/SPLIT/CLASS/* with the splits train, val, test), or a CSV
file of `path,label[,split]` rows. Where no split is given, one video in five of each class goes to val. A file that is
no readable video is skipped and named in RECORDS/manifest.json with the reason. The same command again goes on where an
interrupted one stopped.
"""

import os
from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.data import listing, prepare

VIDEOS = flags.DEFINE_string(
    "videos", None, "A folder of class folders, or a CSV of path,label[,split].", required=True
)
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
    source = Path(VIDEOS.value)
    if not source.exists():
        raise ValueError(f"There is no such folder or CSV file. Received: {VIDEOS.value}")
    items = listing.list_folder(source) if source.is_dir() else listing.list_csv(source)
    classes = listing.class_names(items, Path(LABEL_MAP.value) if LABEL_MAP.value else None)
    without = sum(not item.split for item in items)
    if SPLIT.value:
        items = [item._replace(split=item.split or SPLIT.value) for item in items]
    else:
        items = listing.assign_splits(items, VAL_FRACTION.value, SEED.value)
        if without:
            print(f"{without} videos have no split: of each class {VAL_FRACTION.value:.0%} go to val (--val_fraction)")
    settings = prepare.Settings(
        size=parse_size(RESIZE.value),
        quality=QUALITY.value,
        min_decoded=MIN_DECODED.value,
        shard_size=SHARD_SIZE.value,
        seed=SEED.value,
    )
    manifest = prepare.prepare(listing.Listing(items, classes), Path(OUTPUT_DIR.value), settings, WORKERS.value)
    report(manifest)


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


if __name__ == "__main__":
    cli.run(main)

"""Says what a prepared data set holds, checks its shards, and draws some of its clips.

    python scripts/inspect_dataset.py --data_dir=RECORDS --check --output=sheet.png

With --check every shard is read: its size, its SHA-256, every record, its frames. Whatever differs from the manifest is
named, and the exit status is 1. The picture shows random crops of random videos, as a network sees them in training;
flow is coloured by its direction, boxes are drawn.
"""

from pathlib import Path

import cv2
from absl import flags
from tqdm import tqdm

from s3d_tf import cli
from s3d_tf.analysis.clip_sheet import clip_sheet
from s3d_tf.data import inspection
from s3d_tf.files import write_bytes

DATA_DIR = flags.DEFINE_string("data_dir", None, "What prepare_videos.py wrote.", required=True)
CHECK = flags.DEFINE_bool("check", False, "Read every shard and compare it with the manifest.")
OUTPUT = flags.DEFINE_string("output", None, "Draw clips into this PNG.")
NUM_CLIPS = flags.DEFINE_integer("num_clips", 8, "Clips in the picture.", lower_bound=1, upper_bound=100)
NUM_FRAMES = flags.DEFINE_integer("num_frames", 64, "Consecutive frames of a clip; eight of them are drawn.", 1)
CROP = flags.DEFINE_integer("crop", None, "Pixels of the crop; 224, or all of smaller frames.", lower_bound=1)
SEED = flags.DEFINE_integer("seed", 0, "Of the clips in the picture.")

SHOWN = 8  # frames of a clip


def main(_):
    data_dir = Path(DATA_DIR.value)
    if OUTPUT.value and not OUTPUT.value.lower().endswith(".png"):
        raise ValueError(f"output must end in .png. Received: {OUTPUT.value}")
    manifest = inspection.open_manifest(data_dir)
    summarise(manifest)
    problems = check(data_dir, manifest) if CHECK.value else 0
    if OUTPUT.value and problems:
        print(f"{OUTPUT.value} is not drawn, since the shards differ; leave out --check to try")
    elif OUTPUT.value:
        draw(data_dir, manifest)
    return 1 if problems else 0


def summarise(manifest: dict) -> None:
    settings, dataset = manifest["settings"], manifest["dataset"]
    rate = f"{settings['fps']:g} frames a second" if settings["fps"] else "frame rates as they were"
    print(
        f"{dataset['name']}: {len(manifest['classes'])} classes, frames of {settings['resize']} pixels, {rate}, "
        f"streams {', '.join(settings['streams'])}"
    )
    for name, split in manifest["splits"].items():
        megabytes = sum(split["shards"].values()) / 1e6
        print(
            f"{name}: {split['written']} of {split['listed']} videos ({split['missing']} missing, "
            f"{split['unreadable']} unreadable), {split['frames']} frames ({split['shortest']} to {split['longest']} a "
            f"video), {len(split['shards'])} shards, {megabytes:.1f} MB"
        )
        if empty := split["classes_without_video"]:
            print(
                f"  {len(empty)} classes without a video: {', '.join(empty[:10])}{', ...' if len(empty) > 10 else ''}"
            )


def check(data_dir: Path, manifest: dict) -> int:
    """Prints what differs; returns how much."""
    num_shards = sum(len(split["shards"]) for split in manifest["splits"].values())
    problems = 0
    with tqdm(total=num_shards, unit="shard", desc="checking") as bar:
        for line in inspection.check(data_dir, manifest, bar.update):
            problems += 1
            bar.write(f"  {line}")
    print(f"{num_shards} shards checked: {f'{problems} differences' if problems else 'all as the manifest says'}")
    return problems


def draw(data_dir: Path, manifest: dict) -> None:
    crop = CROP.value or min(224, *manifest["settings"]["size"])
    clips = inspection.random_clips(data_dir, manifest, NUM_CLIPS.value, SHOWN, NUM_FRAMES.value, crop, SEED.value)
    if not clips:
        raise ValueError(f"The data set holds no videos. Received: {data_dir}")
    picture = cv2.cvtColor(clip_sheet(clips, manifest["classes"]), cv2.COLOR_RGB2BGR)
    write_bytes(Path(OUTPUT.value), cv2.imencode(".png", picture)[1].tobytes())
    print(f"{OUTPUT.value}: {len(clips)} clips")


if __name__ == "__main__":
    cli.run(main)

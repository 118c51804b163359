"""The activations of any endpoint for any videos: one .npz a video.

    python scripts/extract_features.py --weights=s3d.pth --videos=FOLDER --output_dir=FEATURES
    python scripts/extract_features.py --weights=RUN --videos=list.csv --output_dir=FEATURES --window=32 --stride=16

WEIGHTS are a work_dir of scripts/train.py or weights of any known source (docs/weights.md); their own preprocessing is
used. FEATURES/NAME.npz holds `features` (a row a window), `start_frame`, `endpoint` and `source`. Run it again to go on
where it stopped (docs/features.md). Status 1 if none of the videos can be read.
"""

import sys
from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.serving.features import POOLS, Extractor, Settings, extract_all, find_videos
from s3d_tf.training.checkpoints import load_any

WEIGHTS = flags.DEFINE_string("weights", None, "A work_dir, or weights of any known source.", required=True)
VIDEOS = flags.DEFINE_string("videos", None, "A video file, a folder, or a CSV of path,label.", required=True)
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the .npz files go.", required=True)
ENDPOINT = flags.DEFINE_string("endpoint", "Mixed_5c", "The layer whose activations are taken.")
POOL = flags.DEFINE_enum("pool", "space_time", list(POOLS), "What they are averaged over.")
WINDOW = flags.DEFINE_integer("window", None, "Frames seen at once; all of a video's by default.")
STRIDE = flags.DEFINE_integer("stride", None, "Frames from one window to the next; a window by default.")


def main(_):
    settings = Settings(ENDPOINT.value, POOL.value, WINDOW.value, STRIDE.value)
    videos = find_videos(Path(VIDEOS.value))
    unreadable = extract_all(Extractor(load_any(WEIGHTS.value), settings), videos, Path(OUTPUT_DIR.value))
    for path, why in unreadable.items():
        print(f"cannot read {path}: {why}", file=sys.stderr)
    print(f"{len(videos) - len(unreadable)} of {len(videos)} videos have their features in {OUTPUT_DIR.value}")
    return int(len(unreadable) == len(videos))


if __name__ == "__main__":
    cli.run(main)

"""Writes the embedded detection set: videos of actors whose class is only how they move, and where they are.

    python scripts/make_detection_set.py --output_dir=/tmp/actors
    python scripts/prepare_videos.py --dataset=annotated --source=/tmp/actors --output_dir=/tmp/records --resize=96x128

writes 400 training and 60 validation videos of four drifts, 20 frames of 96x128 pixels each, in a few seconds.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.data.synthetic_detection import DetectionSet, write_set

CLASSES = flags.DEFINE_list("classes", list(DetectionSet.classes), "Which motions.")
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder to write SPLIT/*.avi into.", required=True)
NUM_TRAIN = flags.DEFINE_integer("num_train", DetectionSet.num_train, "Training videos.")
NUM_VAL = flags.DEFINE_integer("num_val", DetectionSet.num_val, "Validation videos.")
ROWS = flags.DEFINE_integer("rows", DetectionSet.rows, "Rows of a frame, pixels.")
COLUMNS = flags.DEFINE_integer("columns", DetectionSet.columns, "Columns of a frame, pixels.")
MOST_ACTORS = flags.DEFINE_integer("most_actors", DetectionSet.most_actors, "Actors of a video, at most.")
NUM_FRAMES = flags.DEFINE_integer("num_frames", DetectionSet.num_frames, "Frames a video.")
SEED = flags.DEFINE_integer("seed", DetectionSet.seed, "Of everything random.")


def main(_):
    spec = DetectionSet(
        classes=tuple(CLASSES.value),
        num_train=NUM_TRAIN.value,
        num_val=NUM_VAL.value,
        rows=ROWS.value,
        columns=COLUMNS.value,
        most_actors=MOST_ACTORS.value,
        num_frames=NUM_FRAMES.value,
        seed=SEED.value,
    )
    count = write_set(spec, Path(OUTPUT_DIR.value))
    print(f"{count} videos of {len(spec.classes)} classes in {OUTPUT_DIR.value}")


if __name__ == "__main__":
    cli.run(main)

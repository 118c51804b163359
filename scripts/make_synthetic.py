"""Writes the embedded data set: video files whose class is a motion, or an appearance.

    python scripts/make_synthetic.py --output_dir=/tmp/motion

writes 1600 training and 400 validation videos of eight motions, 20 frames of 40x40 pixels each, in about 20 seconds.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.data import synthetic

FLAVOUR = flags.DEFINE_enum("flavour", "motion", sorted(synthetic.FLAVOURS), "What the class is.")
CLASSES = flags.DEFINE_list("classes", None, "Which classes; all of the flavour by default.")
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder to write SPLIT/CLASS/*.avi into.", required=True)
NUM_TRAIN = flags.DEFINE_integer("num_train", 1600, "Training videos.")
NUM_VAL = flags.DEFINE_integer("num_val", 400, "Validation videos.")
SIZE = flags.DEFINE_integer("size", 40, "Rows and columns, pixels.")
NUM_FRAMES = flags.DEFINE_integer("num_frames", 20, "Frames a video.")
SEED = flags.DEFINE_integer("seed", 0, "Of everything random.")


def main(_):
    spec = synthetic.SyntheticSet(
        flavour=FLAVOUR.value,
        classes=tuple(CLASSES.value or synthetic.FLAVOURS[FLAVOUR.value]),
        num_train=NUM_TRAIN.value,
        num_val=NUM_VAL.value,
        size=SIZE.value,
        num_frames=NUM_FRAMES.value,
        seed=SEED.value,
    )
    count = synthetic.write_set(spec, Path(OUTPUT_DIR.value))
    print(f"{count} videos of {len(spec.classes)} classes in {OUTPUT_DIR.value}")


if __name__ == "__main__":
    cli.run(main)

"""What the training loop costs beside the network's own step, on a prepared data set.

    python scripts/benchmark_training.py --data_dir=RECORDS --network=s3d_g --batch_size=2

A step of the loop (records read and decoded, gradients summed up, moving averages, signals looked at) and one of the
bare network on clips in memory run in turn, `--repeats` rounds after one that does not count. Two to three minutes on
two cores at 64x224x224.
"""

from __future__ import annotations

import resource
from pathlib import Path

from absl import flags

from s3d_tf import cli, machine
from s3d_tf.analysis import training_speed
from s3d_tf.data.split import open_split
from s3d_tf.files import write_json
from s3d_tf.training import devices, recipes

DATA_DIR = flags.DEFINE_string("data_dir", None, "What scripts/prepare_videos.py wrote.", required=True)
NETWORK = flags.DEFINE_string("network", "s3d_g", "Which network.")
WIDTH = flags.DEFINE_float("width", 1.0, "Factor on its channels.", lower_bound=0)
NUM_FRAMES = flags.DEFINE_integer("num_frames", 64, "Frames of a clip.", lower_bound=1)
CROP = flags.DEFINE_integer("crop", 224, "Rows and columns of a clip, pixels.", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 2, "Clips a step.", lower_bound=1)
REPEATS = flags.DEFINE_integer("repeats", 5, "Rounds.", lower_bound=1)
OUTPUT = flags.DEFINE_string("output", None, "Write the numbers here, as JSON.")


def main(_):
    recipe = recipes.recipe(
        "kinetics",
        network=NETWORK.value,
        width=WIDTH.value,
        num_frames=NUM_FRAMES.value,
        crop=CROP.value,
        batch_size=BATCH_SIZE.value,
        clips_per_replica=BATCH_SIZE.value,
        learning_rates=(1e-3,),  # too small for noise to make the loss run away
        boundaries=(),
    )
    found = training_speed.measure(recipe, open_split(DATA_DIR.value, "train"), devices.make_strategy(1), REPEATS.value)
    found["peak_memory_gib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    shape = f"{BATCH_SIZE.value} x {NUM_FRAMES.value}x{CROP.value}x{CROP.value}"
    print(
        f"{NETWORK.value}, {shape}: {found['loop']:.2f} s a step, {found['bare']:.2f} s of the bare network, "
        f"overhead {found['overhead']:.1%}, input wait {found['input_wait']:.1%}"
    )
    found["machine"] = machine.describe()
    print(machine.one_line(found["machine"]))
    if OUTPUT.value:
        write_json(Path(OUTPUT.value), found)


if __name__ == "__main__":
    cli.run(main)

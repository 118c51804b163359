"""How long a detector takes, and how much memory: one step of detecting or of learning, on clips in memory.

    python scripts/benchmark_detector.py --step=train
    python scripts/benchmark_detector.py --recipe=ucf101_24 --step=detect --repeats=5

A step of learning is forwards, backwards and the optimizer's; clipping and other work of the loop are left out, and all
clips of the batch go at once. By default of the full model: ResNet-50 and S3D-G, 21 classes, a clip of 20 frames of
320x400. Every field of the recipe has a flag. Memory is the process' peak, so the two kinds of steps are measured one
at a time.
"""

from __future__ import annotations

import resource
from pathlib import Path

from absl import flags

from s3d_tf import cli, machine
from s3d_tf.analysis import detector_speed
from s3d_tf.detection import recipes
from s3d_tf.files import write_json
from s3d_tf.flag_fields import define, given

RECIPE = flags.DEFINE_enum("recipe", "jhmdb", list(recipes.RECIPES), "Name of a recipe.")
CLASSES = flags.DEFINE_integer("num_classes", 21, "Of actions.", lower_bound=1)
STEP = flags.DEFINE_enum("step", detector_speed.TRAIN, [detector_speed.DETECT, detector_speed.TRAIN], "Which kind.")
REPEATS = flags.DEFINE_integer("repeats", 3, "Steps after the first, which compiles.", lower_bound=1)
OUTPUT = flags.DEFINE_string("output", None, "Write the numbers here, as JSON.")
CHANGES = define(recipes.DetectionRecipe, defaults=False)


def main(_):
    recipe = recipes.recipe(RECIPE.value, **dict(batch_size=1) | given(recipes.DetectionRecipe, CHANGES))
    found = detector_speed.measure(recipe, CLASSES.value, STEP.value, REPEATS.value)
    found["peak_memory_gib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    shape = f"{recipe.batch_size} x {recipe.num_frames}x{recipe.rows}x{recipe.columns}, {recipe.proposals} proposals"
    print(
        f"{STEP.value}, {recipe.backbone} and {recipe.network}, {shape}, {found['parameters'] / 1e6:.1f} M parameters: "
        f"{found['seconds']:.2f} s, the first {found['first']:.0f} s, peak {found['peak_memory_gib']} GiB"
    )
    found["machine"] = machine.describe()
    print(machine.one_line(found["machine"]))
    if OUTPUT.value:
        write_json(Path(OUTPUT.value), found)


if __name__ == "__main__":
    cli.run(main)

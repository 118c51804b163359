"""Trains a detector by a recipe on a prepared data set with boxes.

    python scripts/train_detector.py --recipe=embedded_detection --data_dir=RECORDS --work_dir=RUN

Writes RUN/config.json, metrics.jsonl, result.json, checkpoints/ and tensorboard/, as scripts/train.py does. The same
command again goes on from the newest checkpoint. Every field of the recipe has a flag. Uses all GPUs of the machine,
and with TF_CONFIG those of all its workers. SIGTERM and Ctrl-C save and end with status
75; a second one ends at once.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.detection import recipes, run
from s3d_tf.flag_fields import define, given
from s3d_tf.training import devices, journal
from s3d_tf.training.pace import Pace

RECIPE = flags.DEFINE_enum("recipe", None, list(recipes.RECIPES), "Name of a recipe.", required=True)
DATA_DIR = flags.DEFINE_string("data_dir", None, "What scripts/prepare_videos.py wrote.", required=True)
WORK_DIR = flags.DEFINE_string("work_dir", None, "Where the run is kept.", required=True)
NUM_REPLICAS = flags.DEFINE_integer(
    "num_replicas", None, "Devices to use; all GPUs, or one CPU, by default.", lower_bound=1
)
CHANGES = define(recipes.DetectionRecipe, defaults=False)
PACE = define(Pace, leave_out=("evaluate_every", "evaluate_split"))


def main(_):
    recipe = recipes.recipe(RECIPE.value, **given(recipes.DetectionRecipe, CHANGES))
    strategy = devices.make_strategy(NUM_REPLICAS.value)
    data_dir, work_dir = Path(DATA_DIR.value), Path(WORK_DIR.value)
    result = run.train(recipe, data_dir, work_dir, strategy, Pace(**given(Pace, PACE)))
    return journal.tell_end(result, recipe.steps, work_dir)


if __name__ == "__main__":
    cli.run(main)

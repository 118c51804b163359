"""Trains a network by a recipe on a prepared data set.

    python scripts/train.py --recipe=embedded --data_dir=RECORDS --work_dir=RUN

Writes RUN/config.json, metrics.jsonl, result.json, checkpoints/ and tensorboard/. The same command again goes on from
the newest checkpoint. Every field of the recipe has a flag; --list_recipes shows them. Uses all GPUs of the machine,
and with TF_CONFIG those of all its workers. SIGTERM and Ctrl-C save and end with status
75; a second one ends at once.
"""

import sys
from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.flag_fields import define, given
from s3d_tf.training import devices, journal, recipes, run

RECIPE = flags.DEFINE_string("recipe", None, "Name of a recipe.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "What scripts/prepare_videos.py wrote.")
WORK_DIR = flags.DEFINE_string("work_dir", None, "Where the run is kept.")
LIST_RECIPES = flags.DEFINE_bool("list_recipes", False, "Show the recipes and stop.")
NUM_REPLICAS = flags.DEFINE_integer(
    "num_replicas", None, "Devices to use; all GPUs, or one CPU, by default.", lower_bound=1
)
PEER_TIMEOUT = flags.DEFINE_float(
    "peer_timeout", devices.PEER_TIMEOUT, "Seconds to wait for the other workers of TF_CONFIG.", lower_bound=1
)
DETERMINISTIC = flags.DEFINE_bool(
    "deterministic", False, "Only ops that always give the same bits; slower, and clips are chosen by one thread."
)

CHANGES, PACE = define(recipes.Recipe, defaults=False), define(run.Pace)


def main(_):
    if LIST_RECIPES.value:
        print(recipes.table())
        return 0
    for name in ("recipe", "data_dir", "work_dir"):
        if not flags.FLAGS[name].value:
            print(f"error: --{name} is needed", file=sys.stderr)
            return 2
    changes = given(recipes.Recipe, CHANGES)
    if changes.get("weights"):
        changes = dict(network="", width=0.0) | changes  # the weights' own
    recipe = recipes.recipe(RECIPE.value, **changes)
    pace = run.Pace(**given(run.Pace, PACE))
    if DETERMINISTIC.value:
        cli.make_deterministic(recipe.seed)
    strategy = devices.make_strategy(NUM_REPLICAS.value, PEER_TIMEOUT.value)
    result = run.train(recipe, Path(DATA_DIR.value), Path(WORK_DIR.value), strategy, pace)
    return journal.tell_end(result, recipe.steps, WORK_DIR.value)


if __name__ == "__main__":
    cli.run(main)

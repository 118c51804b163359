"""Trains a network by a recipe on a prepared data set.

    python scripts/train.py --recipe=embedded --data_dir=RECORDS --work_dir=RUN

Writes RUN/config.json, metrics.jsonl, result.json, checkpoints/ and tensorboard/. The same command again goes on from
the newest checkpoint. Every field of the recipe has a flag; --list_recipes shows them. Uses all GPUs of the machine.
"""

import dataclasses
import sys
from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.training import devices, recipes, run

RECIPE = flags.DEFINE_string("recipe", None, "Name of a recipe.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "What scripts/prepare_videos.py wrote.")
WORK_DIR = flags.DEFINE_string("work_dir", None, "Where the run is kept.")
LIST_RECIPES = flags.DEFINE_bool("list_recipes", False, "Show the recipes and stop.")
NUM_REPLICAS = flags.DEFINE_integer(
    "num_replicas", None, "Devices to use; all GPUs, or one CPU, by default.", lower_bound=1
)
STEPS_PER_CALL = flags.DEFINE_integer("steps_per_call", run.Pace.steps_per_call, "Steps in a call of the graph.")
CHECKPOINT_EVERY = flags.DEFINE_integer("checkpoint_every", run.Pace.checkpoint_every, "Steps.")
MAX_DAMAGED = flags.DEFINE_integer(
    "max_damaged", run.Pace.max_damaged, "Records damaged after preparation that are passed over."
)

_DEFINE = {
    "str": flags.DEFINE_string,
    "int": flags.DEFINE_integer,
    "float": flags.DEFINE_float,
    "bool": flags.DEFINE_bool,
    "tuple[float, ...]": flags.DEFINE_list,
    "tuple[int, ...]": flags.DEFINE_list,
}
FIELDS = [field for field in dataclasses.fields(recipes.Recipe) if field.name != "name"]
CHANGES = {field.name: _DEFINE[field.type](field.name, None, "Instead of the recipe's.") for field in FIELDS}


def main(_):
    if LIST_RECIPES.value:
        for recipe in recipes.RECIPES.values():
            print(recipe)
        return 0
    for name in ("recipe", "data_dir", "work_dir"):
        if not flags.FLAGS[name].value:
            print(f"error: --{name} is needed", file=sys.stderr)
            return 2
    recipe = recipes.recipe(RECIPE.value, **changes())
    pace = run.Pace(
        steps_per_call=STEPS_PER_CALL.value, checkpoint_every=CHECKPOINT_EVERY.value, max_damaged=MAX_DAMAGED.value
    )
    strategy = devices.make_strategy(NUM_REPLICAS.value)
    result = run.train(recipe, Path(DATA_DIR.value), Path(WORK_DIR.value), strategy, pace)
    print(f"step {result['step']} of {recipe.steps}, {WORK_DIR.value}")
    if result["damaged"]:
        print(f"{len(result['damaged'])} damaged records passed over: {', '.join(result['damaged'])}")
    return 0


def changes() -> dict:
    """The recipe's fields that were set by a flag."""
    given = {}
    for field in FIELDS:
        value = CHANGES[field.name].value
        if value is None:
            continue
        if isinstance(value, list):
            number = float if "float" in field.type else int
            try:
                value = tuple(number(item) for item in value if item)
            except ValueError:
                raise ValueError(f"{field.name} must be numbers with commas between. Received: {value}") from None
        given[field.name] = value
    return given


if __name__ == "__main__":
    cli.run(main)

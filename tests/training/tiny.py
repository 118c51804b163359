"""As small a run as there can be, and what it leaves."""

import json

import tensorflow as tf

from s3d_tf.training import recipes, run

RECIPE = recipes.recipe("embedded", network="i2d", width=0.1, steps=6, batch_size=4, num_frames=8, boundaries=(4, 5))


def lines(work_dir):
    return [json.loads(line) for line in (work_dir / run.METRICS).read_text().splitlines()]


def saved(work_dir):
    """All that the newest checkpoint holds, by name."""
    reader = tf.train.load_checkpoint(str(work_dir / f"checkpoints/step-{newest(work_dir)}"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("variables/")]
    return {name: reader.get_tensor(name) for name in names}


def newest(work_dir):
    return max((int(p.stem.split("-")[1]) for p in (work_dir / "checkpoints").glob("step-*.index")), default=0)

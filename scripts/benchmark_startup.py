"""Measures how long a training takes from the start of its process to the end of its first step.

    python scripts/benchmark_startup.py --data_dir=RECORDS --recipe=embedded
    python scripts/benchmark_startup.py --data_dir=RECORDS --recipe=ucf101 --batch_size=1 --other=OTHER_CHECKOUT

Runs `scripts/train.py --steps=1` as a process of its own, `--repeats` times; `--other` names another checkout of this
project, whose runs take turns with these, so that a busy machine slows both alike. Everything but the steps, the
learning rate and what has a flag here is the recipe's own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from absl import flags

from s3d_tf import cli, machine
from s3d_tf.analysis import timing
from s3d_tf.files import write_json

DATA_DIR = flags.DEFINE_string("data_dir", None, "What scripts/prepare_videos.py wrote.", required=True)
RECIPE = flags.DEFINE_string("recipe", "embedded", "Name of a recipe.")
NETWORK = flags.DEFINE_string("network", "s3d_g", "Which network.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Clips of the step.", lower_bound=1)
REPEATS = flags.DEFINE_integer("repeats", 3, "Rounds that count, after one that does not.", lower_bound=1)
OTHER = flags.DEFINE_string("other", None, "Another checkout, to compare with.")
OUTPUT = flags.DEFINE_string("output", None, "Write the numbers here, as JSON.")

HERE = Path(__file__).resolve().parent.parent


def main(_):
    checkouts = {"this": HERE, **({"other": Path(OTHER.value).resolve()} if OTHER.value else {})}
    for checkout in checkouts.values():
        if not (checkout / "scripts/train.py").exists():
            raise ValueError(f"--other must be a checkout of this project. Received: {checkout}")
    runs = {name: lambda checkout=checkout: seconds_to_first_step(checkout) for name, checkout in checkouts.items()}
    seconds = timing.interleave(runs, REPEATS.value)
    result = dict(seconds=seconds, machine=machine.describe(), versions=machine.versions())
    for name, values in seconds.items():
        print(
            f"{name}: {np.median(values):.1f} s to the end of the first step ({min(values):.1f} to {max(values):.1f})"
        )
    if OTHER.value:
        print(f"other / this: {timing.ratio(seconds, 'other', 'this'):.2f}")
    print(machine.one_line(result["machine"]))
    if OUTPUT.value:
        write_json(Path(OUTPUT.value), result)


def seconds_to_first_step(checkout: Path) -> float:
    """Returns the seconds from the start of a training's process to the line of metrics of its only step."""
    with tempfile.TemporaryDirectory() as folder:
        metrics = Path(folder) / "run" / "metrics.jsonl"
        command = [sys.executable, "scripts/train.py", f"--recipe={RECIPE.value}", f"--network={NETWORK.value}"]
        command += ["--steps=1", "--boundaries=", "--learning_rates=0.01", f"--batch_size={BATCH_SIZE.value}"]
        command += [f"--data_dir={Path(DATA_DIR.value).resolve()}", f"--work_dir={metrics.parent}"]
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        start = time.time()
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"scripts/train.py of {checkout} ended with status {done.returncode}: {done.stderr[-300:]}")
        return first_event(metrics.parent) - start


def first_event(work_dir: Path) -> float:
    """Returns the wall-clock time at which the first step's metrics were given to TensorBoard."""
    import tensorflow as tf

    for path in sorted((work_dir / "tensorboard").iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            if any(value.tag == "loss" for value in event.summary.value):
                return event.wall_time
    raise OSError(f"The run has no metrics. Received: {json.dumps(str(work_dir))}")


if __name__ == "__main__":
    cli.run(main)

"""Trains the quickstart with ten seeds, with one and two threads, with all instructions of the CPU and with AVX2.

    python experiments/quickstart_seeds.py

Every training is the quickstart's own (the recipe "embedded", S3D-G, four drifting motions) and must end at a top-1 of
at least 95 % forwards and at most 5 % with every video played backwards. Writes OUTPUT_DIR/result.json and table.md,
and exits with 1 if a training falls short. Rerun the command to resume; nothing is trained twice. About a minute per
training on two cores. Two commands with different `--threads` or `--max_isas` can share an output_dir.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import flags

from experiments import embedded, scale, tables
from experiments.children import Children
from experiments.part import BACKWARDS, FORWARDS, Part
from s3d_tf import cli, machine
from s3d_tf.files import write_json, write_text
from s3d_tf.training.recipes import RECIPES

OUTPUT_DIR = flags.DEFINE_string("output_dir", "results/quickstart_seeds", "Where the numbers go.")
NUM_SEEDS = flags.DEFINE_integer("num_seeds", 10, "Seeds of each setting, from 0.", lower_bound=1)
THREADS = flags.DEFINE_list("threads", ["1", "2"], "Numbers of threads to try.")
MAX_ISAS = flags.DEFINE_list("max_isas", ["DEFAULT", "AVX2"], "Values of ONEDNN_MAX_CPU_ISA to try.")
STEPS = flags.DEFINE_integer("steps", RECIPES["embedded"].steps, "Of each training, for a trial.", lower_bound=10)

MIN_TOP1, MAX_TOP1_REVERSED = 0.95, 0.05
DIRECTIONS = (FORWARDS, BACKWARDS)


class Setting(NamedTuple):
    """Threads and instructions of a training."""

    threads: int
    max_isa: str  # of oneDNN; DEFAULT is all that the CPU has

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.max_isa}_{self.threads}_threads"


def main(_):
    out = Path(OUTPUT_DIR.value)
    settings = [Setting(int(threads), isa) for isa in MAX_ISAS.value for threads in THREADS.value]
    records = embedded.prepared(embedded.SETS["motion"], "motion", out / "shared" / "data")
    children, rows = Children(), []
    for setting in settings:
        for part in parts(records, NUM_SEEDS.value, STEPS.value):
            name, folder = f"{setting.name}, seed {part.recipe.seed}", out / "shared" / setting.name
            if not part.is_done(folder, DIRECTIONS):
                log = folder / f"seed{part.recipe.seed}.log"
                children.call(name, log, lambda: None, measure, setting, part, folder)
            rows.append(row(setting, part.read(folder, DIRECTIONS), part.recipe.seed))
            print(f"{name}: top-1 {rows[-1]['top1']:.1%}, reversed {rows[-1]['top1_reversed']:.1%}", flush=True)
    short = [each for each in rows if falls_short(each)]
    result = dict(machine=machine.describe(), versions=machine.versions(), steps=STEPS.value, trainings=rows)
    write_json(out / "result.json", result)
    write_text(out / "table.md", table(rows))
    print(table(rows))
    print(f"{len(rows) - len(short)} of {len(rows)} trainings reach it; {machine.one_line(result['machine'])}")
    return 1 if short else 0


def parts(records: Path, num_seeds: int, steps: int) -> list[Part]:
    """Returns the quickstart's training with each seed."""
    recipe = scale.mini_recipe(steps)
    return [Part(dataclasses.replace(recipe, seed=seed), records, eval_batch=50) for seed in range(num_seeds)]


def measure(setting: Setting, part: Part, folder: Path) -> None:
    """Trains and evaluates a part with a setting; for a process of its own that has not used TensorFlow yet."""
    os.environ["ONEDNN_MAX_CPU_ISA"] = setting.max_isa  # oneDNN reads it at its first use; DEFAULT is no limit
    tf.config.threading.set_intra_op_parallelism_threads(setting.threads)
    tf.config.threading.set_inter_op_parallelism_threads(setting.threads)
    part.measure(folder, DIRECTIONS)


def row(setting: Setting, found: dict, seed: int) -> dict:
    """Returns what the result says of a training."""
    top1, reversed_top1 = (found[direction]["top1"] for direction in DIRECTIONS)
    return dict(setting._asdict(), seed=seed, seconds=found["seconds"], top1=top1, top1_reversed=reversed_top1)


def falls_short(training: dict) -> bool:
    """Returns whether a training misses what the quickstart promises."""
    return training["top1"] < MIN_TOP1 or training["top1_reversed"] > MAX_TOP1_REVERSED


def table(trainings: Sequence[dict]) -> str:
    """Returns a Markdown table with one line per setting."""
    heads = [
        "oneDNN instructions, threads",
        "seeds",
        "lowest top-1",
        "mean",
        "highest reversed top-1",
        "seconds",
        "short",
    ]
    lines = []
    for setting in dict.fromkeys((each["max_isa"], each["threads"]) for each in trainings):
        own = [each for each in trainings if (each["max_isa"], each["threads"]) == setting]
        top1, backwards = ([each[key] * 100 for each in own] for key in ("top1", "top1_reversed"))
        cells = [f"{min(top1):.1f}", f"{np.mean(top1):.1f}", f"{max(backwards):.1f}"]
        seconds = f"{np.median([each['seconds'] for each in own]):.0f}"
        lines.append([f"{setting[0]}, {setting[1]}", str(len(own)), *cells, seconds, str(sum(map(falls_short, own)))])
    return tables.markdown(heads, lines)


if __name__ == "__main__":
    cli.run(main)

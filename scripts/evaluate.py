"""Top-1 and top-5 of a trained network, all frames, centre crop; --reversed plays every video backwards.

    python scripts/evaluate.py --work_dir=RUN --data_dir=RECORDS

Writes RUN/evaluation_SPLIT.json (evaluation_SPLIT_reversed.json): the numbers with the protocol they were measured by.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.data import pipeline
from s3d_tf.files import write_json
from s3d_tf.training import checkpoints, devices
from s3d_tf.training.evaluate import evaluate

WORK_DIR = flags.DEFINE_string("work_dir", None, "A run of scripts/train.py.", required=True)
DATA_DIR = flags.DEFINE_string("data_dir", None, "What scripts/prepare_videos.py wrote.", required=True)
SPLIT = flags.DEFINE_string("split", "val", "Which split.")
REVERSED = flags.DEFINE_bool("reversed", False, "Play every video backwards (Table 1).")
BOTH = flags.DEFINE_bool("both_directions", False, "Forwards and backwards, one after the other.")
EVAL_FRAMES = flags.DEFINE_integer("eval_frames", None, "Loop shorter videos up to this many; the recipe's by default.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", None, "Clips a step; one a replica by default, which fits anywhere.")
NUM_REPLICAS = flags.DEFINE_integer("num_replicas", None, "Devices to use; all GPUs, or one CPU, by default.")


def main(_):
    strategy = devices.make_strategy(NUM_REPLICAS.value)
    with strategy.scope():
        model, run, step = checkpoints.load_model(Path(WORK_DIR.value))
    split = pipeline.open_split(DATA_DIR.value, SPLIT.value)
    if split.classes != run.classes:
        raise ValueError(
            f"The run was trained on other classes than {DATA_DIR.value} has; prepare with --label_map. Received: "
            f"{len(run.classes)} and {len(split.classes)} classes"
        )
    for backwards in (False, True) if BOTH.value else (REVERSED.value,):
        result, _ = evaluate(
            model,
            split,
            at_least=EVAL_FRAMES.value or run.recipe.eval_frames,
            crop=run.recipe.crop,
            batch_size=BATCH_SIZE.value or strategy.num_replicas_in_sync,
            strategy=strategy,
            backwards=backwards,
        )
        name = f"evaluation_{SPLIT.value}{'_reversed' if backwards else ''}.json"
        write_json(Path(WORK_DIR.value) / name, {"network": model.name, "step": step, "split": SPLIT.value, **result})
        print(
            f"{model.name}, step {step}, {SPLIT.value}{' reversed' if backwards else ''}: top-1 {result['top1']:.2%}, "
            f"top-5 {result['top5']:.2%} of {result['num_videos']} videos (chance {result['chance']:.2%}; "
            f"{'; '.join(result['protocol'].values())})"
        )


if __name__ == "__main__":
    cli.run(main)

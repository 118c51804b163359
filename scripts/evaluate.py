"""Top-1 and top-5 of a trained network, all frames, centre crop; --reversed plays every video backwards.

    python scripts/evaluate.py --work_dir=RUN --data_dir=RECORDS
    python scripts/evaluate.py --weights=s3d.pth --data_dir=RECORDS --output_dir=RESULTS

Writes evaluation_SPLIT.json (evaluation_SPLIT_reversed.json) into RUN or RESULTS: the numbers with the protocol they
were measured by.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.data import damage, pipeline
from s3d_tf.data.split import Split, open_split
from s3d_tf.files import write_json
from s3d_tf.training import checkpoints, devices
from s3d_tf.training.evaluate import evaluate
from s3d_tf.weights import load_pretrained

WORK_DIR = flags.DEFINE_string("work_dir", None, "A run of scripts/train.py.")
WEIGHTS = flags.DEFINE_string("weights", None, "Instead: weights of any known source (docs/weights.md).")
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the numbers go; the work_dir by default.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "What scripts/prepare_videos.py wrote.", required=True)
SPLIT = flags.DEFINE_string("split", "val", "Which split.")
REVERSED = flags.DEFINE_bool("reversed", False, "Play every video backwards (Table 1).")
BOTH = flags.DEFINE_bool("both_directions", False, "Forwards and backwards, one after the other.")
EVAL_FRAMES = flags.DEFINE_integer(
    "eval_frames",
    None,
    "Loop shorter videos up to this many; by default as the recipe or the data set says.",
    lower_bound=1,
)
BATCH_SIZE = flags.DEFINE_integer("batch_size", None, "Clips a step; one a replica by default.", lower_bound=1)
NUM_VIEWS = flags.DEFINE_string(
    "num_views", None, "Clips x crops of each video instead of all its frames, such as 10x3."
)
VIEW_FRAMES = flags.DEFINE_integer("view_frames", pipeline.Views.num_frames, "Frames of a view.", lower_bound=1)
MAX_DAMAGED = flags.DEFINE_integer("max_damaged", damage.LIMIT, "Damaged records that may be left out.", lower_bound=0)
NUM_REPLICAS = flags.DEFINE_integer(
    "num_replicas", None, "Devices to use; all GPUs, or one CPU, by default.", lower_bound=1
)


def main(_):
    strategy = devices.make_strategy(NUM_REPLICAS.value)
    model, source, eval_frames = open_model(strategy)
    output_dir = Path(OUTPUT_DIR.value or WORK_DIR.value)
    output_dir.mkdir(parents=True, exist_ok=True)
    split = open_split(DATA_DIR.value, SPLIT.value)
    check_classes(model, split)
    for backwards in (False, True) if BOTH.value else (REVERSED.value,):
        result, _ = evaluate(
            model,
            split,
            at_least=EVAL_FRAMES.value or eval_frames or split.eval_frames,
            batch_size=BATCH_SIZE.value or strategy.num_replicas_in_sync,
            strategy=strategy,
            backwards=backwards,
            views=parse_views(NUM_VIEWS.value, VIEW_FRAMES.value),
            max_damaged=MAX_DAMAGED.value,
        )
        name = f"evaluation_{SPLIT.value}{'_reversed' if backwards else ''}.json"
        write_json(output_dir / name, {"network": model.name, "weights": source, "split": SPLIT.value, **result})
        print(
            f"{model.name}, {source}, {SPLIT.value}{' reversed' if backwards else ''}: top-1 {result['top1']:.2%}, "
            f"top-5 {result['top5']:.2%} of {result['num_videos']} videos (chance {result['chance']:.2%}; "
            f"{'; '.join(result['protocol'].values())})"
        )
        if result["damaged"]:
            print(f"{len(result['damaged'])} damaged records left out: {', '.join(result['damaged'])}")


def parse_views(text: str | None, num_frames: int) -> pipeline.Views | None:
    if text is None:
        return None
    num_clips, _, num_crops = text.partition("x")
    if not (num_clips.isdecimal() and num_crops.isdecimal()):
        raise ValueError(f"num_views must look like 10x3 (clips x crops). Received: {text!r}")
    return pipeline.Views(int(num_clips), int(num_crops), num_frames)


def open_model(strategy) -> tuple:
    """The network, where its weights are from, and how many frames its recipe loops a video to; None without one."""
    if bool(WORK_DIR.value) == bool(WEIGHTS.value) or (WEIGHTS.value and not OUTPUT_DIR.value):
        raise ValueError(
            "Name a work_dir, or weights and an output_dir. Received: "
            f"work_dir={WORK_DIR.value}, weights={WEIGHTS.value}, output_dir={OUTPUT_DIR.value}"
        )
    with strategy.scope():
        if WEIGHTS.value:
            model = load_pretrained(WEIGHTS.value)
            return model, WEIGHTS.value, None
        model, run, step = checkpoints.load_model(Path(WORK_DIR.value))
        return model, f"step {step}", run.recipe.eval_frames


def check_classes(model, split: Split) -> None:
    labels, num_classes = model.preprocessing.labels, model.output_shape[-1]
    if len(split.classes) != num_classes or (labels and labels != split.classes):
        raise ValueError(
            f"The network was trained on other classes than {DATA_DIR.value} has; prepare with the --label_map of its "
            f"classes. Received: {num_classes} and {len(split.classes)} classes"
        )


if __name__ == "__main__":
    cli.run(main)

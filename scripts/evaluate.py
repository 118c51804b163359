"""Top-1, top-5 and accuracy by class of a trained network, all frames, centre crop.

    python scripts/evaluate.py --work_dir=RUN --data_dir=RECORDS
    python scripts/evaluate.py --weights=s3d.pth --data_dir=RECORDS --output_dir=RESULTS
    python scripts/evaluate.py --work_dir=RUN --flow_work_dir=FLOW_RUN --data_dir=RECORDS

The last one adds the logits of an RGB and a flow network (Table 4). --reversed plays every video backwards.

Writes into RUN or RESULTS, with NAME being SPLIT, SPLIT_reversed, SPLIT_two_stream or SPLIT_10x3: evaluation_NAME.json,
the numbers with their protocol; confusion_NAME.csv and .png; predictions_NAME.csv, the top 5 of each video.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.analysis import confusion
from s3d_tf.data import damage, pipeline
from s3d_tf.data.records import FLOW_STREAM, RGB_STREAM
from s3d_tf.data.split import Split, open_split
from s3d_tf.files import write_bytes, write_csv, write_json
from s3d_tf.training import checkpoints, devices
from s3d_tf.training.evaluate import evaluate
from s3d_tf.training.measures import Predictions, best_classes
from s3d_tf.training.streams import NAMES

WORK_DIR = flags.DEFINE_string("work_dir", None, "A run of scripts/train.py.")
WEIGHTS = flags.DEFINE_string("weights", None, "Instead: weights of any known source, or a run (docs/weights.md).")
FLOW_WORK_DIR = flags.DEFINE_string("flow_work_dir", None, "A run of a flow network, whose logits are added.")
FLOW_WEIGHTS = flags.DEFINE_string("flow_weights", None, "Instead: weights of a flow network.")
STREAM_WEIGHTS = flags.DEFINE_list(
    "stream_weights", None, "Factors of the logits of RGB and of flow, such as 1,1.5; 1,1 by default."
)
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
BEST = flags.DEFINE_bool("best", False, "Of the runs, the best checkpoint (--evaluate_every) instead of the newest.")
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
    directions = (False, True) if BOTH.value else (REVERSED.value,)
    factors = parse_weights(STREAM_WEIGHTS.value)
    strategy = devices.make_strategy(NUM_REPLICAS.value)
    models, sources, eval_frames = open_models(strategy)
    if True in directions and FLOW_STREAM in models:
        raise ValueError("Flow is of one direction: evaluate it forwards. Received: a flow network, videos reversed")
    split = open_split(DATA_DIR.value, SPLIT.value)
    for model in models.values():
        check_classes(model, split)
    output_dir = Path(OUTPUT_DIR.value or WORK_DIR.value)
    output_dir.mkdir(parents=True, exist_ok=True)
    for backwards in directions:
        result, predictions = evaluate(
            models,
            split,
            at_least=EVAL_FRAMES.value or eval_frames or split.eval_frames,
            batch_size=BATCH_SIZE.value or strategy.num_replicas_in_sync,
            strategy=strategy,
            backwards=backwards,
            views=parse_views(NUM_VIEWS.value, VIEW_FRAMES.value),
            max_damaged=MAX_DAMAGED.value,
            stream_weights=factors,
        )
        networks = {stream: model.name for stream, model in models.items()}
        about = dict(network=one_or_all(networks), weights=one_or_all(sources), split=SPLIT.value)
        parts = [SPLIT.value, "reversed" * backwards, "two_stream" * (len(models) > 1), NUM_VIEWS.value or ""]
        name = "_".join(part for part in parts if part)
        write_json(output_dir / f"evaluation_{name}.json", about | result)
        title = describe(networks, sources, backwards, result)
        print(f"{title} (chance {result['chance']:.2%}; {'; '.join(result['protocol'].values())})")
        for stream, alone in result.get("streams", {}).items():
            print(f"    {NAMES[stream]} alone: top-1 {alone['top1']:.2%}, top-5 {alone['top5']:.2%}")
        if result["damaged"]:
            print(f"{len(result['damaged'])} damaged records left out: {', '.join(result['damaged'])}")
        write_tables(output_dir, name, predictions, split.classes, title)


def one_or_all(by_stream: dict[str, str]) -> str | dict[str, str]:
    return by_stream if len(by_stream) > 1 else next(iter(by_stream.values()))


def describe(networks: dict[str, str], sources: dict[str, str], backwards: bool, result: dict) -> str:
    whose = " and ".join(f"{networks[stream]}, {sources[stream]}" for stream in networks)
    return (
        f"{whose}, {SPLIT.value}{' reversed' if backwards else ''}: top-1 {result['top1']:.2%}, "
        f"top-5 {result['top5']:.2%}, mean of the classes {result['mean_class_accuracy']:.2%} "
        f"of {result['num_videos']} videos"
    )


def write_tables(folder: Path, name: str, predictions: Predictions, classes: tuple[str, ...], title: str) -> None:
    """The confusion matrix as CSV and PNG, and the best classes of each video as CSV."""
    counts = predictions.confusion
    write_csv(folder / f"confusion_{name}.csv", confusion.table(counts, classes))
    write_csv(folder / f"predictions_{name}.csv", best_classes(predictions, classes))
    try:
        write_bytes(folder / f"confusion_{name}.png", confusion.draw(counts, classes, title))
    except ImportError:
        print(f"matplotlib is missing, so there is no confusion_{name}.png: pip install -e '.[plots]'")


def parse_weights(texts: list[str] | None) -> dict[str, float] | None:
    if texts is None:
        return None
    try:
        rgb, flow = (float(text) for text in texts)
    except ValueError:
        raise ValueError(f"stream_weights must look like 1,1.5 (RGB, flow). Received: {','.join(texts)!r}") from None
    if not (FLOW_WORK_DIR.value or FLOW_WEIGHTS.value):
        raise ValueError(f"stream_weights go with a flow_work_dir or flow_weights. Received: {','.join(texts)!r}")
    return {RGB_STREAM: rgb, FLOW_STREAM: flow}


def parse_views(text: str | None, num_frames: int) -> pipeline.Views | None:
    if text is None:
        return None
    num_clips, _, num_crops = text.partition("x")
    if not (num_clips.isdecimal() and num_crops.isdecimal()):
        raise ValueError(f"num_views must look like 10x3 (clips x crops). Received: {text!r}")
    return pipeline.Views(int(num_clips), int(num_crops), num_frames)


def open_models(strategy) -> tuple[dict, dict[str, str], int | None]:
    """The networks by stream, where their weights are from, and how many frames their recipe loops a video to."""
    if bool(WORK_DIR.value) == bool(WEIGHTS.value) or not (OUTPUT_DIR.value or WORK_DIR.value):
        raise ValueError(
            "Name a work_dir, or weights and an output_dir. Received: "
            f"work_dir={WORK_DIR.value}, weights={WEIGHTS.value}, output_dir={OUTPUT_DIR.value}"
        )
    if FLOW_WORK_DIR.value and FLOW_WEIGHTS.value:
        raise ValueError(
            "Name a flow_work_dir or flow_weights. Received: "
            f"flow_work_dir={FLOW_WORK_DIR.value}, flow_weights={FLOW_WEIGHTS.value}"
        )
    with strategy.scope():
        found = [open_model(WORK_DIR.value, WEIGHTS.value)]
        if FLOW_WORK_DIR.value or FLOW_WEIGHTS.value:
            found.append(open_model(FLOW_WORK_DIR.value, FLOW_WEIGHTS.value))
    streams = [model.preprocessing.modality for model, _, _ in found]
    if len(found) == 2 and streams != [RGB_STREAM, FLOW_STREAM]:
        raise ValueError(
            "work_dir or weights must be of an RGB network, flow_work_dir or flow_weights of a flow network. "
            f"Received: networks of {' and '.join(streams)}"
        )
    lengths = {frames for _, _, frames in found} - {None}
    if len(lengths) > 1 and not EVAL_FRAMES.value:
        raise ValueError(
            "The two runs loop videos to different lengths; name one with --eval_frames. Received: "
            f"{' and '.join(map(str, sorted(lengths)))}"
        )
    models, sources, _ = (dict(zip(streams, column, strict=True)) for column in zip(*found, strict=True))
    return models, sources, next(iter(lengths), None)


def open_model(work_dir: str | None, weights: str | None) -> tuple:
    """A network, where its weights are from, and how many frames its recipe loops a video to; None without one."""
    if work_dir:
        model, run, step = checkpoints.load_model(Path(work_dir), BEST.value)
    else:
        model, run, step = checkpoints.load_known(weights, BEST.value)
    taken = f"step {step}{', the best' if BEST.value else ''}" if run else ""
    source = ", ".join(part for part in (weights, taken) if part)
    return model, source, run.recipe.eval_frames if run else None


def check_classes(model, split: Split) -> None:
    labels, num_classes = model.preprocessing.labels, model.output_shape[-1]
    if len(split.classes) != num_classes or (labels and labels != split.classes):
        raise ValueError(
            f"The network was trained on other classes than {DATA_DIR.value} has; prepare with the --label_map of its "
            f"classes. Received: {num_classes} and {len(split.classes)} classes"
        )


if __name__ == "__main__":
    cli.run(main)

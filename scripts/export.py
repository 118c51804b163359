"""Exports trained networks as a SavedModel in a TF Serving version folder.

    python scripts/export.py --work_dir=RUN --output_dir=MODEL
    python scripts/export.py --weights=s3d.pth --label_map=kinetics.txt --output_dir=MODEL
    python scripts/export.py --work_dir=RUN --flow_work_dir=FLOW_RUN --output_dir=MODEL

writes MODEL/1, and MODEL/2 the next time, with what TF Serving needs beside them (MODEL/README.md). Callers send JPEGs
or pixels of any size: resize, crop and scaling are inside the graph. docs/serving.md has the signatures.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.data.listing import read_label_map
from s3d_tf.serving.classifier import Classifier
from s3d_tf.serving.decoding import Limits
from s3d_tf.serving.export import export
from s3d_tf.training import checkpoints
from s3d_tf.training.streams import check_labels, check_weights

WORK_DIR = flags.DEFINE_string("work_dir", None, "A run of scripts/train.py.")
WEIGHTS = flags.DEFINE_string("weights", None, "Instead: weights of any known source (docs/weights.md), or a run.")
FLOW_WORK_DIR = flags.DEFINE_string("flow_work_dir", None, "A run on flow, whose logits are added to the other one's.")
FLOW_WEIGHTS = flags.DEFINE_string("flow_weights", None, "Instead: weights of a network of flow.")
STREAM_WEIGHTS = flags.DEFINE_list("stream_weights", ["1", "1"], "Factors of the logits of RGB and of flow.")
BEST = flags.DEFINE_bool("best", False, "Of the runs, the best checkpoint instead of the newest one.")
LABEL_MAP = flags.DEFINE_string("label_map", None, "A class name a line, for weights that come without.")
ENDPOINT = flags.DEFINE_string("endpoint", "Mixed_5c", "What the signature `features` gives the mean of.")
MAX_CLIPS = flags.DEFINE_integer("max_clips", Limits.max_clips, "That a call may hold.", lower_bound=1)
MAX_FRAMES = flags.DEFINE_integer("max_frames", Limits.max_frames, "That a clip may have.", lower_bound=1)
MAX_PIXELS = flags.DEFINE_integer("max_pixels", Limits.max_pixels, "That a frame may have.", lower_bound=1)
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "The folder that TF Serving watches.", required=True)


def main(_):
    model, source = load("", WORK_DIR.value, WEIGHTS.value)
    models, sources = {model.preprocessing.modality: model}, [source]
    if FLOW_WORK_DIR.value or FLOW_WEIGHTS.value:
        flow, source = load("flow_", FLOW_WORK_DIR.value, FLOW_WEIGHTS.value)
        if (model.preprocessing.modality, flow.preprocessing.modality) != ("rgb", "flow"):
            raise ValueError(
                "Two networks are one of RGB and one of flow. Received: "
                f"{model.preprocessing.modality} and {flow.preprocessing.modality}"
            )
        models["flow"] = flow
        sources.append(source)
        check_labels(models)
    try:
        factors = dict(zip(("rgb", "flow"), map(float, STREAM_WEIGHTS.value), strict=True))
    except ValueError:
        raise ValueError(f"stream_weights are two numbers. Received: {','.join(STREAM_WEIGHTS.value)}") from None
    factors = check_weights(factors, models) if len(models) == 2 else None
    labels = tuple(read_label_map(Path(LABEL_MAP.value))) if LABEL_MAP.value else None
    limits = Limits(MAX_CLIPS.value, MAX_FRAMES.value, MAX_PIXELS.value)
    folder = export(Classifier(models, labels, factors, ENDPOINT.value, limits), Path(OUTPUT_DIR.value))
    print(f"{', '.join(sources)}: {folder}")


def load(prefix: str, work_dir: str | None, weights: str | None) -> tuple:
    """The network of a run or of weights, and where it is from in words."""
    if bool(work_dir) == bool(weights):
        raise ValueError(f"Name a {prefix}work_dir or {prefix}weights. Received: {work_dir} and {weights}")
    if work_dir:
        model, _, step = checkpoints.load_model(Path(work_dir), BEST.value)
    else:
        model, _, step = checkpoints.load_known(weights, BEST.value)
    return model, f"{model.name}, {weights if step is None else f'step {step}'}"


if __name__ == "__main__":
    cli.run(main)

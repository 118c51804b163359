"""Exports a trained network as a SavedModel in a TF Serving version folder.

    python scripts/export.py --work_dir=RUN --output_dir=MODEL
    python scripts/export.py --weights=s3d.pth --label_map=kinetics.txt --output_dir=MODEL

writes MODEL/1, and MODEL/2 the next time. Its signature takes `frames`, uint8 RGB [B, T, H, W, 3] of any size: resize,
crop and scaling are inside the graph. It returns `classes` and `scores`, best first, and `logits`.
"""

import dataclasses
from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.data.listing import read_label_map
from s3d_tf.serving.export import export
from s3d_tf.training import checkpoints
from s3d_tf.weights import load_pretrained

WORK_DIR = flags.DEFINE_string("work_dir", None, "A run of scripts/train.py.")
WEIGHTS = flags.DEFINE_string("weights", None, "Instead: weights of any known source (docs/weights.md).")
LABEL_MAP = flags.DEFINE_string("label_map", None, "A class name a line, for weights that come without.")
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "The folder that TF Serving watches.", required=True)


def main(_):
    if bool(WORK_DIR.value) == bool(WEIGHTS.value):
        raise ValueError(f"Name a work_dir or weights. Received: {WORK_DIR.value} and {WEIGHTS.value}")
    if WORK_DIR.value:
        model, _, step = checkpoints.load_model(Path(WORK_DIR.value))
        source = f"step {step}"
    else:
        model = load_pretrained(WEIGHTS.value)
        source = WEIGHTS.value
    preprocessing = model.preprocessing
    if LABEL_MAP.value:
        preprocessing = dataclasses.replace(preprocessing, labels=tuple(read_label_map(Path(LABEL_MAP.value))))
    folder = export(model, preprocessing, Path(OUTPUT_DIR.value))
    print(f"{model.name}, {source}: {folder}")


if __name__ == "__main__":
    cli.run(main)

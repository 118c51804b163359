"""Exports a trained network as a SavedModel in a TF Serving version folder.

    python scripts/export.py --work_dir=RUN --output_dir=MODEL

writes MODEL/1, and MODEL/2 the next time. Its signature takes `frames`, uint8 RGB [B, T, H, W, 3] of any size: resize,
crop and scaling are inside the graph. It returns `classes` and `scores`, best first, and `logits`.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.serving.export import Preprocessing, export
from s3d_tf.training import checkpoints

WORK_DIR = flags.DEFINE_string("work_dir", None, "A run of scripts/train.py.", required=True)
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "The folder that TF Serving watches.", required=True)


def main(_):
    model, run, step = checkpoints.load_model(Path(WORK_DIR.value))
    preprocessing = Preprocessing(run.frame_size, run.recipe.crop, min_frames=run.recipe.num_frames)
    folder = export(model, run.classes, preprocessing, Path(OUTPUT_DIR.value))
    print(f"{model.name}, step {step}: {folder}")


if __name__ == "__main__":
    cli.run(main)

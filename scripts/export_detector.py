"""Exports a trained detector as a SavedModel in a TF Serving version folder.

    python scripts/export_detector.py --work_dir=RUN --output_dir=MODEL

writes MODEL/1, and MODEL/2 the next time, with what TF Serving needs beside them (MODEL/README.md). Callers send a clip
as JPEGs or pixels of any size and get boxes, classes and scores of its key frame.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.detection.start import load_detector
from s3d_tf.serving import detector_companions
from s3d_tf.serving.decoding import Limits
from s3d_tf.serving.detector_graph import MAX_CLIPS, DetectorGraph
from s3d_tf.serving.export import export

WORK_DIR = flags.DEFINE_string("work_dir", None, "A run of scripts/train_detector.py.", required=True)
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "The folder that TF Serving watches.", required=True)
CLIPS = flags.DEFINE_integer("max_clips", MAX_CLIPS, "That a call may hold.", lower_bound=1)
MAX_PIXELS = flags.DEFINE_integer("max_pixels", Limits.max_pixels, "That a frame may have.", lower_bound=1)


def main(_):
    detector, _, step = load_detector(Path(WORK_DIR.value))
    graph = DetectorGraph(detector, Limits(max_clips=CLIPS.value, max_pixels=MAX_PIXELS.value))
    folder = export(graph, Path(OUTPUT_DIR.value), detector_companions)
    print(f"{graph.network}, step {step}: {folder}")


if __name__ == "__main__":
    cli.run(main)

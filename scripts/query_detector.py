"""Sends a video to a detector behind TensorFlow Serving: boxes and classes in every frame, drawn on a copy of it.

    python scripts/query_detector.py --server=localhost:8500 --model=detector --video=FILE --output_dir=found

The model, exported by scripts/export_detector.py, tells the client what it needs. Frames are resized and sent as JPEGs,
the clip around each. Writes what scripts/detect.py writes.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.analysis import detected
from s3d_tf.flag_fields import define, given
from s3d_tf.serving import video_input
from s3d_tf.serving.connection import Connection
from s3d_tf.serving.detector_client import DetectorClient

CONNECTION = define(Connection)
VIDEO = flags.DEFINE_string("video", None, "A video file, or a folder of frames.", required=True)
OUTPUT_DIR = flags.DEFINE_string("output_dir", "detections", "Where the files go.")
LEAST_SCORE = flags.DEFINE_float("least_score", 0.5, "Of boxes that are kept and shown.", lower_bound=0, upper_bound=1)


def main(_):
    video, connection = video_input.find_video(VIDEO.value), Connection(**given(Connection, CONNECTION))
    client = DetectorClient(connection.open(), connection.deadline, connection.retries)
    found = client.detect(video, least_score=0.0)
    print(detected.write(video, found, client.about.labels, Path(OUTPUT_DIR.value), LEAST_SCORE.value))


if __name__ == "__main__":
    cli.run(main)

"""Boxes and classes in every frame of a video, drawn on a copy of it.

    python scripts/detect.py --work_dir=RUN --video=FILE --output_dir=found

RUN is a run of scripts/train_detector.py. Writes found/FILE.json (classes, and of the video's boxes the frame from 0,
the class, the score and ymin, xmin, ymax, xmax in [0, 1]), found/FILE.mp4 and found/FILE.png, a contact sheet of 16
frames; FILE is the name with its ending.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.analysis import detected
from s3d_tf.detection.start import load_detector
from s3d_tf.serving import detect, video_input

WORK_DIR = flags.DEFINE_string("work_dir", None, "A run of scripts/train_detector.py.", required=True)
VIDEO = flags.DEFINE_string("video", None, "A video file, or a folder of frames.", required=True)
OUTPUT_DIR = flags.DEFINE_string("output_dir", "detections", "Where the files go.")
LEAST_SCORE = flags.DEFINE_float("least_score", 0.5, "Of boxes that are kept and shown.", lower_bound=0, upper_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 4, "Clips at once.", lower_bound=1)


def main(_):
    video = video_input.find_video(VIDEO.value)
    detector, _, _ = load_detector(Path(WORK_DIR.value))
    found = detect.detect(detector, video, least_score=0.0, batch_size=BATCH_SIZE.value)
    print(detected.write(video, found, detector.preprocessing.labels, Path(OUTPUT_DIR.value), LEAST_SCORE.value))


if __name__ == "__main__":
    cli.run(main)

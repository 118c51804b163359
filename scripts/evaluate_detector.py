"""Frame-mAP, video-mAP and what goes wrong of a trained detector, in every frame of every video.

    python scripts/evaluate_detector.py --work_dir=RUN --data_dir=RECORDS

Writes into RUN: detections_SPLIT.json, all boxes that were found; detection_SPLIT.json, the measures with what they
were made with; detection_SPLIT.csv, a row a class; detection_SPLIT.png, precision over recall. docs/detection.md says
what each number means.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.analysis import detection_report
from s3d_tf.data.split import open_split
from s3d_tf.detection import start
from s3d_tf.detection.evaluate import KEEP_FROM, evaluate
from s3d_tf.detection.linking import Linking
from s3d_tf.flag_fields import define, given

WORK_DIR = flags.DEFINE_string("work_dir", None, "A run of scripts/train_detector.py.", required=True)
DATA_DIR = flags.DEFINE_string("data_dir", None, "What scripts/prepare_videos.py wrote.", required=True)
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the numbers go; the work_dir by default.")
SPLIT = flags.DEFINE_string("split", "val", "Which split.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "Frames at once; no number depends on it.", lower_bound=1)
KEEP = flags.DEFINE_float("keep_from", KEEP_FROM, "Detections that score less are left out.", 0.0, 1.0)
LINKING = define(Linking)


def main(_):
    output_dir = Path(OUTPUT_DIR.value or WORK_DIR.value)
    linking = Linking(**given(Linking, LINKING))
    detector, _, step = start.load_detector(Path(WORK_DIR.value))
    path, split = output_dir / f"detections_{SPLIT.value}.json", open_split(DATA_DIR.value, SPLIT.value)
    options = dict(batch_size=BATCH_SIZE.value, keep_from=KEEP.value, linking=linking)
    measures = evaluate(detector, split, path, **options)
    measures = measures._replace(result=dict(weights=f"step {step}", split=SPLIT.value) | measures.result)
    print(tell(measures.result))
    try:
        detection_report.write(measures, output_dir, f"detection_{SPLIT.value}")
    except ImportError:
        print(f"matplotlib is missing, so there is no detection_{SPLIT.value}.png: pip install -e '.[plots]'")


def tell(result: dict) -> str:
    """The measures in a line."""
    videos = ", ".join(f"{value:.1%} at {key}" for key, value in result["video_map"].items())
    return (
        f"{result['weights']}, {result['split']}: frame-mAP {result['frame_map']:.1%} at {result['overlap']}, "
        f"video-mAP {videos}; {result['frames']} frames of {result['videos']} videos"
    )


if __name__ == "__main__":
    cli.run(main)

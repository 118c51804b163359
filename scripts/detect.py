"""Boxes and classes in every frame of a video, drawn on a copy of it.

    python scripts/detect.py --work_dir=RUN --video=FILE --output_dir=found

RUN is a run of scripts/train_detector.py. Writes found/FILE.json (classes, and of the video's boxes the frame from 0,
the class, the score and ymin, xmin, ymax, xmax in [0, 1]), FILE.mp4 and FILE.png, a contact sheet of 16 frames.
"""

from pathlib import Path

import numpy as np
from absl import flags
from tqdm import tqdm

from s3d_tf import cli
from s3d_tf.analysis import boxes_drawn
from s3d_tf.analysis.contact_sheet import write_picture
from s3d_tf.data.video import VideoError, open_video
from s3d_tf.detection.start import load_detector
from s3d_tf.files import write_json
from s3d_tf.serving import detect, video_input

WORK_DIR = flags.DEFINE_string("work_dir", None, "A run of scripts/train_detector.py.", required=True)
VIDEO = flags.DEFINE_string("video", None, "A video file, or a folder of frames.", required=True)
OUTPUT_DIR = flags.DEFINE_string("output_dir", "detections", "Where the files go.")
LEAST_SCORE = flags.DEFINE_float("least_score", 0.5, "Of the boxes that are shown.", lower_bound=0, upper_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 4, "Clips at once.", lower_bound=1)
SHEET_FRAMES = 16


def main(_):
    output_dir, (video, *others) = Path(OUTPUT_DIR.value), video_input.find_videos([VIDEO.value])
    if others:
        raise ValueError(f"Name one video. Received: {VIDEO.value}, with {len(others) + 1} of them")
    try:
        reader = open_video(video, video_input.FOLDER_FPS)
    except VideoError as error:
        raise ValueError(f"Cannot read {video}: {error}") from None
    detector, _, _ = load_detector(Path(WORK_DIR.value))
    output_dir.mkdir(parents=True, exist_ok=True)
    found = [
        boxes
        for _, boxes in tqdm(
            detect.detect(detector, video, least_score=LEAST_SCORE.value, batch_size=BATCH_SIZE.value),
            total=reader.declared_frames or None,
            unit="frame",
            desc="detecting",
        )
    ]
    labels = detector.preprocessing.labels
    rows = [(number, box) for number, boxes in enumerate(found) for box in boxes]
    entry = {
        "frame": [number for number, _ in rows],
        "class": [labels.index(box.label) for _, box in rows],
        "score": [round(box.score, 6) for _, box in rows],
        "boxes": [[round(side, 6) for side in box.box] for _, box in rows],
    }
    write_json(output_dir / f"{video.stem}.json", {"classes": labels, "videos": {video.name: entry}})
    kept = {}
    boxes_drawn.write_movie(output_dir / f"{video.stem}.mp4", drawn(video, found, labels, kept), reader.fps or 25.0)
    write_picture(output_dir / f"{video.stem}.png", boxes_drawn.sheet(kept))
    print(f"{sum(map(len, found))} boxes in {len(found)} frames: {output_dir / video.stem}.json, .mp4, .png")


def drawn(video: Path, found: list, labels: tuple[str, ...], kept: dict):
    """The video's frames with their boxes; those of the sheet stay in `kept`."""
    shown = set(np.linspace(0, len(found) - 1, min(SHEET_FRAMES, len(found))).round().astype(int).tolist())
    for number, (frame, boxes) in enumerate(zip(video_input.decode(video, None), found, strict=False)):
        image = boxes_drawn.draw(frame, boxes, labels)
        if number in shown:
            kept[number] = image
        yield image


if __name__ == "__main__":
    cli.run(main)

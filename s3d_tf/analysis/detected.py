"""What a detector found in a video, as files: the boxes, a copy of the video with them, and a contact sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..data.video import VideoError, open_video
from ..files import write_json
from ..serving import video_input
from ..serving.detect import Detection
from . import boxes_drawn
from .contact_sheet import write_picture

SHEET_FRAMES = 16
ENDINGS = (".json", ".mp4", ".png")

Found = list[list[Detection]]
"""The detections of each frame."""


def write(
    video: Path, detections: Iterable[tuple[int, list[Detection]]], labels: Sequence[str], output_dir: Path
) -> str:
    """Writes VIDEO.json, VIDEO.mp4 and VIDEO.png.

    Args:
        video: a file, or a folder of frames.
        detections: of each of its frames, as they come.
        labels: all classes.
        output_dir: where the files go.

    Returns:
        A line that tells what was found and where it is.

    Raises:
        ValueError: the video cannot be read, or lies where its copy would.
        OSError: OpenCV cannot write the copy, or a full disk.
    """
    try:
        reader = open_video(video, video_input.FOLDER_FPS)
    except VideoError as error:
        raise ValueError(f"Cannot read {video}: {error}") from None
    path = output_dir / f"{video.stem}.json"
    if any(path.with_suffix(ending).exists() and path.with_suffix(ending).samefile(video) for ending in ENDINGS):
        raise ValueError(f"The video itself would be overwritten; name another --output_dir. Received: {output_dir}")
    output_dir.mkdir(parents=True, exist_ok=True)
    bar = tqdm(detections, total=reader.declared_frames or None, unit="frame", desc="detecting")
    found = [boxes for _, boxes in bar]
    write_json(path, {"classes": list(labels), "videos": {video.name: rows(found, labels)}})
    kept: dict[int, np.ndarray] = {}
    boxes_drawn.write_movie(path.with_suffix(".mp4"), _drawn(video, found, labels, kept), reader.fps or 25.0)
    write_picture(path.with_suffix(".png"), boxes_drawn.sheet(kept))
    return f"{sum(map(len, found))} boxes in {len(found)} frames: {path}, .mp4, .png"


def rows(found: Found, labels: Sequence[str]) -> dict[str, list]:
    """As `s3d_tf.detection.annotations` has the detections of a video in JSON: equally long lists."""
    boxes = [(number, box) for number, some in enumerate(found) for box in some]
    return {
        "frame": [number for number, _ in boxes],
        "class": [labels.index(box.label) for _, box in boxes],
        "score": [round(box.score, 6) for _, box in boxes],
        "boxes": [[round(side, 6) for side in box.box] for _, box in boxes],
    }


def _drawn(video: Path, found: Found, labels: Sequence[str], kept: dict[int, np.ndarray]) -> Iterator[np.ndarray]:
    """The video's frames with their boxes; those of the sheet stay in `kept`."""
    shown = set(np.linspace(0, len(found) - 1, min(SHEET_FRAMES, len(found))).round().astype(int).tolist())
    for number, (frame, boxes) in enumerate(zip(video_input.decode(video, None), found, strict=False)):
        image = boxes_drawn.draw(frame, boxes, labels)
        if number in shown:
            kept[number] = image
        yield image

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
from .movie import write_movie

SHEET_FRAMES = 16

Found = list[list[Detection]]
"""The detections of each frame."""


def write(
    video: Path,
    detections: Iterable[tuple[int, list[Detection]]],
    labels: Sequence[str],
    output_dir: Path,
    least_score: float,
) -> str:
    """Writes `VIDEO.json`, `VIDEO.mp4` and `VIDEO.png`, VIDEO being the name with its ending.

    Args:
        video: a file, or a folder of frames.
        detections: of each of its frames, as they come.
        labels: all classes.
        output_dir: where the files go.
        least_score: of the boxes that are kept.

    Returns:
        A line that tells what was found and where it is.

    Raises:
        ValueError: the video cannot be read, its frames lie where files would go, or another video does.
        OSError: OpenCV cannot write the copy, or a full disk.
    """
    base = str(output_dir / video.name)
    if output_dir.resolve().is_relative_to(video.resolve()):
        raise ValueError(f"Frames and results would be mixed up; name another --output_dir. Received: {output_dir}")
    if Path(f"{base}.mp4").exists() and not Path(f"{base}.json").exists():
        raise ValueError(f"A video of somebody's would be overwritten; name another --output_dir. Received: {base}.mp4")
    try:
        reader = open_video(video, video_input.FOLDER_FPS)
    except VideoError as error:
        raise ValueError(f"Cannot read {video}: {error}") from None
    output_dir.mkdir(parents=True, exist_ok=True)
    bar = tqdm(detections, total=reader.declared_frames or None, unit="frame", desc="detecting")
    found, best = [], 0.0
    for _, boxes in bar:
        best = max([best, *(box.score for box in boxes)])
        found.append([box for box in boxes if box.score >= least_score])
    write_json(Path(f"{base}.json"), {"classes": list(labels), "videos": {video.name: rows(found, labels)}})
    kept: dict[int, np.ndarray] = {}
    write_movie(Path(f"{base}.mp4"), _drawn(video, found, labels, kept), reader.fps or 25.0)
    write_picture(Path(f"{base}.png"), boxes_drawn.sheet(kept))
    kind = f"boxes that score {least_score:g} or more (the best {best:.2f})"
    return f"{sum(map(len, found))} {kind} in {len(found)} frames: {base}.json, .mp4, .png"


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

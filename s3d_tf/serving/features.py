"""Videos -> one file of features each: an endpoint's activations, pooled or not, window by window."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ..data import video
from ..data.frames import resize
from ..data.listing import list_csv
from ..files import read_json, write_bytes, write_json
from ..networks import endpoints
from ..networks.clip import MIN_FRAMES
from . import video_input
from .decoding import UNLIMITED, from_pixels, to_clip
from .windows import sliding

SETTINGS = "features.json"
POOLS = {"space_time": (1, 2, 3), "space": (2, 3), "none": ()}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is taken of a video.

    Attributes:
        endpoint: name of a layer.
        pool: what the activations `[T', H', W', C]` are averaged over: "space_time", "space" or "none". An endpoint
            that has no such axes stays as it is.
        window: frames seen at once; None is all of them.
        stride: frames from one window's start to the next one's; a window by default.

    Raises:
        ValueError: a value out of range.
    """

    endpoint: str = "Mixed_5c"
    pool: str = "space_time"
    window: int | None = None
    stride: int | None = None

    def __post_init__(self):
        if self.pool not in POOLS:
            raise ValueError(f"pool must be one of {', '.join(POOLS)}. Received: {self.pool!r}")
        if self.window is not None and self.window < MIN_FRAMES:
            raise ValueError(f"A window needs {MIN_FRAMES} frames or more. Received: {self.window}")
        if self.stride is not None and (self.window is None or self.stride < 1):
            raise ValueError(
                f"A stride is 1 or more, of windows. Received: stride={self.stride} and window={self.window}"
            )


class Features(NamedTuple):
    """Of one video."""

    features: np.ndarray  # [N, C], [N, T', C] or [N, T', H', W', C] float32, of N windows
    start_frame: np.ndarray  # [N] int64: where each window starts


class Extractor:
    """Computes the features of video files.

    Args:
        model: with its `preprocessing` (as `load_pretrained` gives it).
        settings: see `Settings`.

    Raises:
        ValueError: no such endpoint, or a network of flow.
    """

    def __init__(self, model: keras.Model, settings: Settings):
        if model.preprocessing.modality != "rgb":
            raise ValueError(f"Features are of RGB frames. Received: a network of {model.preprocessing.modality}")
        self.model, self.settings = model, settings
        self.preprocessing = model.preprocessing
        if settings.window:  # else short videos are looped up to what the network was trained on
            self.preprocessing = dataclasses.replace(self.preprocessing, min_frames=settings.window)
        tapped = endpoints(model, [settings.endpoint])
        preprocessing = self.preprocessing
        axes = POOLS[settings.pool]

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)])
        def activations(frames):  # [T, rows, columns, 3] -> the endpoint's, pooled, without the batch
            clip = to_clip(from_pixels(frames[None], preprocessing, UNLIMITED), preprocessing)
            found = tapped(clip, training=False)[settings.endpoint]
            return (tf.reduce_mean(found, axes) if len(found.shape) == 5 and axes else found)[0]

        self._activations = activations

    def extract(self, path: Path) -> Features:
        """The features of every window of a video file, as `sliding` cuts it.

        Raises:
            VideoError: no frame of the file decodes.
        """
        p = self.preprocessing
        frames = (resize(frame, p.resize) for frame in video_input.decode(path, p.fps))
        found = [
            (start, self._activations(tf.constant(np.stack(window))).numpy())
            for start, window in sliding(frames, self.settings.window, self.settings.stride)
        ]
        if not found:
            raise video.VideoError("no frame decodes")
        return Features(np.stack([array for _, array in found]), np.array([start for start, _ in found], np.int64))

    def record(self) -> dict:
        """All that decides the numbers, as a dict for JSON: settings, preprocessing and a hash of the weights."""
        digest = hashlib.sha256()
        for variable in self.model.weights:  # the seed of the dropout left out
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)))
        preprocessing = self.model.preprocessing.to_json()
        del preprocessing["labels"]
        return dict(
            network=self.model.name,
            weights=digest.hexdigest(),
            **dataclasses.asdict(self.settings),
            preprocessing={key: list(v) if isinstance(v, tuple) else v for key, v in preprocessing.items()},
        )


def find_videos(source: Path) -> dict[str, Path]:
    """The videos of a file, a folder (`video_input.videos_in`) or a CSV of `path,label`.

    Returns:
        Name -> path; the name is the path relative to the folder, or as the CSV gives it, without `/` or `..` in front.

    Raises:
        ValueError: no videos, or two of one name.
    """
    if source.is_dir():
        inside = video_input.videos_in(source)
        pairs = [(path.relative_to(source) if path != source else Path(source.resolve().name), path) for path in inside]
    elif source.suffix.lower() == ".csv":
        pairs = [(Path(item.media_id), Path(item.path)) for item in list_csv(source)]
    else:
        pairs = [(Path(source.name), source)]
    found: dict[str, Path] = {}
    for name, path in pairs:
        key = "/".join(part for part in name.parts if part not in (name.anchor, ".."))
        if found.setdefault(key, path) != path:
            raise ValueError(f"Two videos would have their features in {key}.npz. Received: {found[key]} and {path}")
    if not found:
        raise ValueError(f"There are no videos. Received: {source}")
    return found


def extract_all(extractor: Extractor, videos: Mapping[str, Path], output_dir: Path) -> dict[Path, str]:
    """Writes `NAME.npz` for every video that has none yet: `Features`, `endpoint` and `source`, the video's path.

    Args:
        extractor: whose `record` is kept in `features.json`, so that a folder never mixes settings.
        videos: name -> path, as `find_videos` gives them.
        output_dir: made if missing. Files appear whole: under a temporary name, then renamed.

    Returns:
        The videos that cannot be read, and why.

    Raises:
        ValueError: the folder holds features of other settings or weights; those that differ are named.
    """
    claim(output_dir, extractor.record())
    unreadable = {}
    for name, path in tqdm(videos.items(), unit="video", desc="extracting"):
        target = output_dir / f"{name}.npz"
        if target.exists():
            continue
        try:
            found = extractor.extract(path)
        except video.VideoError as error:
            unreadable[path] = str(error)
            continue
        packed = io.BytesIO()
        np.savez(packed, **found._asdict(), endpoint=extractor.settings.endpoint, source=str(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, packed.getvalue())
    return unreadable


def claim(output_dir: Path, record: dict) -> None:
    """Writes the record of a folder of features, or compares it with the one that is there.

    Raises:
        ValueError: they differ.
    """
    path = output_dir / SETTINGS
    if not path.exists():
        output_dir.mkdir(parents=True, exist_ok=True)
        write_json(path, record)
        return
    before = read_json(path)
    if differing := [key for key in record if not isinstance(before, dict) or before.get(key) != record[key]]:
        raise ValueError(f"This folder holds features of another {', '.join(differing)}. Received: {output_dir}")

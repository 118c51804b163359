"""What in a video speaks for a class: its frames as a network sees them, with their Grad-CAM."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ..data import video
from ..serving import video_input
from ..serving.answer import rank
from ..serving.decoding import UNLIMITED, from_pixels, to_clip
from .saliency import Saliency, enlarge, normalise

_NAMED = 8  # classes in the sentence about one that there is none of


class Explanation(NamedTuple):
    start: int  # number of the first frame
    frames: np.ndarray  # [T, crop, crop, 3] uint8 RGB
    heat: np.ndarray  # [T, crop, crop] float32 in [0, 1]
    label: str  # what the heat speaks for
    ranking: list[tuple[str, float]]  # every class with its score in [0, 1], falling
    more: bool  # whether the video has windows after this one


def explain(
    model: keras.Model, path: Path, label: str | None = None, endpoint: str = "Mixed_5c", window: int = 0
) -> Explanation:
    """The Grad-CAM of a class over the frames of a video, which are read, resized and cropped as to classify it.

    Args:
        model: with its `preprocessing` (as `load_pretrained` gives it). One of flow sees flow; the frames are RGB.
        path: a video file or a folder of frames.
        label: of the class; the top one by default.
        endpoint: see `saliency.Saliency`.
        window: which one, from 0, of those that a video of more than `video_input.WINDOW` frames goes in.

    Raises:
        ValueError: no frame of the video decodes, no such class, endpoint or window.
    """
    p = model.preprocessing
    labels = p.labels or tuple(str(index) for index in range(model.output_shape[-1]))
    chosen = None if label is None else [index_of(label, labels)]
    saliency = Saliency(model, endpoint)
    as_rgb = p if p.modality == "rgb" else dataclasses.replace(p, modality="rgb", mean=None, std=None)
    windows = video_input.windows(path, {"rgb": as_rgb, p.modality: p})
    shown = next(itertools.islice(windows, window, None), None)
    if shown is None:
        raise ValueError(f"The video has fewer windows of {video_input.WINDOW} frames. Received: window={window}")
    seen = {
        stream: from_pixels(tf.constant(pixels[None]), as_rgb if stream == "rgb" else p, UNLIMITED)
        for stream, pixels in shown.streams.items()
    }
    clip = to_clip(seen[p.modality], p)[0].numpy()
    logits, (found,) = saliency.logits_and_maps(clip, chosen)
    heat = enlarge(normalise(found), clip.shape[:3])[: shown.num_frames]  # once of a video that was looped
    ranking = rank(logits, labels)
    more = next(windows, None) is not None
    return Explanation(shown.start, seen["rgb"][0].numpy(), heat, label or ranking[0][0], ranking, more)


def index_of(label: str, labels: Sequence[str]) -> int:
    """Which of the logits a class has.

    Raises:
        ValueError: none; the first of those that there are are named.
    """
    if label not in labels:
        names = ", ".join(labels[:_NAMED]) + (f", ... ({len(labels)} in all)" if len(labels) > _NAMED else "")
        raise ValueError(f"There is no such class; there are {names}. Received: {label!r}")
    return labels.index(label)


def rate(model: keras.Model, path: Path) -> float:
    """Frames a second at which the network sees a video."""
    return model.preprocessing.fps or video.open_video(path, video_input.FOLDER_FPS).fps

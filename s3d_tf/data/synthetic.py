"""The embedded data set: real encoded video files whose class is a motion or an appearance.

*Motion*: random textures; the class is only how they move. A clip played backwards is, bit for bit, the clip of the
opposite class, and a single frame says nothing. *Appearance*: the class is what is seen, the motion is random.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from ..files import read_json, write_json
from . import locks

OPPOSITES = {
    "drift_left": "drift_right",
    "drift_right": "drift_left",
    "drift_up": "drift_down",
    "drift_down": "drift_up",
    "zoom_in": "zoom_out",
    "zoom_out": "zoom_in",
    "turn_left": "turn_right",
    "turn_right": "turn_left",
}
MOTIONS = tuple(OPPOSITES)
PATHS = {  # pixels down, pixels right, log of the enlargement, radians to the left; each a frame
    "drift_left": (0, -1, 0, 0),
    "drift_right": (0, 1, 0, 0),
    "drift_up": (-1, 0, 0, 0),
    "drift_down": (1, 0, 0, 0),
    "zoom_in": (0, 0, 0.03, 0),
    "zoom_out": (0, 0, -0.03, 0),
    "turn_left": (0, 0, 0, 0.06),
    "turn_right": (0, 0, 0, -0.06),
}
DRIFTS = MOTIONS[:4]
LOOKS = ("blocks", "checks", "crosses", "dots", "grains", "rings", "stripes", "triangles")
FLAVOURS = {"motion": MOTIONS, "appearance": LOOKS}
_SPEC, _LOCK = "set.json", ".lock"


@dataclasses.dataclass(frozen=True)
class SyntheticSet:
    """What is written; the same fields give the same files.

    Attributes:
        flavour: "motion" or "appearance".
        classes: which of the flavour's classes.
        num_train, num_val: videos a split.
        size: rows and columns, pixels.
        num_frames: frames a video.
        fps: frames per second.
        seed: of everything random.
    """

    flavour: str = "motion"
    classes: tuple[str, ...] = MOTIONS
    num_train: int = 1600
    num_val: int = 400
    size: int = 40
    num_frames: int = 20
    fps: float = 25.0
    seed: int = 0

    def __post_init__(self):
        if self.flavour not in FLAVOURS:
            raise ValueError(f"flavour must be one of {', '.join(FLAVOURS)}. Received: {self.flavour!r}")
        known = FLAVOURS[self.flavour]
        if len(self.classes) < 2 or not set(self.classes) <= set(known):
            raise ValueError(f"classes must be two or more of {', '.join(known)}. Received: {', '.join(self.classes)}")
        if min(self.num_train, self.num_val) < len(self.classes) or self.size < 16 or self.num_frames < 2:
            raise ValueError(
                "Every split needs a video of each class, of 16 pixels and 2 frames at least. Received: "
                f"num_train={self.num_train}, num_val={self.num_val}, size={self.size}, num_frames={self.num_frames}"
            )


def write_set(spec: SyntheticSet, directory: Path) -> int:
    """Writes `directory/SPLIT/CLASS/NNNNN.avi`; a folder that holds the same set already is left as it is.

    Returns:
        The number of videos.

    Raises:
        ValueError: the folder holds something else.
    """
    if spec.seed < 0:
        raise ValueError(f"seed must not be negative. Received: {spec.seed}")
    fields = {**dataclasses.asdict(spec), "classes": list(spec.classes)}
    count = spec.num_train + spec.num_val
    with whole_folder(directory, fields) as folder:
        if folder is None:
            return count
        with tqdm(total=count, unit="video", desc="drawing") as bar:
            for split, split_count in (("train", spec.num_train), ("val", spec.num_val)):
                for index in range(split_count):
                    label = spec.classes[index % len(spec.classes)]
                    path = folder / split / label / f"{index:05d}.avi"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    random = np.random.default_rng([spec.seed, ("train", "val").index(split), index])
                    write_video(path, render(spec, label, random), spec.fps)
                    bar.update()
    return count


@contextlib.contextmanager
def whole_folder(directory: Path, fields: dict[str, Any]) -> Iterator[Path | None]:
    """A folder to fill with what `fields` describe, which then appears as `directory`; None if that holds it already.

    Raises:
        ValueError: the directory holds something else, or another process is filling it.
    """
    if directory.exists():
        if (directory / _SPEC).exists() and read_json(directory / _SPEC) == fields:
            yield None
            return
        raise ValueError(f"The folder holds something else; choose another or delete it. Received: {directory}")
    temporary = directory.with_name(f"{directory.name}.tmp")
    temporary.mkdir(parents=True, exist_ok=True)
    with locks.hold(temporary / _LOCK, 0, 1) as locked:
        if not locked:
            raise ValueError(f"Another process is filling this folder; wait for it. Received: {directory}")
        for left in temporary.iterdir():  # by a killed call
            if left.name != _LOCK:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield temporary
        write_json(temporary / _SPEC, fields)
        (temporary / _LOCK).unlink(missing_ok=True)
        os.replace(temporary, directory)


def write_video(path: Path, frames: np.ndarray, fps: float) -> None:
    """`[T, H, W, 3]` uint8 RGB -> a Motion-JPEG AVI.

    Raises:
        OSError: it could not be written, wholly: OpenCV does not tell of a full disk.
    """
    height, width = frames.shape[1:3]
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter_fourcc(*"MJPG"), fps, (width, height))
    if not writer.isOpened():
        raise OSError(f"OpenCV cannot write {path}")
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    with path.open("rb") as file:
        declared = int.from_bytes(file.read(8)[4:], "little") + 8
    if path.stat().st_size < max(declared, 1000):
        raise OSError(f"The video is not whole, perhaps for a full disk. Received: {path}")


def render(spec: SyntheticSet, label: str, random: np.random.Generator) -> np.ndarray:
    """One video of a class as `[T, H, W, 3]` uint8 RGB."""
    if spec.flavour == "motion":
        return move(draw("blocks", random), label, spec, random)
    motion = MOTIONS[random.integers(len(MOTIONS))]
    return move(draw(label, random), motion, spec, random)


def move(texture: np.ndarray, motion: str, spec: SyntheticSet, random: np.random.Generator) -> np.ndarray:
    """A texture under one motion. The path is symmetric in time: backwards it is the opposite motion, exactly."""
    phase = np.arange(spec.num_frames) - (spec.num_frames - 1) / 2  # [T], symmetric around 0
    speed = random.uniform(0.75, 1.25)
    centre = random.uniform(0, len(texture), 2)
    scale, angle = math.exp(random.uniform(-0.2, 0.2)), random.uniform(0, 2 * math.pi)
    down, right, grow, turn = PATHS[motion]
    return np.stack(
        [
            view(texture, centre, (p * down, p * right), scale * math.exp(p * grow), angle + p * turn, spec.size)
            for p in phase * speed
        ]
    )


def view(
    texture: np.ndarray,
    centre: np.ndarray,
    shift: tuple[float, float],
    scale: float,
    angle: float,
    size: int,
) -> np.ndarray:
    """A window of `size` x `size` pixels into an endlessly repeated texture, whose content is shifted by `shift`
    pixels (down, right), enlarged by `scale` and turned left by `angle` radians around `centre`."""
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    middle = (size - 1) / 2
    x, y = -middle - shift[1], -middle - shift[0]
    to_texture = np.array([[cos, -sin, centre[1] + cos * x - sin * y], [sin, cos, centre[0] + sin * x + cos * y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(texture, to_texture, (size, size), flags=flags, borderMode=cv2.BORDER_WRAP)


def draw(look: str, random: np.random.Generator, size: int = 128) -> np.ndarray:
    """A tileable texture `[size, size, 3]` uint8 of one of `LOOKS`: random shades of grey (blocks), random colours
    (grains), or two random, clearly different colours."""
    cell = size // 8
    row, column = np.mgrid[:size, :size] % cell / cell - 0.5  # place within a cell, [-0.5, 0.5)
    radius = np.hypot(row, column)
    masks = {
        "checks": row * column > 0,
        "crosses": np.minimum(abs(row), abs(column)) < 0.12,
        "dots": radius < 0.3,
        "rings": abs(radius - 0.3) < 0.1,
        "stripes": row > 0,
        "triangles": abs(column) < (row + 0.5) / 2,
    }
    if look in ("blocks", "grains"):
        block, channels = (4, 1) if look == "blocks" else (2, 3)
        shades = random.integers(0, 256, (size // block, size // block, channels))
        return np.broadcast_to(shades.repeat(block, 0).repeat(block, 1), (size, size, 3)).astype(np.uint8)
    dark, light = random.uniform(0, 90, 3), random.uniform(165, 255, 3)
    colours = (dark, light) if random.random() < 0.5 else (light, dark)
    return np.uint8(np.where(masks[look][..., None], *colours))

"""The embedded detection set: one to three textured actors, whose class is only how they move; their boxes are known.

An actor is a patch through which a texture drifts, in the direction of its class; the patch wanders slowly in any
direction, whatever its class. Its box is known in every frame, to the pixel. Neither size, place and colours of an
actor nor its frames without their order say anything of its class: backwards, with the patch's path turned, an actor
of one class is, bit for bit, one of the opposite class.
"""

from __future__ import annotations

import colorsys
import dataclasses
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ..files import write_json
from .layouts.annotated import ANNOTATIONS
from .synthetic import DRIFTS, MOTIONS, PATHS, draw, view, whole_folder, write_video

_WANDER = 0.25  # pixels a frame, at most, of a patch along rows and columns
_APART = 3  # pixels between the places that two patches come to, at least
_TRIES = 200  # of placing all actors of a video; then one fewer is placed


@dataclasses.dataclass(frozen=True)
class DetectionSet:
    """What is written; the same fields give the same files.

    Attributes:
        classes: of `synthetic.MOTIONS`.
        num_train, num_val: videos a split.
        rows, columns: of a frame, pixels.
        smallest, largest: sides of an actor, pixels.
        most_actors: of a video; each number from 1 on is as likely.
        num_frames: frames a video.
        fps: frames per second.
        seed: of everything random.
    """

    classes: tuple[str, ...] = DRIFTS
    num_train: int = 400
    num_val: int = 60
    rows: int = 96
    columns: int = 128
    smallest: int = 26
    largest: int = 42
    most_actors: int = 3
    num_frames: int = 20
    fps: float = 25.0
    seed: int = 0

    def __post_init__(self):
        if not self.classes or not set(self.classes) <= set(MOTIONS):
            raise ValueError(f"classes must be of {', '.join(MOTIONS)}. Received: {', '.join(self.classes)}")
        if min(self.num_train, self.num_val, self.most_actors) < 1 or self.num_frames < 2 or self.seed < 0:
            raise ValueError(f"A set needs videos of actors, of 2 frames, and a seed from 0 on. Received: {self}")
        room = min(self.rows, self.columns) - _WANDER * self.num_frames - 2
        if not 8 <= self.smallest <= self.largest <= room:
            raise ValueError(f"Actors of 8 pixels or more must fit into the frame. Received: {self}")


class Actor(NamedTuple):
    """How one actor looks and moves."""

    label: str
    texture: np.ndarray  # [S, S, 3] uint8, endlessly repeated
    centre: np.ndarray  # [2] place in the texture
    scale: float
    angle: float  # radians
    speed: float  # pixels a frame that the texture drifts, or turns and zooms in proportion
    size: tuple[int, int]  # rows and columns of the patch
    corners: np.ndarray  # [T, 2] int, its upper left corner in each frame


def write_set(spec: DetectionSet, directory: Path) -> int:
    """Writes `directory/SPLIT/NNNNN.avi` and `annotations.json`; a folder that holds the same set already is left.

    Returns:
        The number of videos.

    Raises:
        ValueError: the folder holds something else.
    """
    fields = {**dataclasses.asdict(spec), "classes": list(spec.classes), "flavour": "detection"}
    count = spec.num_train + spec.num_val
    with whole_folder(directory, fields) as folder:
        if folder is None:
            return count
        videos = {}
        with tqdm(total=count, unit="video", desc="drawing") as bar:
            for number, (split, split_count) in enumerate((("train", spec.num_train), ("val", spec.num_val))):
                (folder / split).mkdir(parents=True)
                for index in range(split_count):
                    frames, actors = render(spec, np.random.default_rng([spec.seed, number, index]))
                    write_video(folder / split / f"{index:05d}.avi", frames, spec.fps)
                    annotated = [annotate(actor, frames.shape[1:3]) for actor in actors]
                    videos[f"{split}/{index:05d}.avi"] = {"split": split, "actors": annotated}
                    bar.update()
        write_json(folder / ANNOTATIONS, {"classes": list(spec.classes), "may_flip": False, "videos": videos})
    return count


def render(spec: DetectionSet, random: np.random.Generator) -> tuple[np.ndarray, list[Actor]]:
    """One video as `[T, H, W, 3]` uint8 RGB, and who is in it."""
    ground = draw("blocks", random) // 3 + 64  # pale, so that actors stand out in a single frame
    side = max(spec.rows, spec.columns)
    centre, angle = random.uniform(0, len(ground), 2), random.uniform(0, 2 * math.pi)
    still = view(ground, centre, (0, 0), 2.0, angle, side)[: spec.rows, : spec.columns]
    frames = np.repeat(still[None], spec.num_frames, axis=0)
    actors = [make_actor(spec, corners, size, random) for corners, size in _places(spec, random)]
    for actor in actors:
        for frame, (top, left), patch in zip(frames, actor.corners, patches(actor), strict=True):
            frame[top : top + actor.size[0], left : left + actor.size[1]] = patch
    return frames, actors


def make_actor(spec: DetectionSet, corners: np.ndarray, size: tuple[int, int], random: np.random.Generator) -> Actor:
    """An actor of a random class and look, whose patch has a size and goes a way."""
    colour = 255 * np.array(colorsys.hsv_to_rgb(random.uniform(), 0.8, 1.0))
    texture = draw("blocks", random) / 255 * colour
    return Actor(
        label=spec.classes[random.integers(len(spec.classes))],
        texture=texture.astype(np.uint8),
        centre=random.uniform(0, len(texture), 2),
        scale=math.exp(random.uniform(-0.2, 0.2)),
        angle=random.uniform(0, 2 * math.pi),
        speed=random.uniform(0.75, 1.25),
        size=size,
        corners=corners,
    )


def patches(actor: Actor) -> np.ndarray:
    """What is seen of an actor, `[T, *size, 3]` uint8: its texture drifts in the frame, wherever the patch goes.

    The path is symmetric in time, as that of `synthetic.move`.
    """
    phase = (np.arange(len(actor.corners)) - (len(actor.corners) - 1) / 2) * actor.speed
    away = actor.corners - (actor.corners[0] + actor.corners[-1]) / 2  # [T, 2] of the patch from its middle
    down, right, grow, turn = PATHS[actor.label]
    seen = [
        view(
            actor.texture,
            actor.centre,
            (p * down - shift[0], p * right - shift[1]),
            actor.scale * math.exp(p * grow),
            actor.angle + p * turn,
            max(actor.size),
        )
        for p, shift in zip(phase, away, strict=True)
    ]
    return np.stack(seen)[:, : actor.size[0], : actor.size[1]]


def annotate(actor: Actor, frame_size: tuple[int, int]) -> dict:
    """An actor of `annotations.json`."""
    size = np.array([*frame_size, *frame_size])
    boxes = np.concatenate([actor.corners, actor.corners + actor.size], axis=1) / size
    return {"class": actor.label, "first_frame": 0, "boxes": boxes.round(6).tolist()}


def _places(spec: DetectionSet, random: np.random.Generator) -> list[tuple[np.ndarray, tuple[int, int]]]:
    """The way of each actor's upper left corner, `[T, 2]` int, and its size; none comes near another's way."""
    number = int(random.integers(1, spec.most_actors + 1))
    for attempt in range(_TRIES * number):
        count = number - attempt // _TRIES
        ways = [_way(spec, random) for _ in range(count)]
        reached = np.array([[*corners.min(0), *(corners.max(0) + size + _APART)] for corners, size in ways])
        low, high = reached[:, None, :2], reached[:, None, 2:]
        apart = ((low >= high.swapaxes(0, 1)) | (high <= low.swapaxes(0, 1))).any(-1)
        if apart.sum() == count * (count - 1):
            return ways
    raise AssertionError("one actor always fits")


def _way(spec: DetectionSet, random: np.random.Generator) -> tuple[np.ndarray, tuple[int, int]]:
    size = random.integers(spec.smallest, spec.largest, 2, endpoint=True)
    phase = np.arange(spec.num_frames) - (spec.num_frames - 1) / 2
    way = np.rint(phase[:, None] * random.uniform(-_WANDER, _WANDER, 2)).astype(int)
    room = np.array([spec.rows, spec.columns]) - size - way.max(0) + way.min(0)
    return way - way.min(0) + random.integers(0, room, endpoint=True), (int(size[0]), int(size[1]))

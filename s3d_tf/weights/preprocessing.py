"""What has to happen to a video before a network sees it. Pure data: imports neither keras nor tensorflow."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """From a decoded video, uint8 RGB or quantised flow, to the floats that a set of weights was trained on.

    Frames are resized, the centre (in training: a random place) is cropped, then pixels from 0 to 255 are scaled: to
    `pixel_range`, or, where `mean` and `std` are given, as `(pixel / 255 - mean) / std`.

    Attributes:
        modality: "rgb", or "flow" (u and v, clipped to [-20, 20] pixels and quantised to 0 ... 255).
        pixel_range: what 0 and 255 become.
        mean, std: a number a channel, of pixels in [0, 1]; both or neither.
        resize: `(rows, columns)`, or one number for the shorter side with the aspect ratio kept; pixels.
        crop: side of the square crop, pixels.
        fps: frames a second the weights were trained at; None is as the file has them.
        min_frames: shortest clip.
        labels: class names in the order of the logits, or None where unknown.

    Raises:
        ValueError: a field out of its range.
    """

    modality: str = "rgb"
    pixel_range: tuple[float, float] = (-1.0, 1.0)
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    resize: int | tuple[int, int] = (256, 256)
    crop: int = 224
    fps: float | None = None
    min_frames: int = 8
    labels: tuple[str, ...] | None = None

    def __post_init__(self):
        for name in ("pixel_range", "mean", "std", "resize", "labels"):
            value = getattr(self, name)
            if isinstance(value, Sequence) and not isinstance(value, str):
                object.__setattr__(self, name, tuple(value))
        sides = self.resize if isinstance(self.resize, tuple) else (self.resize, self.resize)
        channels = {"rgb": 3, "flow": 2}.get(self.modality)
        wrong = {
            "modality": channels is None,
            "pixel_range": not _numbers(self.pixel_range, 2) or not self.pixel_range[0] < self.pixel_range[1],
            "mean": self.mean is not None and not _numbers(self.mean, channels),
            "std": (self.std is None) != (self.mean is None)
            or (self.std is not None and not (_numbers(self.std, channels) and all(value > 0 for value in self.std))),
            "resize": len(sides) != 2 or not all(_positive(side) for side in sides),
            "crop": not _positive(self.crop),
            "fps": self.fps is not None and not (_is_finite(self.fps) and self.fps > 0),
            "min_frames": not _positive(self.min_frames),
            "labels": self.labels is not None
            and not (isinstance(self.labels, tuple) and all(isinstance(label, str) for label in self.labels)),
        }
        for name, bad in wrong.items():
            if bad:
                raise ValueError(f"{name} is no value for preprocessing. Received: {name}={getattr(self, name)!r}")
        if self.crop > min(sides):
            raise ValueError(f"crop must fit into resize={self.resize!r}. Received: crop={self.crop!r}")

    @property
    def channels(self) -> int:
        """3 of RGB, 2 of flow."""
        return {"rgb": 3, "flow": 2}[self.modality]

    def scale_and_offset(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """A factor and an addend a channel: the network sees `pixel * factor + addend` of pixels from 0 to 255."""
        if self.mean is not None:
            factors = tuple(1 / (255 * std) for std in self.std)
            return factors, tuple(-mean / std for mean, std in zip(self.mean, self.std, strict=True))
        low, high = self.pixel_range
        return ((high - low) / 255,) * self.channels, (float(low),) * self.channels

    def to_json(self) -> dict:
        """A dict that `json.dump` takes and `from_json` gives back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping) -> Preprocessing:
        """The inverse of `to_json`.

        Raises:
            ValueError: an unknown field, or one out of its range.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(values, Mapping) or set(values) - set(known):
            raise ValueError(f"Preprocessing is a dict of {', '.join(known)}. Received: {values!r}")
        return cls(**values)


def _positive(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _numbers(values, count: int) -> bool:
    return isinstance(values, tuple) and len(values) == count and all(map(_is_finite, values))


def _is_finite(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

"""How videos become records: the numbers a prepared set is defined by."""

from __future__ import annotations

import dataclasses

from . import records
from .frames import MIN_DECODED


@dataclasses.dataclass(frozen=True)
class Settings:
    """How videos become records.

    Attributes:
        size: rows and columns of the stored frames, pixels (the paper: 256x256), or one number for the shorter side.
        quality: JPEG quality, 1 to 100.
        min_decoded: a file of whose declared frames a smaller share decodes is truncated, and skipped.
        shard_size: videos a shard.
        seed: of the order in which the videos are spread over the shards.
        fps: frames per second to resample to by time stamps; 0 keeps the frames as they are.
        streams: what is stored of each frame, of `records.STREAMS`.
        max_frames: of a longer video the first ones are stored, and it is named as written in part.
    """

    size: tuple[int, int] | int = (256, 256)
    quality: int = 95
    min_decoded: float = MIN_DECODED
    shard_size: int = 100
    seed: int = 0
    fps: float = 0.0
    streams: tuple[str, ...] = (records.RGB_STREAM,)
    max_frames: int = 10_000

    def __post_init__(self):
        if min(self.smallest) < 16 or max(self.smallest) > 4096:
            raise ValueError(
                f"Frames must be 16 to 4096 pixels a side. Received: {self.smallest[0]}x{self.smallest[1]}"
            )
        if not (1 <= self.quality <= 100 and 0 < self.min_decoded <= 1 and self.shard_size >= 1):
            raise ValueError(
                "quality must be in [1, 100], min_decoded in (0, 1] and shard_size at least 1. Received: "
                f"{self.quality}, {self.min_decoded}, {self.shard_size}"
            )
        if not 0 <= self.fps <= 1000 or self.max_frames < 1:
            raise ValueError(
                f"fps must be in [0, 1000] and max_frames at least 1. Received: {self.fps}, {self.max_frames}"
            )
        if not self.streams or set(self.streams) - set(records.STREAMS) or len(set(self.streams)) < len(self.streams):
            raise ValueError(
                f"streams must be among {', '.join(records.STREAMS)}, each once. Received: {', '.join(self.streams)!r}"
            )

    @property
    def smallest(self) -> tuple[int, int]:
        """Rows and columns that every stored frame has at least."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

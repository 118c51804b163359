"""A served model, asked about videos: what it needs to know of the model it asks the server for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from ..networks.clip import MIN_FRAMES
from . import video_input
from .answer import Answer, average, of_window
from .classifier import JPEGS, PIXELS
from .described import describe, numbers
from .transport import DEADLINE, RETRIES, Caller, Transport

MAX_WINDOW = 512 << 20
"""Bytes of pixels in a window, 2,730 frames of 256x256; of what is larger fewer frames than `video_input.WINDOW` go in
a call."""


class Client:
    """Asks one model that `scripts/export.py` wrote.

    Args:
        transport: see `connection.connect`.
        deadline: seconds for one call, with its retries.
        retries: more attempts when the server is UNAVAILABLE.

    Raises:
        ServerError: the server does not answer, or serves no such model.
    """

    def __init__(self, transport: Transport, deadline: float = DEADLINE, retries: int = RETRIES):
        self._call = Caller(transport, deadline, retries)
        self.labels, self.streams, self.max_frames = describe(self._call("info", {"query": [b""]}))

    def classify(self, path: str | Path, window: int | None = None) -> Answer:
        """The classes of a whole video; the logits of several windows are averaged, by their frames.

        Args:
            path: a video file or a folder of frames.
            window: frames at once; see `video_input.windows`.

        Raises:
            ValueError: no frame decodes.
            ServerError: the server fails.
        """
        return average(self.classify_windows(path, window), self.labels)

    def classify_windows(
        self, path: str | Path, window: int | None = None, stride: int | None = None
    ) -> Iterator[Answer]:
        """The classes of each window of a video; see `video_input.windows`."""
        for shown in video_input.windows(path, self.streams, self.frames_at_once(window), stride):
            jpegs = {JPEGS[stream]: [frames] for stream, frames in shown.jpegs().items()}
            (logits,) = self._logits(self._call("serving_default", jpegs), 1)
            yield of_window(shown, logits, self.labels)

    def classify_frames(self, frames: np.ndarray) -> np.ndarray:
        """Pixels, sent as they are: `[B, T, H, W, 3]` uint8 RGB of any size -> logits `[B, num_classes]` float32."""
        if set(self.streams) != {"rgb"}:
            raise ValueError(f"This model sees more than RGB frames. Received: a model of {', '.join(self.streams)}")
        return self._logits(self._call("frames", {PIXELS["rgb"]: frames}), len(frames))

    def features(self, path: str | Path, window: int | None = None) -> np.ndarray:
        """`[N, C]` float32: the features of each of the N windows of a video."""
        found = []
        for shown in video_input.windows(path, self.streams, self.frames_at_once(window)):
            answer = self._call("features", {JPEGS[s]: [frames] for s, frames in shown.jpegs().items()})
            names = sorted(answer) or ["features"]
            found.append(np.concatenate([numbers(answer.get(name), name, (1, None))[0] for name in names]))
        return np.stack(found)

    def frames_at_once(self, window: int | None = None) -> int:
        """Frames in a call: `window`, by default `video_input.WINDOW` or as many as the model takes.

        Raises:
            ValueError: the model does not take as many.
        """
        if window is not None and window > self.max_frames:
            raise ValueError(f"The model takes up to {self.max_frames} frames at once. Received: window={window}")
        return window or min(video_input.WINDOW, self.max_frames, self._most_frames())

    def _most_frames(self) -> int:
        """Of a window in `MAX_WINDOW` bytes: the server says how large frames are, and it may be anybody's."""
        resizes = [p.resize if isinstance(p.resize, tuple) else (p.resize, 2 * p.resize) for p in self.streams.values()]
        return max(MAX_WINDOW // sum(3 * rows * columns for rows, columns in resizes), MIN_FRAMES)

    def _logits(self, outputs: Mapping[str, np.ndarray], batch: int) -> np.ndarray:
        """The logits of an answer, when it is one."""
        return numbers(outputs.get("logits"), "logits", (batch, len(self.labels)))

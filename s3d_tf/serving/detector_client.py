"""A served detector, asked about videos: the clip around each frame goes to it, the boxes of the frame come back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from . import video_input
from .classifier import JPEGS
from .described import describe_detector, numbers
from .detect import Detection, around_each, batched, frames_of
from .transport import DEADLINE, RETRIES, Caller, ServerError, Transport


class DetectorClient:
    """Asks one detector that `scripts/export_detector.py` wrote.

    Args:
        transport: see `connection.connect`.
        deadline: seconds for one call, with its retries.
        retries: more attempts when the server is UNAVAILABLE.

    Raises:
        ServerError: the server does not answer, or serves no detector of that name.
    """

    def __init__(self, transport: Transport, deadline: float = DEADLINE, retries: int = RETRIES):
        self._call = Caller(transport, deadline, retries)
        self.about = describe_detector(self._call("info", {"query": [b""]}))

    def detect(self, path: str | Path, least_score: float = 0.5) -> Iterator[tuple[int, list[Detection]]]:
        """What the detector sees in each frame of a video: as `detect.detect`, but for the JPEGs between.

        Args:
            path: a video file or a folder of frames.
            least_score: of the detections that are given.

        Yields:
            The frame's number from 0, and its detections, best first.

        Raises:
            ValueError: no frame of the video decodes.
            ServerError: the server fails.
        """
        about = self.about
        encoded = (
            {stream: video_input.encode(shown) for stream, shown in frame.items()}
            for frame in frames_of(path, about.streams, about.size)
        )
        for numbered in batched(around_each(encoded, about.num_frames, about.key_frame), about.max_clips):
            clips = [held for _, held in numbered]
            jpegs = {JPEGS[stream]: [[frame[stream] for frame in clip] for clip in clips] for stream in about.streams}
            found = self._detections(self._call("serving_default", jpegs), len(clips))
            for (number, _), detections in zip(numbered, found, strict=True):
                yield number, [each for each in detections if each.score >= least_score]

    def _detections(self, outputs: Mapping[str, np.ndarray], batch: int) -> list[list[Detection]]:
        """An answer's detections of each clip, when they are some."""
        count = numbers(outputs.get("count"), "count", (batch,))
        scores = numbers(outputs.get("scores"), "scores", (batch, None))
        most = scores.shape[1]
        boxes = numbers(outputs.get("boxes"), "boxes", (batch, most, 4))
        names = np.asarray(outputs.get("classes"))
        if names.shape != (batch, most):
            raise _refused(f"classes {(batch, most)}", names.shape)
        if ((count < 0) | (count > most) | (count != np.floor(count))).any():
            raise _refused(f"a count of 0 to {most} detections", count.tolist())
        if ((scores < 0) | (scores > 1)).any() or (np.diff(scores) > 0).any():
            raise _refused("falling scores in [0, 1]", f"{scores.min():g} to {scores.max():g}")
        if ((boxes < 0) | (boxes > 1)).any() or (boxes[..., :2] > boxes[..., 2:]).any():
            raise _refused("boxes ymin, xmin, ymax, xmax in [0, 1]", f"{boxes.min():g} to {boxes.max():g}")
        found = zip(names, scores.tolist(), boxes.tolist(), count.astype(int), strict=True)
        return [
            [Detection(self._label(names[place]), scores[place], tuple(boxes[place])) for place in range(there)]
            for names, scores, boxes, there in found
        ]

    def _label(self, name: bytes | str) -> str:
        """One of the classes that the model told."""
        label = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        if label not in self.about.labels:
            raise ServerError("INTERNAL", f"The server answers with a class that its model has not: {label[:100]!r}")
        return label


def _refused(wanted: str, received: object) -> ServerError:
    return ServerError("INTERNAL", f"The server must answer with {wanted}. Received: {received!s:.200}")

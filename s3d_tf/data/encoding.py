"""One listed video -> its record and its line of the manifest. One frame is held at a time, and the JPEGs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np

from . import flow, frames, records, video
from .listing import Item
from .settings import Settings

MAX_RECORD_BYTES = 1 << 30
"""Of a video with more bytes of JPEGs the first frames are stored; protocol buffers end at 2 GiB."""

MAX_LONGER_SIDE = 4096
"""Pixels of a stored frame, where only its shorter side is set."""


def encode_video(item: Item, label_id: int, settings: Settings) -> tuple[dict[str, Any], bytes | None]:
    """Decodes, resizes and encodes a video.

    Returns:
        The line of the manifest: path, split, label, status ("written", "missing" or "unreadable"), reason, frames
        (written), decoded, declared_frames, fps, in_part when not all could be written, and decoder when that is not
        OpenCV. The record, or None.
    """
    outcome: dict[str, Any] = dict(path=item.media_id, split=item.split, label=item.label)
    try:
        reader = video.open_video(item.path, item.fps)
        chosen = reader.frames(item.start, item.end)
        fps = settings.fps or reader.fps
        if settings.fps:
            chosen = frames.resample(chosen, fps, reader.fps)
        encoder = _Encoder(settings)
        cut = encoder.encode(chosen)
        _check(reader, encoder, item, settings, cut)
    except video.VideoError as error:
        return outcome | _failure(item, error), None
    except (cv2.error, ValueError, OverflowError) as error:  # one video is no reason to stop
        what = "OpenCV fails on it" if isinstance(error, cv2.error) else "it cannot be decoded"
        return outcome | _failure(item, video.VideoError(f"{what} ({' '.join(str(error).split())[:200]})")), None
    if not cut and reader.decoded < reader.declared_frames and reader.reached_end:
        cut = f"{reader.decoded} of {reader.declared_frames} declared frames decode"
        cut += f" (damaged: {', '.join(reader.damaged[:3])})" if reader.damaged else ""
    boxes = _shift(item.boxes, reader.dropped)
    if reader.reached_end and (late := sum(box.frame >= len(encoder.timestamps) for box in boxes or ())):
        told = f"without {'any of its ' * (late == len(boxes))}{late} boxes of frames after the last one"
        cut = f"{cut}, {told}" if cut else told
    content = records.Content(
        streams=encoder.streams,
        timestamps=encoder.timestamps,
        size=encoder.size,
        fps=fps,
        label=label_id,
        label_text=item.label,
        media_id=item.media_id,
        flow_method=flow.method() if records.FLOW_STREAM in settings.streams else "",
        boxes=boxes,
    )
    counts = dict(frames=len(encoder.timestamps), decoded=reader.decoded, declared_frames=reader.declared_frames)
    outcome |= dict(status="written", **counts, fps=round(fps, 3)) | ({"in_part": cut} if cut else {})
    if reader.decoder != frames.OPENCV:
        outcome["decoder"] = reader.decoder
    if boxes is not None:
        outcome["box_labels"] = sorted({box.label for box in boxes if box.frame < len(encoder.timestamps)})
    return outcome, records.encode(content)


def _check(reader: video.Reader, encoder: _Encoder, item: Item, settings: Settings, cut: str) -> None:
    if not cut:
        reader.check(settings.min_decoded)
    if not encoder.timestamps:
        until = f"{item.end:g} s" if item.end else "its end"
        message = f"no frame from {item.start:g} s to {until}; {reader.decoded} frames decode"
        raise video.VideoError(message, reader.decoded, reader.declared_frames)
    if item.boxes is not None and reader.damaged:
        message = f"damaged: {', '.join(reader.damaged[:3])}, and its boxes go by the number of the frame"
        raise video.VideoError(message, reader.decoded, reader.declared_frames)


def _failure(item: Item, error: video.VideoError) -> dict[str, Any]:
    missing = isinstance(error, video.MissingVideoError)
    reason = str(error)
    if not missing and not video.is_within_reach(item.path):
        missing, reason = True, f"it vanished while it was read ({reason})"
    status = "missing" if missing else "unreadable"
    return dict(status=status, reason=reason, frames=0, decoded=error.frames, declared_frames=error.declared_frames)


def _shift(boxes: Iterable[records.Box] | None, dropped: int) -> list[records.Box] | None:
    """Boxes count frames from the first one that is written."""
    if boxes is None:
        return None
    return [box._replace(frame=box.frame - dropped) for box in boxes if box.frame >= dropped]


class _Encoder:
    """Frames -> JPEGs by stream."""

    def __init__(self, settings: Settings):
        self.streams: dict[str, list[bytes]] = {name: [] for name in settings.streams}
        self.timestamps: list[int] = []
        self.size = (0, 0)
        self._settings = settings
        self._jpeg = [cv2.IMWRITE_JPEG_QUALITY, settings.quality]
        self._grey: np.ndarray | None = None
        self._tvl1 = flow.TVL1() if records.FLOW_STREAM in settings.streams else None

    def encode(self, chosen: Iterator[frames.Frame]) -> str:
        """Encodes all frames; or as many as a record may hold, and says so."""
        cut = ""
        num_bytes = 0
        for frame in chosen:
            if len(self.timestamps) == self._settings.max_frames or num_bytes > MAX_RECORD_BYTES:
                limit = "max_frames" if num_bytes <= MAX_RECORD_BYTES else f"{MAX_RECORD_BYTES >> 20} MiB a record"
                cut = f"only the first {len(self.timestamps)} frames ({limit})"
                break
            num_bytes += self._add(frame)
        self._end_flow()
        return cut

    def _add(self, frame: frames.Frame) -> int:
        size = frames.target_size(*frame.rgb.shape[:2], self._settings.size)
        if max(size) > MAX_LONGER_SIDE:
            raise video.VideoError(f"a stored frame would have {size[0]}x{size[1]} pixels, over {MAX_LONGER_SIDE}")
        if self.timestamps and size != self.size:  # a stream that changes its size midway keeps the first one
            size = self.size
        self.size = size
        rgb = frames.resize(frame.rgb, size)
        self.timestamps.append(frame.timestamp)
        num_bytes = 0
        if records.RGB_STREAM in self.streams:
            jpeg = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), self._jpeg)[1].tobytes()
            self.streams[records.RGB_STREAM].append(jpeg)
            num_bytes += len(jpeg)
        if self._tvl1 is not None:
            num_bytes += self._add_flow(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
        return num_bytes

    def _add_flow(self, grey: np.ndarray) -> int:
        before, self._grey = self._grey, grey
        if before is None:
            return 0
        jpeg = flow.encode(self._tvl1(before, grey), self._settings.quality)
        self.streams[records.FLOW_STREAM].append(jpeg)
        return len(jpeg)

    def _end_flow(self) -> None:
        """The last frame has no next one: it gets the flow before it, a single frame no motion."""
        if self._grey is None:
            return
        stored = self.streams[records.FLOW_STREAM]
        still = np.zeros((*self._grey.shape, 2), np.float32)
        stored.append(stored[-1] if stored else flow.encode(still, self._settings.quality))

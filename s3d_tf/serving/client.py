"""A served model, asked about videos: what it needs to know of the model it asks the server for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import address as addresses
from . import video_input
from .answer import Answer, average, of_window
from .classifier import JPEGS, PIXELS
from .described import describe
from .rest_transport import RestTransport
from .transport import ServerError, Transport, Value, with_retries

DEADLINE, RETRIES = 60.0, 4


class Client:
    """Asks one model that `scripts/export.py` wrote.

    Args:
        transport: the connection, see `connect`.
        deadline: seconds for one call, with its retries.
        retries: more attempts when the server is UNAVAILABLE.

    Raises:
        ServerError: the server does not answer, or serves no such model.
    """

    def __init__(self, transport: Transport, deadline: float = DEADLINE, retries: int = RETRIES):
        self.transport, self.deadline, self.retries = transport, deadline, retries
        self.labels, self.streams, self.max_frames = describe(self._call("info", {"query": [b""]}))

    def classify(self, path: Path, window: int | None = None) -> Answer:
        """The classes of a whole video; the logits of several windows are averaged, by their frames.

        Args:
            path: a video file or a folder of frames.
            window: frames at once; see `video_input.windows`.

        Raises:
            ValueError: no frame decodes.
            ServerError: the server fails.
        """
        return average(self.classify_windows(path, window), self.labels)

    def classify_windows(self, path: Path, window: int | None = None, stride: int | None = None) -> Iterator[Answer]:
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

    def features(self, path: Path, window: int | None = None) -> np.ndarray:
        """`[N, C]` float32: the features of each of the N windows of a video."""
        found = []
        for shown in video_input.windows(path, self.streams, self.frames_at_once(window)):
            answer = self._call("features", {JPEGS[s]: [frames] for s, frames in shown.jpegs().items()})
            names = sorted(answer) or ["features"]
            found.append(np.concatenate([_numbers(answer.get(name), name, (1, None))[0] for name in names]))
        return np.stack(found)

    def frames_at_once(self, window: int | None = None) -> int:
        """Frames in a call: `window`, by default `video_input.WINDOW` or as many as the model takes.

        Raises:
            ValueError: the model does not take as many.
        """
        if window is not None and window > self.max_frames:
            raise ValueError(f"The model takes up to {self.max_frames} frames at once. Received: window={window}")
        return window or min(video_input.WINDOW, self.max_frames)

    def _call(self, signature: str, inputs: Mapping[str, Value]) -> dict[str, np.ndarray]:
        def attempt(seconds: float) -> dict[str, np.ndarray]:
            return self.transport.call(signature, inputs, seconds)

        return with_retries(attempt, self.deadline, self.retries)

    def _logits(self, outputs: Mapping[str, np.ndarray], batch: int) -> np.ndarray:
        """The logits of an answer, when it is one."""
        return _numbers(outputs.get("logits"), "logits", (batch, len(self.labels)))


def _numbers(found: Any, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """An answer's finite numbers, float32, of the shape that was promised."""
    try:
        numbers = np.asarray(found, np.float32)
    except (TypeError, ValueError):
        numbers = np.zeros(())
    fits = len(numbers.shape) == len(shape) and all(w in (None, n) for n, w in zip(numbers.shape, shape, strict=True))
    if not fits or not np.isfinite(numbers).all():
        received = "none" if found is None else f"{np.shape(found)}"
        raise ServerError("INTERNAL", f"The server answers with {name} that are not {shape} numbers: {received}")
    return numbers


def connect(
    address: str,
    model: str,
    version: int | None = None,
    *,
    tls: bool = False,
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    token: str | None = None,
) -> Transport:
    """A connection to a server.

    Args:
        address: `host:port` or `unix:PATH` of gRPC, or `http://...`, `https://...` of REST.
        model: its name.
        version: its number; the server's choice by default.
        tls: encrypt gRPC, trusting the roots that come with it; any of `ca`, `certificate` and `key` does so too.
        ca, certificate, key: PEM files: the roots that the server's certificate must come from (of REST certifi's by
            default), and our own.
        token: sent as a bearer token, never in the clear to another machine.

    Raises:
        ValueError: no address, or options that do not go together.
    """
    addresses.check(address)
    rest = addresses.is_rest(address)
    encrypted = address.startswith("https://") if rest else bool(tls or ca or certificate or key)
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise ValueError(
            f"A token is a word of visible ASCII characters. Received: {len(token)} characters, some of another kind"
        )
    if token and not encrypted and not addresses.is_here(address):
        raise ValueError(f"A token needs TLS: it would be sent in the clear. Received: {address}")
    if rest and (certificate or key or ((tls or ca) and not encrypted)):
        raise ValueError(f"REST takes TLS as https:// and no certificate of the client's. Received: {address}")
    if rest:
        return RestTransport(address, model, version, ca, token)
    from .grpc_transport import GrpcTransport, read_credentials

    credentials = read_credentials(ca, certificate, key) if encrypted else None
    return GrpcTransport(address, model, version, credentials, token, proxy=not addresses.is_here(address))


def read_token(path: Path) -> str:
    """The bearer token in a file.

    Raises:
        ValueError: it cannot be read, or holds none.
    """
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no ASCII text"
        raise ValueError(f"The token file cannot be read ({reason}). Received: {path}") from None
    if not token:
        raise ValueError(f"The token file is empty; it must hold one token. Received: {path}")
    return token

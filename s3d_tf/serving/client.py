"""A served model, asked about videos: what it needs to know of the model it asks the server for."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from ..weights import Preprocessing
from . import video_input
from .answer import Answer, average, of_window
from .classifier import JPEGS, PIXELS
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
        info = self._call("info", {"query": [b""]})
        try:
            (text,) = [np.asarray(value).reshape(-1)[0] for value in info.values()]
            known = json.loads(text)
            self.labels = [str(label) for label in known["labels"]]
            self.streams = {stream: Preprocessing.from_json(values) for stream, values in known["streams"].items()}
            self.max_frames = int(known["max_frames"])
            if not self.labels or not set(self.streams) <= set(JPEGS) or self.max_frames < 1:
                raise ValueError("fields out of range")
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            message = f"The model's description cannot be understood ({error}): was it exported by scripts/export.py?"
            raise ServerError("INTERNAL", message) from None

    def classify(self, path: Path, window: int | None = None) -> Answer:
        """The classes of a whole video; the logits of several windows are averaged, by their frames.

        Args:
            path: a video file or a folder of frames.
            window: frames at once; see `video_input.windows`.

        Raises:
            ValueError: no frame decodes.
            ServerError: the server fails.
        """
        return average(list(self.classify_windows(path, window)), self.labels)

    def classify_windows(self, path: Path, window: int | None = None, stride: int | None = None) -> Iterator[Answer]:
        """The classes of each window of a video; see `video_input.windows`."""
        at_once = min(window or video_input.WINDOW, self.max_frames)
        for shown in video_input.windows(path, self.streams, at_once, stride):
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
        for shown in video_input.windows(path, self.streams, min(window or video_input.WINDOW, self.max_frames)):
            answer = self._call("features", {JPEGS[s]: [frames] for s, frames in shown.jpegs().items()})
            found.append(np.concatenate([np.asarray(answer[name], np.float32)[0] for name in sorted(answer)]))
        return np.stack(found)

    def _call(self, signature: str, inputs: Mapping[str, Value]) -> dict[str, np.ndarray]:
        def attempt(seconds: float) -> dict[str, np.ndarray]:
            return self.transport.call(signature, inputs, seconds)

        return with_retries(attempt, self.deadline, self.retries)

    def _logits(self, outputs: Mapping[str, np.ndarray], batch: int) -> np.ndarray:
        """The logits of an answer, when it is one."""
        wanted = (batch, len(self.labels))
        found = outputs.get("logits")
        try:
            logits = np.asarray(found, np.float32)
        except (TypeError, ValueError):
            logits = np.zeros(0)
        if logits.shape != wanted or not np.isfinite(logits).all():
            shape = "none" if found is None else f"{np.shape(found)}"
            raise ServerError("INTERNAL", f"The server answers with logits that are not {wanted} numbers: {shape}")
        return logits


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
        tls: encrypt gRPC; any of `ca`, `certificate` and `key` does so too.
        ca, certificate, key: PEM files: the roots that the server's certificate must come from, and our own.
        token: sent as a bearer token, never in the clear to another machine.

    Raises:
        ValueError: options that do not go together.
    """
    rest = address.startswith(("http://", "https://"))
    encrypted = address.startswith("https://") if rest else bool(tls or ca or certificate or key)
    if token and not encrypted and not _is_here(address):
        raise ValueError(f"A token needs TLS: it would be sent in the clear. Received: {address}")
    if rest and (certificate or key or (tls and not encrypted)):
        raise ValueError(f"REST takes TLS as https:// and no certificate of the client's. Received: {address}")
    if rest:
        return RestTransport(address, model, version, ca, token)
    from .grpc_transport import GrpcTransport, read_credentials

    return GrpcTransport(address, model, version, read_credentials(ca, certificate, key) if encrypted else None, token)


def _is_here(address: str) -> bool:
    """Whether an address is of this machine: a socket, localhost, or one of the loopback range."""
    if address.startswith("unix:"):
        return True
    host = address.partition("://")[2].partition("/")[0] or address
    host = host.rpartition(":")[0].strip("[]") or host
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""One call of a served signature, whatever carries it, and what can go wrong with it."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from .address import mistaken

MAX_ANSWER = 256 << 20
"""Bytes; a longer answer is refused. Logits of a call have kilobytes."""

DEADLINE, RETRIES = 60.0, 4  # seconds, and more attempts

Value = np.ndarray | Sequence[Sequence[bytes]]
"""Of a signature's input: an array, or strings `[B, T]`."""


class ServerError(OSError):
    """What a server answered instead of what it was asked for, or that it did not answer, as one sentence.

    Attributes:
        code: of gRPC, such as "INVALID_ARGUMENT", "UNAVAILABLE" or "DEADLINE_EXCEEDED"; or "TLS".
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class Transport(Protocol):
    """A connection to one model of one server."""

    def call(self, signature: str, inputs: Mapping[str, Value], seconds: float) -> dict[str, np.ndarray]:
        """Calls a signature once.

        Raises:
            ServerError: any failure.
        """

    def close(self) -> None:
        """Ends the connection."""


def with_retries(
    attempt: Callable[[float], dict[str, np.ndarray]], deadline: float, retries: int, first_pause: float = 0.2
) -> dict[str, np.ndarray]:
    """Calls `attempt(seconds left)`, again only when the server was UNAVAILABLE, after pauses that double.

    Args:
        deadline: seconds for everything, pauses too.
        retries: attempts after the first.

    Raises:
        ServerError: of the last attempt.
    """
    end = time.monotonic() + deadline
    for number in range(retries + 1):
        try:
            return attempt(max(end - time.monotonic(), 0.001))
        except ServerError as error:
            pause = first_pause * 2**number
            if error.code != "UNAVAILABLE" or number == retries or time.monotonic() + pause >= end:
                raise
        time.sleep(pause)
    raise AssertionError("unreachable")


class Caller:
    """Calls the signatures of a model, again where that may help.

    Args:
        transport: the connection.
        deadline: seconds for one call, with its retries.
        retries: more attempts when the server is UNAVAILABLE.
    """

    def __init__(self, transport: Transport, deadline: float = DEADLINE, retries: int = RETRIES):
        self._transport, self._deadline, self._retries = transport, deadline, retries

    def __call__(self, signature: str, inputs: Mapping[str, Value]) -> dict[str, np.ndarray]:
        """See `Transport.call`."""

        def attempt(seconds: float) -> dict[str, np.ndarray]:
            return self._transport.call(signature, inputs, seconds)

        return with_retries(attempt, self._deadline, self._retries)


def within(seconds: float, function: Callable[[], Any], server: str) -> Any:
    """What a function returns, or a DEADLINE_EXCEEDED; for libraries whose time-outs are of single reads, so that a
    server that sends a byte a second would hold them for ever. A function that is late is left behind in its thread.

    Raises:
        ServerError: too late, or what the function raises.
    """
    answers: queue.Queue = queue.Queue()

    def run() -> None:
        try:
            answers.put((function(), None))
        except Exception as error:
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        value, error = answers.get(timeout=seconds)
    except queue.Empty:
        code = "DEADLINE_EXCEEDED"
        raise ServerError(code, sentence(code, "no whole answer", server, seconds)) from None
    if error is not None:
        raise error
    return value


def sentence(code: str, details: str, server: str, seconds: float) -> str:
    """What happened, for a person: TensorFlow's wrapping is taken off the server's own words."""
    said = re.sub(r"\[\[.*|\[Op:.*|\{\{.*?\}\}", "", " ".join(details.split())).strip()
    said = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in said)
    if code == "UNAVAILABLE" and said.endswith(("Socket closed", "Connection reset by peer")):
        said += " (does it want TLS, --tls? is it the port of REST, http://?)"
    if told := mistaken(said, server):
        return told[:600]
    if asserted := re.search(r"assertion failed: \[(.*)\]$", said):
        said = asserted.group(1)
    sentences = {
        "TLS": f"No TLS connection to {server} (--tls_ca names the roots to trust): {said}",
        "UNAVAILABLE": f"No server answers at {server}: {said}",
        "DEADLINE_EXCEEDED": f"{server} did not answer within {seconds:g} s (--deadline): {said}",
        "NOT_FOUND": f"{server} does not serve that (--model, --version): {said}",
        "INVALID_ARGUMENT": f"{server} cannot take this: {said}",
        "UNAUTHENTICATED": f"{server} wants another token: {said}",
        "PERMISSION_DENIED": f"{server} does not allow this: {said}",
        "RESOURCE_EXHAUSTED": f"{server} cannot take so much: {said}",
        "UNIMPLEMENTED": f"{server} speaks gRPC, but is no TensorFlow Serving: {said}",
    }
    return sentences.get(code, f"{server} failed ({code}): {said}")[:600]

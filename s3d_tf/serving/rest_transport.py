"""Calls over REST: `POST /v1/models/NAME:predict` with column-wise JSON, strings as base64."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import requests

from .address import FOREIGN
from .transport import MAX_ANSWER, ServerError, Value, sentence, within

CODES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
CODES |= {413: "RESOURCE_EXHAUSTED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}


class RestTransport:
    """A connection to one model.

    Args:
        address: `http://host:port` or `https://...`, what stands before `/v1`.
        model: its name; `version` its number, the server's choice by default.
        ca: roots for TLS; certifi's by default.
        token: sent as `Authorization: Bearer ...`.
    """

    def __init__(
        self, address: str, model: str, version: int | None = None, ca: Path | None = None, token: str | None = None
    ):
        self.address = address.rstrip("/")
        chosen = "" if version is None else f"/versions/{version}"
        self.url = f"{self.address}/v1/models/{model}{chosen}:predict"
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc between this and a server on loopback
        self._session.verify = str(ca) if ca else True
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def call(self, signature: str, inputs: Mapping[str, Value], seconds: float) -> dict[str, np.ndarray]:
        """See `Transport`."""
        body = dict(signature_name=signature, inputs={name: as_json(value) for name, value in inputs.items()})
        content = json.dumps(body).encode()
        status, text = within(seconds, lambda: self._post(content, seconds), self.address)
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            code = CODES.get(status, "INTERNAL")
            raise _error(code, _unlike(status), self.address, seconds) from None
        if status != 200:
            code = CODES.get(status, "INTERNAL")
            said = answer.get("error", "") if isinstance(answer, dict) else ""
            raise _error(code, str(said) or _unlike(status), self.address, seconds)
        outputs = answer.get("outputs") if isinstance(answer, dict) else None
        if outputs is None:
            raise ServerError("INTERNAL", f"{self.address} answers without outputs: {text[:100]!r}")
        if not isinstance(outputs, dict):  # the only output of a signature stands alone
            outputs = {"": outputs}
        try:
            return {name: np.asarray(value) for name, value in outputs.items()}
        except ValueError as error:
            raise ServerError("INTERNAL", f"{self.address} answers what is no tensor: {error}") from None

    def close(self) -> None:
        """See `Transport`."""
        self._session.close()

    def _post(self, body: bytes, seconds: float) -> tuple[int, bytes]:
        """Status and text, with a limit on its length and on each wait."""
        try:
            options = dict(timeout=seconds, stream=True, allow_redirects=False)  # what is sent goes nowhere else
            headers = {"Content-Type": "application/json"}
            with self._session.post(self.url, data=body, headers=headers, **options) as answer:
                text = b""
                for part in answer.iter_content(1 << 20):
                    text += part
                    if len(text) > MAX_ANSWER:
                        raise ServerError("RESOURCE_EXHAUSTED", f"{self.address} answers more than {MAX_ANSWER} bytes")
                return answer.status_code, text
        except requests.Timeout:
            raise _error("DEADLINE_EXCEEDED", "no answer", self.address, seconds) from None
        except requests.exceptions.SSLError as error:
            raise _error("TLS", _cause(error), self.address, seconds) from None
        except requests.RequestException as error:
            raise _error("UNAVAILABLE", _cause(error), self.address, seconds) from None


def as_json(value: Value) -> Any:
    """Strings as `{"b64": ...}`, numbers as they are, in nested lists."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [as_json(part) for part in value]


def _error(code: str, said: str, server: str, seconds: float) -> ServerError:
    return ServerError(code, sentence(code, said, server, seconds))


def _unlike(status: int) -> str:
    """An answer that TensorFlow Serving does not give; of some a proxy in front of it may be the author."""
    between = status in CODES and status not in (400, 404)
    return f"HTTP {status}" if between or status in (500, 502) else f"HTTP {status} {FOREIGN}"


def _cause(error: BaseException) -> str:
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    return str(reason or error).rpartition(": ")[2]

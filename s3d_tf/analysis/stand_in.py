"""Stands in for TensorFlow Serving in tests and benchmarks: its gRPC and REST messages over TensorFlow 1's loader.

It answers `Predict` with the code that TensorFlow Serving would answer with, serves the newest version in a folder and
swaps it when a new one appears. It is no server for anything else: no batching, no TLS, Python's speed, loopback only.
"""

from __future__ import annotations

import base64
import http.server
import json
import re
import threading
import time
from collections.abc import Mapping
from concurrent import futures
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from ..serving.export import versions
from ..serving.grpc_transport import to_array

MAX_ELEMENTS = 1 << 30  # of an input
POLL = 0.2  # seconds between looks at the folder
HTTP = {"NOT_FOUND": 404, "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "DEADLINE_EXCEEDED": 504}


class RefusedError(Exception):
    """An answer other than OK.

    Attributes:
        code: of gRPC.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class Loaded:
    """One version of a model, as TensorFlow Serving loads it."""

    def __init__(self, folder: Path):
        self.version = int(folder.name)
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            meta = tf.compat.v1.saved_model.loader.load(self._session, ["serve"], str(folder))
        self.signatures = meta.signature_def
        self._runs: dict[str, Any] = {}

    def run(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raises a `RefusedError` for what the signature does not take, or when the graph raises."""
        if signature not in self.signatures:
            raise RefusedError("FAILED_PRECONDITION", f'Serving signature key "{signature}" not found.')
        wanted = self.signatures[signature]
        if set(inputs) != set(wanted.inputs):
            message = f"input size does not match signature: {sorted(inputs)} for {sorted(wanted.inputs)}"
            raise RefusedError("INVALID_ARGUMENT", message)
        for name, value in inputs.items():
            kind = tf.dtypes.as_dtype(wanted.inputs[name].dtype)
            if (kind == tf.string) != (value.dtype.kind in "OSU") or (kind != tf.string and kind != value.dtype):
                raise RefusedError(
                    "INVALID_ARGUMENT", f"Expects arg {name} to be {kind.name} but {value.dtype} is provided"
                )
        try:
            if signature not in self._runs:
                self._runs[signature] = self._callable(wanted)
            run = self._runs[signature]
            return dict(zip(wanted.outputs, run(*(inputs[name] for name in wanted.inputs)), strict=True))
        except tf.errors.OpError as error:
            raise RefusedError(_code(error), error.message) from None
        except (ValueError, TypeError) as error:
            raise RefusedError("INVALID_ARGUMENT", str(error)) from None

    def _callable(self, signature):
        feeds = [tensor.name for tensor in signature.inputs.values()]
        return self._session.make_callable([tensor.name for tensor in signature.outputs.values()], feed_list=feeds)


class Watched:
    """The newest version in a folder; a call that has begun ends on the version that it began on."""

    def __init__(self, directory: Path, name: str):
        self.directory, self.name = directory, name
        self.current = Loaded(directory / str(versions(directory)[-1]))
        threading.Thread(target=self._watch, daemon=True).start()

    def find(self, name: str, version: int | None) -> Loaded:
        """The model that a call asks for."""
        loaded = self.current
        if name != self.name or version not in (None, loaded.version):
            raise RefusedError("NOT_FOUND", f"Servable not found for request: {name}, {version or 'latest'}")
        return loaded

    def _watch(self) -> None:
        while True:
            time.sleep(POLL)
            newest = versions(self.directory)[-1]
            if newest != self.current.version:
                self.current = Loaded(self.directory / str(newest))


class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    """`Predict`, and nothing else."""

    def __init__(self, model: Watched):
        self._model = model

    def Predict(self, request, context):  # noqa: N802
        """See the API."""
        spec = request.model_spec
        try:
            loaded = self._model.find(spec.name, spec.version.value if spec.HasField("version") else None)
            inputs = {name: _array(value) for name, value in request.inputs.items()}
            outputs = loaded.run(spec.signature_name or "serving_default", inputs)
        except RefusedError as refusal:
            context.abort(getattr(grpc.StatusCode, refusal.code), str(refusal))
        answer = predict_pb2.PredictResponse()
        answer.model_spec.name, answer.model_spec.version.value = spec.name, loaded.version
        for name, value in outputs.items():
            answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return answer


class Rest(http.server.BaseHTTPRequestHandler):
    """`POST /v1/models/NAME[/versions/N]:predict` with `inputs`, column by column."""

    model: Watched
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """See the API."""
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            found = re.fullmatch(r"/v1/models/([^/:]+)(?:/versions/(\d+))?:predict", self.path)
            if not found:
                raise RefusedError("NOT_FOUND", f"Malformed request: POST {self.path}")
            loaded = self.model.find(found[1], int(found[2]) if found[2] else None)
            self._send(200, dict(outputs=self._run(loaded, text)))
        except RefusedError as refusal:
            self._send(HTTP.get(refusal.code, 500), dict(error=str(refusal)))

    def _run(self, loaded: Loaded, text: bytes) -> Any:
        try:
            asked = json.loads(text)
            signature, given = asked.get("signature_name", "serving_default"), asked["inputs"]
            if signature not in loaded.signatures:
                raise RefusedError(
                    "INVALID_ARGUMENT", f'Serving signature name: "{signature}" not found in signature def'
                )
            wanted = loaded.signatures[signature].inputs
            given = given if isinstance(given, dict) else dict.fromkeys(wanted, given)
            inputs = {name: np.array(_strings(value), _dtype(wanted, name)) for name, value in given.items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RefusedError("INVALID_ARGUMENT", f"JSON Parse error: {error}") from None
        outputs = {name: _plain(value.tolist()) for name, value in loaded.run(signature, inputs).items()}
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def _send(self, status: int, body: dict) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """No line a request."""


def start(directory: Path, name: str, workers: int = 8) -> tuple[int, int, Watched]:
    """Serves a folder of versions from threads of this process; its ports of gRPC and of REST, on 127.0.0.1."""
    model = Watched(directory, name)
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(workers), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Predictions(model), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    handler = type("Handler", (Rest,), {"model": model})
    rest = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    model.servers = (server, rest)  # they live as long as the model
    return port, rest.server_address[1], model


def serve(directory: Path, name: str, ports: Connection) -> None:
    """What a process of its own runs: serves until the other end of `ports` is closed, to which it sends its ports."""
    *found, model = start(directory, name)
    ports.send(found)
    try:
        ports.recv()
    except EOFError:
        pass
    finally:
        model.servers[0].stop(None)


def _array(value) -> np.ndarray:
    try:
        return to_array(value, MAX_ELEMENTS)
    except (ValueError, TypeError, KeyError) as error:
        raise RefusedError("INVALID_ARGUMENT", f"Malformed tensor: {error}") from None


def _code(error: tf.errors.OpError) -> str:
    return next((code.name for code in grpc.StatusCode if code.value[0] == error.error_code), "UNKNOWN")


def _dtype(wanted, name: str):
    kind = tf.dtypes.as_dtype(wanted[name].dtype) if name in wanted else tf.float32
    return object if kind == tf.string else kind.as_numpy_dtype


def _strings(value):
    """`{"b64": ...}` -> bytes, anywhere in nested lists."""
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return [_strings(part) for part in value] if isinstance(value, list) else value


def _plain(value):
    """Bytes -> text, anywhere in nested lists."""
    if isinstance(value, bytes):
        return value.decode()
    return [_plain(part) for part in value] if isinstance(value, list) else value

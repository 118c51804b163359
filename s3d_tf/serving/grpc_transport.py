"""Calls over gRPC, with tensorflow-serving-api's messages."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its remarks on connections are for its developers

import grpc
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from .transport import MAX_ANSWER, ServerError, Value, sentence

TLS_WORDS = ("SSL_ERROR", "CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "handshake", "Hostname Verification")


class GrpcTransport:
    """A connection to one model.

    Args:
        address: `host:port`, or `unix:PATH`.
        model: its name; `version` its number, the server's choice by default.
        credentials: for TLS; without, the connection is in the clear.
        token: sent as `authorization: Bearer ...`.
        proxy: go through the one that the environment names (http_proxy).
    """

    def __init__(
        self,
        address: str,
        model: str,
        version: int | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        proxy: bool = True,
    ):
        self.address, self.model, self.version = address, model, version
        options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", MAX_ANSWER)]
        options += [("grpc.enable_retries", 0)]  # ours tell apart what may be asked again
        options += [("grpc.enable_http_proxy", int(proxy))]
        self._channel = (
            grpc.secure_channel(address, credentials, options)
            if credentials
            else grpc.insecure_channel(address, options)
        )
        self._metadata = [("authorization", f"Bearer {token}")] if token else None
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def call(self, signature: str, inputs: Mapping[str, Value], seconds: float) -> dict[str, np.ndarray]:
        """See `Transport`."""
        try:
            request = make_request(self.model, self.version, signature, inputs)
            answer = self._stub.Predict(request, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            code, details = error.code().name, error.details() or ""
            if code == "UNAVAILABLE" and any(word in details for word in TLS_WORDS):
                code = "TLS"
            raise ServerError(code, sentence(code, details, self.address, seconds)) from None
        except ValueError as error:  # a message of more than 2 GiB
            raise ServerError("INVALID_ARGUMENT", f"The request cannot be sent: {error}") from None
        try:
            return to_arrays(answer.outputs)
        except (TypeError, ValueError, KeyError) as error:
            raise ServerError("INTERNAL", f"{self.address} answers what is no tensor: {error}") from None

    def close(self) -> None:
        """See `Transport`."""
        self._channel.close()


def to_arrays(outputs: Mapping[str, tensor_pb2.TensorProto], max_elements: int = MAX_ANSWER // 8) -> dict:
    """The tensors of a message, `max_elements` in all of them; see `to_array`."""
    found: dict[str, np.ndarray] = {}
    for name, value in outputs.items():
        found[name] = to_array(value, max_elements)
        max_elements -= found[name].size
    return found


def to_array(value: tensor_pb2.TensorProto, max_elements: int) -> np.ndarray:
    """A tensor of a message, when it does not declare more elements than it may have: one number can stand for many.

    Raises:
        ValueError: it does, or it is no tensor.
    """
    elements = math.prod(dim.size for dim in value.tensor_shape.dim)
    if any(dim.size < 0 for dim in value.tensor_shape.dim) or elements > max_elements:
        raise ValueError(f"a tensor of {elements} elements")
    return tf.make_ndarray(value)


def make_request(
    model: str, version: int | None, signature: str, inputs: Mapping[str, Value]
) -> predict_pb2.PredictRequest:
    """The message of one call."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    if version is not None:
        request.model_spec.version.value = version
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def read_credentials(
    ca: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> grpc.ChannelCredentials:
    """TLS: the server's roots (those that come with gRPC by default), and a certificate of our own with its key.

    Raises:
        ValueError: only one of certificate and key, or a file that is no PEM.
        OSError: a file cannot be read.
    """
    if bool(certificate) != bool(key):
        raise ValueError(f"A certificate needs its key. Received: {certificate} and {key}")
    contents = [path.read_bytes() if path else None for path in (ca, key, certificate)]
    for path, content in zip((ca, key, certificate), contents, strict=True):
        if content is not None and b"-----BEGIN " not in content:
            raise ValueError(f"TLS takes PEM files. Received: {path}")
    return grpc.ssl_channel_credentials(*contents)

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


class GrpcTransport:
    """A connection to one model.

    Args:
        address: `host:port`, or `unix:PATH`.
        model: its name; `version` its number, the server's choice by default.
        credentials: for TLS; without, the connection is in the clear.
        token: sent as `authorization: Bearer ...`.
    """

    def __init__(
        self,
        address: str,
        model: str,
        version: int | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
    ):
        self.address, self.model, self.version = address, model, version
        options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", MAX_ANSWER)]
        options += [("grpc.enable_retries", 0)]  # ours tell apart what may be asked again
        self._channel = (
            grpc.secure_channel(address, credentials, options)
            if credentials
            else grpc.insecure_channel(address, options)
        )
        self._metadata = [("authorization", f"Bearer {token}")] if token else None
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def call(self, signature: str, inputs: Mapping[str, Value], seconds: float) -> dict[str, np.ndarray]:
        """See `Transport`."""
        request = make_request(self.model, self.version, signature, inputs)
        try:
            answer = self._stub.Predict(request, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            code = error.code().name
            raise ServerError(code, sentence(code, error.details() or "", self.address, seconds)) from None
        except ValueError as error:  # a message of more than 2 GiB
            raise ServerError("INVALID_ARGUMENT", f"The request cannot be sent: {error}") from None
        try:
            return {name: to_array(value) for name, value in answer.outputs.items()}
        except (TypeError, ValueError, KeyError) as error:
            raise ServerError("INTERNAL", f"{self.address} answers what is no tensor: {error}") from None

    def close(self) -> None:
        """See `Transport`."""
        self._channel.close()


def to_array(value: tensor_pb2.TensorProto, max_elements: int = MAX_ANSWER // 8) -> np.ndarray:
    """A tensor of a message, when it does not declare more elements than it may have: one number can stand for many.

    Raises:
        ValueError: it is, or it is no tensor.
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
    """TLS: the server's roots (the system's by default), and a certificate of our own with its key where it asks.

    Raises:
        ValueError: only one of certificate and key.
        OSError: a file cannot be read.
    """
    if bool(certificate) != bool(key):
        raise ValueError(f"A certificate needs its key. Received: {certificate} and {key}")
    contents = [path.read_bytes() if path else None for path in (ca, key, certificate)]
    return grpc.ssl_channel_credentials(*contents)

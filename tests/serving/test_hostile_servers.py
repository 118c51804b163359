"""The client against servers that lie, declare too much, drip or are none: a sentence in time, and no memory taken."""

import http.server
import os
import socket
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.serving.client import Client
from s3d_tf.serving.connection import connect
from s3d_tf.serving.transport import ServerError

from .conftest import frames
from .lying import described

VIDEO = "val/drift_up/00002.avi"  # 12 frames of 40x40


@pytest.mark.parametrize("scheme", ["", "http://"])
@pytest.mark.parametrize("behaviour", ["silent", "dripping", "garbage", "closing"])
def test_what_is_no_server_ends_in_time_with_a_sentence(scheme, behaviour):
    with no_server(behaviour) as port, pytest.raises(ServerError, match="localhost") as caught:
        began = time.monotonic()
        Client(connect(f"{scheme}localhost:{port}", "animals"), deadline=1.5, retries=1)
    assert time.monotonic() - began < 8
    wanted = {"DEADLINE_EXCEEDED", "UNAVAILABLE"} if behaviour != "garbage" else {"UNAVAILABLE", "INTERNAL"}
    assert caught.value.code in wanted


class no_server:  # noqa: N801 (a context)
    """A port where something else listens."""

    def __init__(self, behaviour):
        self.behaviour = behaviour

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.answer, daemon=True).start()
        return self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.listener.close()

    def answer(self):
        held = []
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            held.append(one)
            threading.Thread(target=self.talk, args=(one,), daemon=True).start()

    def talk(self, one):
        try:
            if self.behaviour == "garbage":
                one.sendall(os.urandom(4096))
            if self.behaviour in ("garbage", "closing"):
                one.shutdown(socket.SHUT_RDWR)
                one.close()
            while self.behaviour == "dripping":
                for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000:
                    one.sendall(bytes([byte]))
                    time.sleep(0.3)
        except OSError:
            pass


NO_INFO = [
    *("", "[]", "{" * 99, "[" * 100_000, '{"labels": 3}', '{"labels": [], "streams": {}, "max_frames": 1}'),
    *(described(streams={}), described(labels="ab"), described(labels=[1, 2]), described(max_frames=1e300)),
    *(described(max_frames=float("inf")), described(streams={"rgb": dict(modality="flow")})),
    *(described(streams={"rgb": dict(resize=[70_000, 70_000])}), described(streams={"sound": {}})),
]


@pytest.mark.parametrize("info", NO_INFO, ids=lambda info: info[:40])
def test_a_model_of_another_maker_is_named(lie, info):
    with pytest.raises(ServerError, match=r"description cannot be understood.*scripts/export.py"):
        Client(connect(lie(info)[0], "animals"))


@pytest.mark.parametrize(
    "outputs",
    [{}, {"logits": [[1.0]]}, {"logits": [["x", "y"]]}, {"logits": [[np.nan, 1.0]]}, {"scores": [[0.5, 0.5]]}],
    ids=str,
)
def test_logits_that_are_none_are_refused(lie, outputs):
    client = Client(connect(lie(outputs=outputs)[0], "animals"))
    with pytest.raises(ServerError, match=r"logits that are not \(1, 2\) numbers"):
        client.classify_frames(frames(1))


@pytest.mark.parametrize("value", [1.0, [["x"]], [[np.nan]], [1.0, 2.0]], ids=str)
def test_features_that_are_none_are_refused(lie, value, motion_videos):
    client = Client(connect(lie(outputs={"features": value})[0], "animals"))
    with pytest.raises(ServerError, match=r"features that are not \(1, None\) numbers"):
        client.features(motion_videos / VIDEO)


def test_a_tensor_that_declares_more_than_it_holds_takes_no_memory(lie):
    bomb = tf.make_tensor_proto([[1.0]])
    for dim in bomb.tensor_shape.dim:
        dim.size = 1 << 20
    client = Client(connect(lie(outputs={"logits": bomb})[0], "animals"))
    with pytest.raises(ServerError, match="a tensor of 1099511627776 elements"):
        client.classify_frames(frames(1))


def test_many_tensors_may_not_declare_more_together_than_one(lie):
    bomb = tf.make_tensor_proto([[1.0]])
    bomb.tensor_shape.dim[0].size = 1 << 23  # 8 Mi elements, of 32 Mi that an answer may have
    client = Client(connect(lie(outputs={f"logits_{number}": bomb for number in range(200)})[0], "animals"))
    with pytest.raises(ServerError, match="a tensor of 8388608 elements"):
        client.classify_frames(frames(1))


def test_a_redirect_is_not_followed():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", "http://localhost:1/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(ServerError, match="HTTP 307"):
            Client(connect(f"http://localhost:{server.server_port}", "animals"))
        server.shutdown()

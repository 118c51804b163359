"""The client against a server of the API's own messages, and against what is no server at all."""

import base64
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from s3d_tf.data import video
from s3d_tf.serving import rest_transport, video_input
from s3d_tf.serving.client import Client
from s3d_tf.serving.connection import connect, read_token
from s3d_tf.serving.grpc_transport import GrpcTransport
from s3d_tf.serving.transport import ServerError, with_retries

from .conftest import LABELS, frames, free_port, in_memory, jpegs
from .lying import Lying, described

VIDEO = "val/drift_up/00002.avi"  # 12 frames of 40x40


@pytest.fixture(params=["grpc", "rest"])
def address(request, server):
    return getattr(server, request.param)


@pytest.fixture
def client(address):
    return Client(connect(address, "animals"))


def decoded(shown):
    """Frames as a server sees them: JPEGs there and back, `[T, H, W, 3]` uint8."""
    return np.stack([tf.io.decode_jpeg(video_input.encode(frame), dct_method="INTEGER_ACCURATE") for frame in shown])


def test_a_video_gets_the_logits_of_the_network_in_memory(client, model, motion_videos):
    answer = client.classify(motion_videos / VIDEO)
    shown = np.stack([frame.rgb for frame in video.read_video(motion_videos / VIDEO, (40, 40)).frames])
    expected = in_memory(model, decoded(shown)[None])[0]
    np.testing.assert_allclose(answer.logits, expected, atol=1e-4)
    assert np.abs(in_memory(model, shown[None])[0] - expected).max() < 0.3 * expected.std()  # JPEG's error, of textures
    assert (answer.start, answer.num_frames, sorted(answer.sample)) == (0, 12, list(range(12)))
    assert [label for label, _ in answer.ranking] == [LABELS[i] for i in np.argsort(-expected)]
    assert sum(score for _, score in answer.ranking) == pytest.approx(1)


def test_pixels_get_the_logits_of_the_network_in_memory(client, model):
    np.testing.assert_allclose(client.classify_frames(frames()), in_memory(model, frames()), atol=1e-4)


def test_features_are_the_mean_of_the_endpoint(client, model, motion_videos):
    from s3d_tf.networks import endpoints

    shown = np.stack([frame.rgb for frame in video.read_video(motion_videos / VIDEO, (40, 40)).frames])
    clip = decoded(shown)[None, :, 4:36, 4:36] / np.float32(127.5) - 1
    expected = endpoints(model, ["Mixed_5c"])(clip, training=False)["Mixed_5c"].numpy().mean((1, 2, 3))
    np.testing.assert_allclose(client.features(motion_videos / VIDEO), expected, atol=1e-4)


def test_windows_and_their_average(client, motion_videos):
    path = motion_videos / VIDEO
    parts = list(client.classify_windows(path, 8, 2))
    assert [(part.start, part.num_frames) for part in parts] == [(0, 8), (2, 8), (4, 8)]
    halves = list(client.classify_windows(path, 9))
    assert [(part.start, part.num_frames) for part in halves] == [(0, 6), (6, 6)]
    whole = client.classify(path, 9)
    np.testing.assert_allclose(whole.logits, np.mean([part.logits for part in halves], axis=0), atol=1e-5)
    assert whole.num_frames == 12


def test_a_folder_of_frames_is_a_video(client, motion_videos, tmp_path):
    shown = [frame.rgb for frame in video.read_video(motion_videos / VIDEO).frames]
    for number, frame in enumerate(shown):
        (tmp_path / f"{number}.png").write_bytes(tf.io.encode_png(frame).numpy())
    expected = client.classify(motion_videos / VIDEO).logits
    np.testing.assert_allclose(client.classify(tmp_path).logits, expected, atol=1e-5)
    assert video_input.find_videos([str(tmp_path)]) == [tmp_path]


def test_what_is_no_video_in_a_folder_is_counted_and_named_once(motion_videos, tmp_path, caplog):
    for name in (
        "a.MP4",
        "b/c.avi",
        "notes.txt",
        "b/c.srt",
        ".DS_Store",
        "b/p.jpg",
        "frames/1.jpg",
        "frames/s.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with caplog.at_level("WARNING", logger="absl"):
        found = video_input.find_videos([str(tmp_path), str(tmp_path / "notes.txt")])
    inside = [path.relative_to(tmp_path).as_posix() for path in found]
    assert inside == ["a.MP4", "b/c.avi", "frames", "notes.txt"]  # what is named itself is tried
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning == (
        f"{tmp_path}: 5 files are skipped, no videos by their endings: .DS_Store, b/c.srt, b/p.jpg, frames/s.txt, "
        "notes.txt"
    )
    for name in ("a.MP4", "b/c.avi", "frames/1.jpg", "b/p.jpg"):
        (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=r"no videos, but 4 other files \(.DS_Store.*they end in .mp4.*Received: "):
        video_input.find_videos([str(tmp_path)])


@pytest.mark.parametrize(("name", "version", "code"), [("birds", None, "NOT_FOUND"), ("animals", 7, "NOT_FOUND")])
def test_what_is_not_served_is_named(address, name, version, code):
    with pytest.raises(ServerError, match=f"does not serve that.*{name}") as caught:
        Client(connect(address, name, version))
    assert caught.value.code == code


def test_the_servers_own_sentence_arrives(client):
    with pytest.raises(ServerError, match=r"cannot take this: Frame 1 of clip 0 is no JPEG\.$") as caught:
        client._call("serving_default", {"jpegs": [[*jpegs(frames(1, 1))[0], b"\xff\xd8 no"]]})
    assert caught.value.code == "INVALID_ARGUMENT"
    with pytest.raises(ServerError, match="at most 2 clips of 100 frames"):
        client.classify_frames(frames(1, 101))


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_no_server_is_unavailable_and_asked_again(scheme):
    began = time.monotonic()
    with pytest.raises(ServerError, match=r"No server answers at .*localhost") as caught:
        Client(connect(f"{scheme}localhost:{free_port()}", "animals"), deadline=20, retries=2)
    assert caught.value.code == "UNAVAILABLE"
    assert time.monotonic() - began >= 0.6  # 0.2 and 0.4 s between the attempts


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


def test_without_grpc_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3d_tf.serving.grpc_transport", None)
    with pytest.raises(ValueError, match=r"gRPC needs pip install .*serving.* Received: localhost:8500$"):
        connect("localhost:8500", "animals")


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"])
def test_only_the_unavailable_are_asked_again(lie, code):
    address, servicer = lie(code=getattr(grpc.StatusCode, code))
    with pytest.raises(ServerError, match="so it is") as caught:
        Client(connect(address, "animals"), retries=3)
    assert caught.value.code == code
    assert servicer.calls == (4 if code == "UNAVAILABLE" else 1)


def test_a_server_that_comes_back_is_used():
    outcomes = [ServerError("UNAVAILABLE", "down"), ServerError("UNAVAILABLE", "down"), {"x": 1}]

    def attempt(seconds):
        assert 0 < seconds <= 5
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert with_retries(attempt, deadline=5, retries=2, first_pause=0.01) == {"x": 1}


def test_a_token_is_not_sent_in_the_clear():
    for address in ("example.org:8500", "http://example.org:8501", "10.0.0.1:8500"):
        with pytest.raises(ValueError, match=f"would be sent in the clear. Received: {address}"):
            connect(address, "animals", token="secret")
    for address in ("localhost:8500", "http://127.0.0.1:8501", "[::1]:8500", "unix:/tmp/x", "https://example.org"):
        connect(address, "animals", token="secret").close()
    for address in ("http://localhost:1@example.org/", "dns://127.0.0.1/example.org:8500"):
        with pytest.raises(ValueError, match="A server is host:port"):
            connect(address, "animals", token="secret")
    with pytest.raises(ValueError, match=r"visible ASCII characters\. Received: 3 characters") as caught:
        connect("localhost:1", "animals", token="a\nb")
    assert "a\nb" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read (No such file or directory)"), (b"\n", "is empty"), ("ü".encode(), "it is no ASCII text")],
)
def test_a_token_file_without_a_token(content, message, tmp_path):
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(ValueError, match=f"{re.escape(message)}.*Received: {tmp_path}/token"):
        read_token(tmp_path / "token")
    (tmp_path / "token").write_text("secret\n")
    assert read_token(tmp_path / "token") == "secret"


def test_options_that_do_not_go_together(tmp_path):
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(ValueError, match="needs its key"):
        connect("localhost:1", "animals", certificate="cert.pem")
    with pytest.raises(ValueError, match=f"TLS takes PEM files. Received: {tmp_path}/no.pem"):
        connect("localhost:1", "animals", ca=tmp_path / "no.pem")
    with pytest.raises(ValueError, match="REST takes TLS as https"):
        connect("http://localhost:1", "animals", ca=tmp_path / "no.pem")


def test_no_proxy_stands_between_here_and_here(server, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "grpc_proxy"):
        monkeypatch.setenv(name, f"http://localhost:{free_port()}")
    for address in (server.grpc, server.rest):
        assert Client(connect(address, "animals"), retries=0).labels == LABELS


@pytest.fixture
def tls(tmp_path):
    """A server of gRPC with a certificate of its own, and that."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem"
    command = [*command.split(), "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    server = grpc.server(futures.ThreadPoolExecutor(1))
    lying = Lying([described()], {"logits": [[1.0, 2.0]]})
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(lying, server)
    pair = tuple((tmp_path / name).read_bytes() for name in ("key.pem", "cert.pem"))
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
    server.start()
    yield f"localhost:{port}", tmp_path / "cert.pem"
    server.stop(None)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate with")
def test_tls(tls):
    address, cert = tls
    client = Client(connect(address, "animals", ca=cert, token="secret"))
    assert client.classify_frames(frames(1)).tolist() == [[1.0, 2.0]]
    with pytest.raises(ServerError, match=r"No TLS connection to localhost.*--tls_ca") as caught:
        Client(connect(address, "animals", tls=True), retries=3)
    assert caught.value.code == "TLS"
    with pytest.raises(ServerError, match=r"does it want TLS, --tls\?"):
        Client(connect(address, "animals"), retries=0)


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


def test_rest_says_what_the_api_documents():
    """Column by column, strings as b64, a bearer token; https://www.tensorflow.org/tfx/serving/api_rest."""
    seen = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.update(path=self.path, token=self.headers["Authorization"])
            seen.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            content = b'{"outputs": [[1.0, 2.0]]}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        transport = rest_transport.RestTransport(f"http://localhost:{server.server_port}", "a", 3, token="secret")
        found = transport.call("serving_default", {"jpegs": [[b"\xff\xd8"]], "n": np.arange(2)}, 5)
        server.shutdown()
    assert found[""].tolist() == [[1.0, 2.0]]
    assert seen == dict(
        path="/v1/models/a/versions/3:predict",
        token="Bearer secret",
        signature_name="serving_default",
        inputs=dict(jpegs=[[{"b64": base64.b64encode(b"\xff\xd8").decode()}]], n=[0, 1]),
    )


@pytest.mark.skipif("TFS_ADDRESS" not in os.environ, reason="no TensorFlow Serving: TFS_ADDRESS=host:port names one")
def test_tensorflow_serving_itself(motion_videos):
    """Of the folder that TFS_MODEL_DIR names, under the name `animals`; CONTRIBUTING.md says how to start it."""
    from s3d_tf.serving.predict import load_predictor

    expected = load_predictor(Path(os.environ["TFS_MODEL_DIR"])).predict(motion_videos / VIDEO).logits
    transport = connect(os.environ["TFS_ADDRESS"], "animals")
    assert np.abs(Client(transport).classify(motion_videos / VIDEO).logits - expected).max() < 0.3 * expected.std()
    assert isinstance(transport, GrpcTransport | rest_transport.RestTransport)

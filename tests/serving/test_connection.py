"""How a server is reached: retries, tokens, TLS, REST, and options that do not go together."""

import base64
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent import futures

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from s3d_tf.serving import rest_transport
from s3d_tf.serving.client import Client
from s3d_tf.serving.connection import connect, read_token
from s3d_tf.serving.transport import ServerError, with_retries

from .conftest import frames, free_port
from .lying import Lying, described


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_no_server_is_unavailable_and_asked_again(scheme):
    began = time.monotonic()
    with pytest.raises(ServerError, match=r"No server answers at .*localhost") as caught:
        Client(connect(f"{scheme}localhost:{free_port()}", "animals"), deadline=20, retries=2)
    assert caught.value.code == "UNAVAILABLE"
    assert time.monotonic() - began >= 0.6  # 0.2 and 0.4 s between the attempts


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

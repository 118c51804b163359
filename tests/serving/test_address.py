"""Addresses that are none, and ports that speak another language than they are asked in."""

import http.server
import threading
from concurrent import futures

import grpc
import pytest

from s3d_tf.serving import address
from s3d_tf.serving.client import Client
from s3d_tf.serving.connection import connect
from s3d_tf.serving.transport import ServerError


@pytest.mark.parametrize(
    "none", ["", "localhost", "localhost:", "localhost:x", "localhost:99999", "localhost:0", ":8500", "http://h:99999"]
)
def test_a_server_needs_host_and_port(none):
    with pytest.raises(ValueError, match=rf"its host and its port: --server=host:8500 .*Received: '{none}'$"):
        connect(none, "animals")


@pytest.mark.parametrize("one", ["localhost:8500", "[::1]:8500", "unix:/tmp/x", "https://example.org", "http://h:1/x"])
def test_addresses(one):
    address.check(one)


def sentence_of(server, **options):
    with pytest.raises(ServerError) as caught:
        Client(connect(server, "animals", **options), deadline=20, retries=0)
    return str(caught.value)


def test_the_other_port_of_the_server_is_named(server):
    rest, bare = server.rest, server.rest.removeprefix("http://")
    assert sentence_of(bare).startswith(f"{bare} does not speak gRPC: if it is the port of REST, ask --server={rest};")
    asked = f"http://{server.grpc}"
    assert f"{asked} does not speak HTTP in the clear: if it is the port of gRPC, ask --server={server.grpc};" in (
        sentence_of(asked)
    )


def test_no_tls_where_it_is_asked_for(server):
    secure = server.rest.replace("http:", "https:")
    assert sentence_of(secure).startswith(f"{secure} does not speak TLS: leave out --tls")
    assert sentence_of(server.grpc, tls=True).startswith(f"{server.grpc} does not speak TLS: leave out --tls")


def test_a_server_of_another_kind():
    other = grpc.server(futures.ThreadPoolExecutor(1))
    port = other.add_insecure_port("127.0.0.1:0")
    other.start()
    assert f"localhost:{port} speaks gRPC, but is no TensorFlow Serving" in sentence_of(f"localhost:{port}")
    other.stop(None)
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        said = sentence_of(f"http://localhost:{web.server_port}")
        web.shutdown()
    assert f"localhost:{web.server_port} is no TensorFlow Serving (HTTP 501 without" in said
    assert "try the port of REST, 8501" in said


def test_a_port_that_is_left_out_is_asked_for():
    told = address.mistaken("[Errno 111] Connection refused", "http://h")
    assert told == "No server answers at http://h, without a port: for REST it is --server=http://h:8501"
    told = address.mistaken("connect: Connection refused (111)", "h:8501")
    assert told == "No server of gRPC answers at h:8501: if it is the port of REST, ask --server=http://h:8501"
    for other in ("http://h:1", "http://h:8501", "h:8500", "unix:/tmp/x"):
        assert not address.mistaken("[Errno 111] Connection refused", other)

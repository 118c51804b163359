"""Where a server is, `host:port` or `unix:PATH` of gRPC or an URL of REST, and what may be wrong with that."""

from __future__ import annotations

import ipaddress
import urllib.parse

GRPC_PORT, REST_PORT = 8500, 8501  # of TensorFlow Serving, unless it was told others
FOREIGN = "without TensorFlow Serving's JSON"  # how rest_transport.py calls an answer of another kind of server

_NO_TLS = ("WRONG_VERSION_NUMBER", "wrong version number")
_NO_GRPC = ("Failed parsing HTTP/2", "http1.x server")
_NO_HTTP = ("BadStatusLine", "Connection aborted")


def is_rest(address: str) -> bool:
    """Whether an address is of REST."""
    return address.startswith(("http://", "https://"))


def check(address: str) -> None:
    """Refuses what no connection can be made to; gRPC itself would take port 443, or what is left of 99999.

    Raises:
        ValueError: of another form, without a port of gRPC, or with a port that is none.
    """
    if "@" in address or (not is_rest(address) and "://" in address):
        raise ValueError(f"A server is host:port, unix:PATH, http:// or https://. Received: {address}")
    if address.startswith("unix:"):
        return
    try:
        parts = _split(address)
        host, port = parts.hostname, parts.port
    except ValueError:  # no number, or none of a port
        host, port = "", None
    if not host or port == 0 or (port is None and not is_rest(address)):
        known = f"--server=host:{GRPC_PORT} for gRPC or --server=http://host:{REST_PORT} for REST"
        raise ValueError(f"A server needs its host and its port: {known}. Received: {address!r}")


def is_here(address: str) -> bool:
    """Whether an address is of this machine: a socket, localhost, or one of the loopback range."""
    if address.startswith("unix:"):
        return True
    host = _split(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def mistaken(said: str, address: str) -> str:
    """A sentence for who asked a port that speaks another language, from the words of the libraries; "" otherwise."""
    bare = address.partition("://")[2] or address
    if any(words in said for words in _NO_TLS):
        return f"{address} does not speak TLS: leave out --tls, --tls_ca and https://, or name another port"
    if any(words in said for words in _NO_GRPC):
        return (
            f"{address} does not speak gRPC: if it is the port of REST, ask --server=http://{bare}; "
            f"that of gRPC is {GRPC_PORT}, unless the server was told another"
        )
    if any(words in said for words in _NO_HTTP):
        return (
            f"{address} does not speak HTTP in the clear: if it is the port of gRPC, ask --server={bare}; "
            f"that of REST is {REST_PORT}, unless the server was told another"
        )
    if "Connection refused" in said and not address.startswith("unix:"):
        port = _split(address).port
        if is_rest(address) and port is None:
            return f"No server answers at {address}, without a port: for REST it is --server={address}:{REST_PORT}"
        if not is_rest(address) and port == REST_PORT:  # it may answer at another address of the same name
            return f"No server of gRPC answers at {address}: if it is the port of REST, ask --server=http://{bare}"
    if FOREIGN in said:
        return (
            f"{address} is no TensorFlow Serving ({said}); try the port of REST, {REST_PORT} unless it was told another"
        )
    return ""


def _split(address: str) -> urllib.parse.SplitResult:
    return urllib.parse.urlsplit(address if "://" in address else f"//{address}")

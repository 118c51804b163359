"""Where a served model is, and how it is reached."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

from . import address as addresses
from .rest_transport import RestTransport
from .transport import DEADLINE, RETRIES, Transport

MAX_DEADLINE = 1_000_000  # seconds, eleven days
TOKEN = "S3D_TF_TOKEN"  # of the environment


@dataclasses.dataclass(frozen=True)
class Connection:
    """All that a client must know of a server; the fields are flags of the binaries that ask one.

    Attributes:
        server: host:port or unix:PATH of gRPC; http(s)://host:port of REST.
        model: the model's name on the server.
        version: its version; the server's choice by default.
        deadline: seconds for a call, with its retries.
        retries: more attempts when no server answers.
        tls: encrypt gRPC, trusting the roots that come with it.
        tls_ca: roots to trust instead, PEM.
        tls_cert: our own certificate, PEM, for a server that asks for one.
        tls_key: its key, PEM.
        token_file: holds a bearer token; S3D_TF_TOKEN of the environment by default.
    """

    server: str = "localhost:8500"
    model: str = "model"
    version: int | None = None
    deadline: float = DEADLINE
    retries: int = RETRIES
    tls: bool = False
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    token_file: str | None = None

    def __post_init__(self):
        if not 0 < self.deadline <= MAX_DEADLINE or self.retries < 0:
            raise ValueError(
                f"A deadline is more than 0 and up to {MAX_DEADLINE} seconds, and retries are 0 or more. Received: "
                f"deadline={self.deadline:g}, retries={self.retries}"
            )

    def open(self) -> Transport:
        """See `connect`.

        Raises:
            ValueError: no address, options that do not go together, or a file that is not what it should be.
            OSError: a file cannot be read.
        """
        token = read_token(Path(self.token_file)) if self.token_file else os.environ.get(TOKEN) or None
        ca, certificate, key = (Path(path) if path else None for path in (self.tls_ca, self.tls_cert, self.tls_key))
        options = dict(tls=self.tls, ca=ca, certificate=certificate, key=key, token=token)
        return connect(self.server, self.model, self.version, **options)


def connect(
    address: str,
    model: str,
    version: int | None = None,
    *,
    tls: bool = False,
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    token: str | None = None,
) -> Transport:
    """A connection to a server.

    Args:
        address: `host:port` or `unix:PATH` of gRPC, or `http://...`, `https://...` of REST.
        model: its name.
        version: its number; the server's choice by default.
        tls: encrypt gRPC, trusting the roots that come with it; any of `ca`, `certificate` and `key` does so too.
        ca, certificate, key: PEM files: the roots that the server's certificate must come from (of REST certifi's by
            default), and our own.
        token: sent as a bearer token, never in the clear to another machine.

    Raises:
        ValueError: no address, or options that do not go together.
    """
    addresses.check(address)
    rest = addresses.is_rest(address)
    encrypted = address.startswith("https://") if rest else bool(tls or ca or certificate or key)
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise ValueError(
            f"A token is a word of visible ASCII characters. Received: {len(token)} characters, some of another kind"
        )
    if token and not encrypted and not addresses.is_here(address):
        raise ValueError(f"A token needs TLS: it would be sent in the clear. Received: {address}")
    if rest and (certificate or key or ((tls or ca) and not encrypted)):
        raise ValueError(f"REST takes TLS as https:// and no certificate of the client's. Received: {address}")
    if rest:
        return RestTransport(address, model, version, ca, token)
    try:
        from .grpc_transport import GrpcTransport, read_credentials
    except ModuleNotFoundError as error:
        raise ValueError(
            f"gRPC needs pip install -e '.[serving]' ({error}); REST, http://host:{addresses.REST_PORT}, does not. "
            f"Received: {address}"
        ) from None

    credentials = read_credentials(ca, certificate, key) if encrypted else None
    return GrpcTransport(address, model, version, credentials, token, proxy=not addresses.is_here(address))


def read_token(path: Path) -> str:
    """The bearer token in a file.

    Raises:
        ValueError: it cannot be read, or holds none.
    """
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no ASCII text"
        raise ValueError(f"The token file cannot be read ({reason}). Received: {path}") from None
    if not token:
        raise ValueError(f"The token file is empty; it must hold one token. Received: {path}")
    return token

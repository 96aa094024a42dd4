"""An issuing system that answers whatever a test wants, byte by byte, also what no HTTP library would send."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import select
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_TICK = 0.02


@dataclass(frozen=True)
class Asked:
    """A request as it came. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Wire:
    """The connection that a play writes to."""

    def __init__(self, connection: socket.socket, ended: threading.Event) -> None:
        self._connection, self._ended = connection, ended

    def send(self, data: bytes) -> bool:
        """False: the other side has hung up."""
        try:
            self._connection.sendall(data)
        except OSError:
            return False
        return not self._ended.is_set()

    def hang(self) -> None:
        """Say nothing until the other side hangs up, or the test is over."""
        while not self._ended.wait(_TICK):
            readable, _, _ = select.select([self._connection], [], [], 0)
            with contextlib.suppress(OSError):
                if readable and not self._connection.recv(1):
                    return

    def trickle(self, data: bytes) -> None:
        """One byte at a time, each sooner than anybody's patience for a single step ends."""
        for one in data:
            if not self.send(bytes([one])) or self._ended.wait(_TICK):
                return

    def reset(self) -> None:
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


Play = Callable[[Asked, Wire], object]
"""How one request is answered; the connection is closed afterwards."""


def reply(status: int, body: bytes | object = b"", headers: dict[str, str] | None = None) -> bytes:
    """An honest answer as bytes; anything but bytes is written as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"content-type": "application/json", "content-length": str(len(raw)), "connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in (lines | (headers or {})).items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode("latin-1") + (b"" if status == 204 else raw)


def says(status: int, body: bytes | object = b"", headers: dict[str, str] | None = None) -> Play:
    """Always the same answer."""
    return lambda _, wire: (wire.send(reply(status, body, headers)) and None) or None


@dataclass
class Hostile:
    """A running server. ``play`` may be changed at any time."""

    url: str
    play: Play
    asked: list[Asked] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.url.partition("://")[2]


@contextmanager
def hostile(play: Play, certificate: tuple[Path, Path] | None = None) -> Iterator[Hostile]:
    """A server on a free port; ``certificate`` (certificate and key, PEM) makes it HTTPS."""
    ended = threading.Event()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                connection = self.request
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                asked = _read(connection)
                if asked is not None:
                    server.asked.append(asked)
                    server.play(asked, Wire(connection, ended))
                connection.close()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 64

    running = Server(("127.0.0.1", 0), Handler)
    scheme = "http" if context is None else "https"
    server = Hostile(f"{scheme}://127.0.0.1:{running.server_address[1]}", play)
    thread = threading.Thread(target=running.serve_forever, args=(_TICK,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        ended.set()
        running.shutdown()
        running.server_close()
        thread.join()


def _read(connection: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Asked(method, target, headers, body)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private

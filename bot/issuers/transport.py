"""How bytes come from a host that is not trusted: all of a call by one deadline, and no more than it may be long.

httpx limits each single step, so that a host which sends one byte now and then holds a call for ever; and it unpacks
an answer before anybody can see how large it becomes. Here every step gets what is left of the whole call's time, and
a body is unpacked only as far as it may be long.
"""

from __future__ import annotations

import ssl
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx

_GZIP: Final = 31
"""``wbits`` of zlib for a gzip header and nothing else."""
_until: ContextVar[float | None] = ContextVar("until", default=None)


@dataclass(frozen=True)
class Limits:
    """What one call may take. Times are seconds."""

    connect: float = 5.0
    step: float = 10.0
    """Without a byte."""
    total: float = 30.0
    """From the first byte that is sent to the last that is read."""
    most_bytes: int = 4_000_000
    """Of a body, unpacked."""


class TooLargeError(Exception):
    """A body is longer than it may be."""


class UnreadableError(Exception):
    """A body is packed in a way that was not asked for, or not as it says."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Whatever is read in this thread meanwhile ends by then."""
    before = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(before)


def body_of(response: httpx.Response, most: int) -> bytes:
    """The body of a streamed answer, unpacked.

    Raises:
        TooLargeError: it has more than ``most`` bytes, packed or unpacked.
        UnreadableError: it is packed in a way that was not asked for, or not as it says.
    """
    raw = bytearray()
    for part in response.iter_raw():
        raw += part
        if len(raw) > most:
            raise TooLargeError
    match response.headers.get("content-encoding", "").strip().lower():
        case "" | "identity":
            return bytes(raw)
        case "gzip" | "x-gzip" if raw:
            return _unpacked(bytes(raw), most)
        case "gzip" | "x-gzip":
            return b""
        case _:
            raise UnreadableError


def _unpacked(raw: bytes, most: int) -> bytes:
    unpacking = zlib.decompressobj(wbits=_GZIP)
    try:
        read = unpacking.decompress(raw, most + 1)
    except zlib.error:
        raise UnreadableError from None
    if len(read) > most:
        raise TooLargeError
    if not unpacking.eof:
        raise UnreadableError
    return read


class Transport(httpx.BaseTransport):
    """Connections to one host. What goes wrong is raised as httpcore names it."""

    def __init__(self, roots: str = "", *, secure: bool = True) -> None:
        """``roots``: a file of root certificates, where they are not the usual ones; ``secure``: whether TLS is spoken,
        without which no certificates are read."""
        usual = httpx.create_ssl_context(trust_env=False) if secure and not roots else None
        context = ssl.create_default_context(cafile=roots) if roots else usual
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=_Network())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        assert isinstance(request.stream, httpx.SyncByteStream)
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Stream(answer))

    def close(self) -> None:
        self._pool.close()


class _Stream(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def _left(timeout: float | None) -> float:
    until = _until.get()
    left = float("inf") if until is None else until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the whole call takes too long")
    return min(left, Limits.step if timeout is None else timeout)


class _Network(httpcore.SyncBackend):
    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _Deadline(super().connect_tcp(*args, **kwargs))


class _Deadline(httpcore.NetworkStream):
    """A stream of which every step ends by the deadline of the call that it is for."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Deadline(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

"""The plain half of a double: a real HTTP server in a thread, what it was asked, and where a test speaks for it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request. ``path`` is as it was sent, percent-encoded; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def params(self) -> dict[str, list[str]]:
        return parse_qs(self.query, keep_blank_values=True)

    def number(self, name: str, default: int) -> int:
        return int(self.params.get(name, [str(default)])[0])

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}" + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True)
class Replied:
    """One answer."""

    status: int
    content: Any = None
    """JSON; bytes go out as they are; None: no body."""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        if self.content is None:
            return b""
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


Instead = Callable[[Asked], Replied | None]


class HttpDouble:
    """A system on a port of this machine. Subclasses answer; one request at a time changes anything."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.instead: Instead | None = None
        """Answers in place of the system where it returns something: how a test makes it hostile."""
        self.lock = threading.RLock()

    def answer(self, asked: Asked) -> Replied:
        raise NotImplementedError

    def lines(self, method: str = "") -> list[str]:
        """What was asked, for people."""
        return [one.line for one in self.asked if one.method.startswith(method)]

    def handle(self, asked: Asked) -> Replied:
        with self.lock:
            self.asked.append(asked)
            said = self.instead(asked) if self.instead is not None else None
            return self.answer(asked) if said is None else said


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked is gone before the answer was: that is their matter."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(double: HttpDouble) -> Iterator[None]:
    """Serve on a free port until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20
        wbufsize = -1  # one packet an answer: two small ones wait for each other

        def _any(self) -> None:
            split = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            replied = double.handle(Asked(self.command, split.path, split.query, headers, body))
            self.send_response_only(replied.status)
            for name, value in replied.headers.items():
                self.send_header(name, value)
            if replied.status != 204:
                self.send_header("content-length", str(len(replied.body)))
            self.end_headers()
            if replied.status != 204:
                self.wfile.write(replied.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing: a test's own output is enough."""

    server = _Server(("127.0.0.1", 0), Handler)
    double.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

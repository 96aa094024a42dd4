"""A strict double of Vault's KV version 2 secrets engine, written from its published HTTP interface.

``GET`` and ``POST /v1/{mount}/data/{path}``: versions with check-and-set, 404 for what was never written and, with its
metadata, for what was deleted, 403 for whom no policy lets in. Policies are looked at before anything else.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hvs." + "unit-test-token"


@dataclass
class VaultServer:
    """One mount, ``kv``."""

    address: str = ""
    versions: dict[str, list[dict[str, Any] | None]] = field(default_factory=dict)
    """By path, the oldest first; None: deleted."""
    may_read: bool = True
    may_write: bool = True
    meanwhile: dict[str, Any] | None = None
    """What somebody else writes right before our next write."""
    calls: list[tuple[str, str]] = field(default_factory=list)

    def newest(self, path: str) -> dict[str, Any] | None:
        return self.versions[path][-1] if self.versions.get(path) else None

    def read(self, path: str) -> tuple[int, dict[str, Any]]:
        if not self.may_read:
            return 403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
        versions = self.versions.get(path)
        if not versions:
            return 404, {"errors": []}
        metadata = {
            "created_time": "2026-11-23T09:00:00.000000Z",
            "custom_metadata": None,
            "deletion_time": "" if versions[-1] is not None else "2026-11-23T10:00:00.000000Z",
            "destroyed": False,
            "version": len(versions),
        }
        return 404 if versions[-1] is None else 200, {"data": {"data": versions[-1], "metadata": metadata}}

    def write(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        if not self.may_write:
            return 403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
        if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
            return 400, {"errors": ["no data provided"]}
        if self.meanwhile is not None:
            self.versions.setdefault(path, []).append(self.meanwhile)
            self.meanwhile = None
        versions = self.versions.setdefault(path, [])
        cas = body.get("options", {}).get("cas")
        if cas is not None and cas != len(versions):
            return 400, {"errors": ["check-and-set parameter did not match the current version"]}
        versions.append(body["data"])
        return 200, {"data": {"version": len(versions), "destroyed": False, "deletion_time": ""}}


@contextmanager
def vault_server() -> Iterator[VaultServer]:
    """A running Vault, empty."""
    state = VaultServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(lambda path: state.read(path))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self._answer(lambda path: state.write(path, body))

        def _answer(self, act: Any) -> None:
            state.calls.append((self.command, self.path))
            prefix = "/v1/kv/data/"
            if self.headers.get("x-vault-token") != TOKEN:
                status, body = 403, {"errors": ["permission denied"]}
            elif not self.path.startswith(prefix):
                status, body = 404, {"errors": [f"no handler for route {self.path!r}"]}
            else:
                status, body = act(self.path.removeprefix(prefix))
            raw = json.dumps({"request_id": "0d2a", **body}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

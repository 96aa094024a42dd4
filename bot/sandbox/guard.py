"""Keeps other web sites out of a workspace that listens on this machine.

A page elsewhere could post to a port of this machine, or reach it under a name of its own that it points at
127.0.0.1 (DNS rebinding). So only loopback names are answered, and a browser may only write from the workspace's
own page.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
_SAFE = {"GET", "HEAD", "OPTIONS"}
_POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def host_name(host: str) -> str:
    """The name in a ``Host`` header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


def refusal(method: str, headers: Headers) -> str | None:
    """Why this request is not answered, or None."""
    host = headers.get("host", "")
    if host_name(host) not in LOOPBACK:
        return "This workspace only answers on this machine. Open it as http://127.0.0.1 with its port."
    if method in _SAFE:
        return None
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return "This workspace only takes input from its own page."
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return "This workspace only takes input from its own page."
    return None


class Guard:
    """Middleware: refuses foreign requests and sets the security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        why = refusal(scope["method"], Headers(scope=scope))
        if why is not None:
            await PlainTextResponse(why, status_code=403)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)

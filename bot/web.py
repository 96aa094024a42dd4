"""The ASGI application: what Slack sends, and whether we are alive and ready.

``/healthz`` says that the process answers; ``/readyz`` that it could do its work: database, tables and policy;
``/metrics`` how the work goes, to whom the settings let see it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.logs import request_id
from bot.operations.doctor import Finding

logger = logging.getLogger(__name__)

#: Slack's largest payload (a view of 250 kB, form encoded) stays well below.
MOST_BODY_BYTES = 1_000_000
SLACK_PATH = "/slack/events"
#: What a proxy adds: such a request comes from elsewhere, whatever address it has.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
Ready = Callable[[], Sequence[Finding]]
Lifespan = Callable[[], AbstractAsyncContextManager[None]]
Observe = Callable[[str, float], None]
"""Told the path and the seconds of every request that was answered."""


@dataclass(frozen=True)
class MetricsPage:
    """What ``/metrics`` answers, and to whom.

    Attributes:
        write: from what the asker takes (``Accept``) to the page and its content type; called in a thread.
        to_all: answer everybody who can reach the port, not only whoever is on this machine.
    """

    write: Callable[[str], tuple[bytes, str]]
    to_all: bool = False


class _TooLargeError(Exception):
    """More body than we read."""


class Frame:
    """Around every request: an id for the logs, a limit to the body, one log line, and never a traceback outside."""

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = request_id.set(secrets.token_hex(8))
        started, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.get().encode())]
            await send(message)

        try:
            await self._app(scope, _limited(receive), watched)
        except _TooLargeError:
            if not status:
                await PlainTextResponse("The body is too large.", 413)(scope, receive, watched)
        except Exception:
            logger.exception("a request could not be answered", extra={"path": scope["path"]})
            if not status:
                await PlainTextResponse("Something went wrong here. It has been logged.", 500)(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - started
            self._observe(scope["path"], seconds)
            _log(scope, status, seconds)
            request_id.reset(token)


def create_web_app(
    ready: Ready,
    *,
    slack: ASGIApp | None = None,
    lifespan: Lifespan | None = None,
    metrics: MetricsPage | None = None,
    observe: Observe = lambda _path, _seconds: None,
) -> Starlette:
    """The application.

    Args:
        ready: looks whether the work could be done; called in a thread.
        slack: answers ``/slack/events``; None where Slack is not set up or is spoken to over a socket.
        lifespan: entered when serving starts, left when it ends.
        metrics: answers ``/metrics``; None: there is no such page.
        observe: told of every request that was answered.
    """

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_request: Request) -> Response:
        findings = [one for one in await asyncio.to_thread(ready) if one.level != "look"]
        fine = all(one.level == "ok" for one in findings)
        # Names and levels only: what is wrong in detail is for `whose doctor`, not for whoever can reach this port.
        checks = {one.name: one.level for one in findings}
        return JSONResponse({"ready": fine, "checks": checks}, 200 if fine else 503)

    async def show_metrics(request: Request) -> Response:
        if metrics is None or not (metrics.to_all or _is_local(request)):
            return PlainTextResponse("Not Found", 404)
        page, content_type = await asyncio.to_thread(metrics.write, request.headers.get("accept", ""))
        return Response(page, media_type=content_type)

    @asynccontextmanager
    async def around(_app: Starlette) -> AsyncIterator[None]:
        if lifespan is None:
            yield
        else:
            async with lifespan():
                yield

    routes: list[BaseRoute] = [Route("/healthz", healthz), Route("/readyz", readyz)]
    if metrics is not None:
        routes.append(Route("/metrics", show_metrics))
    if slack is not None:
        routes.append(Route(SLACK_PATH, endpoint=slack))
    return Starlette(routes=routes, middleware=[Middleware(Frame, observe=observe)], lifespan=around)


def _is_local(request: Request) -> bool:
    """Whether this machine asks itself: by its address, by the name it asks for, and with no proxy between."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    asked_for = request.url.hostname or ""
    return _is_loopback(request.client.host if request.client else "") and (
        asked_for == "localhost" or _is_loopback(asked_for)
    )


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def _limited(receive: Receive) -> Receive:
    """``receive`` that gives up after :data:`MOST_BODY_BYTES`."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BODY_BYTES:
            raise _TooLargeError
        return message

    return limited


def _log(scope: Scope, status: int, seconds: float) -> None:
    facts = {"method": scope["method"], "path": scope["path"], "status": status, "ms": round(seconds * 1000, 1)}
    quiet = scope["path"] in ("/healthz", "/readyz", "/metrics") and status == 200
    level = logging.DEBUG if quiet else logging.INFO
    logger.log(level, "%s %s %s", facts["method"], facts["path"], status, extra=facts)

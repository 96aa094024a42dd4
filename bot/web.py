"""The ASGI application: what Slack sends, and whether we are alive and ready.

``/healthz`` says that the process answers; ``/readyz`` that it could do its work: database, tables and policy.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

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
Ready = Callable[[], Sequence[Finding]]
Lifespan = Callable[[], AbstractAsyncContextManager[None]]


class _TooLargeError(Exception):
    """More body than we read."""


class Frame:
    """Around every request: an id for the logs, a limit to the body, one log line, and never a traceback outside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
            _log(scope, status, time.perf_counter() - started)
            request_id.reset(token)


def create_web_app(ready: Ready, *, slack: ASGIApp | None = None, lifespan: Lifespan | None = None) -> Starlette:
    """The application.

    Args:
        ready: looks whether the work could be done; called in a thread.
        slack: answers ``/slack/events``; None where Slack is not set up or is spoken to over a socket.
        lifespan: entered when serving starts, left when it ends.
    """

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_request: Request) -> Response:
        findings = [one for one in await asyncio.to_thread(ready) if one.level != "look"]
        fine = all(one.level == "ok" for one in findings)
        # Names and levels only: what is wrong in detail is for `whose doctor`, not for whoever can reach this port.
        checks = {one.name: one.level for one in findings}
        return JSONResponse({"ready": fine, "checks": checks}, 200 if fine else 503)

    @asynccontextmanager
    async def around(_app: Starlette) -> AsyncIterator[None]:
        if lifespan is None:
            yield
        else:
            async with lifespan():
                yield

    routes: list[BaseRoute] = [Route("/healthz", healthz), Route("/readyz", readyz)]
    if slack is not None:
        routes.append(Route("/slack/events", endpoint=slack))
    return Starlette(routes=routes, middleware=[Middleware(Frame)], lifespan=around)


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
    level = logging.DEBUG if scope["path"] in ("/healthz", "/readyz") and status == 200 else logging.INFO
    logger.log(level, "%s %s %s", facts["method"], facts["path"], status, extra=facts)

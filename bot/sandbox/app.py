"""The workspace as one ASGI application: Slack's Web API, and the page in which people see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send

from bot.sandbox.delivery import Delivery
from bot.sandbox.guard import Guard
from bot.sandbox.web_api import RAW_SEND, api_routes
from bot.sandbox.workspace import Workspace


class Control(Protocol):
    """The clock that people may push forward, when there is one."""

    def now(self) -> datetime:
        """The workspace's time of day, aware."""
        ...

    async def advance(self, delta: timedelta, progress: Callable[[datetime], None]) -> None:
        """Push the clock forward by ``delta``, calling ``progress`` with where it has got to."""
        ...


class SandboxApp(Starlette):
    """Starlette, keeping the server's own ``send`` at hand: a lost reply has to break the real connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope[RAW_SEND] = send
        await super().__call__(scope, receive, send)


def create_app(
    workspace: Workspace,
    delivery: Delivery,
    control: Control | None = None,
    *,
    tips: Sequence[str] = (),
    suggested_user: str | None = None,
) -> Starlette:
    """The application. Without ``control`` no clock is shown; ``tips`` are the moves to try, ``suggested_user`` an id.

    Set ``workspace.base_url`` to where it is served. Serve it on loopback only.
    """
    return SandboxApp(routes=api_routes(workspace), middleware=[Middleware(Guard)])

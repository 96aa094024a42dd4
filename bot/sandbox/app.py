"""The workspace as one ASGI application: Slack's Web API, and the page in which people see it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send

from bot.sandbox.browser_api import BrowserApi, Control, Guide
from bot.sandbox.delivery import Delivery
from bot.sandbox.guard import Guard
from bot.sandbox.web_api import RAW_SEND, api_routes
from bot.sandbox.workspace import Workspace

__all__ = ["Control", "SandboxApp", "create_app"]


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
    commands: Sequence[str] = ("/whose",),
) -> Starlette:
    """The application. Without ``control`` no clock is shown; ``tips`` are the moves to try, ``suggested_user`` an id.

    Set ``workspace.base_url`` to where it is served. Serve it on loopback only, and call ``workspace.close()`` before
    the server is to stop: it ends the live streams of open pages.
    """
    guide = Guide(tips, suggested_user, commands)
    page = BrowserApi(workspace, delivery, control, guide)
    return SandboxApp(routes=[*api_routes(workspace), *page.routes()], middleware=[Middleware(Guard)])

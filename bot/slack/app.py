"""The Slack app: payloads in, typed questions to the desk, answers out.

``process_before_response`` because a decision is committed before it is acknowledged; it also spares the 10 ms that
Bolt otherwise waits between looks for the acknowledgement. All that blocks runs in a thread.

Bolt is given payloads that are parsed already, over HTTP as over a socket: what comes over HTTP was verified and parsed
by the guard, once.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from slack_bolt import BoltResponse
from slack_bolt.adapter.starlette.async_handler import to_starlette_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from bot.operations.context import Context
from bot.slack.actions import answer_click
from bot.slack.calls import TIMEOUT
from bot.slack.commands import answer_command
from bot.slack.desk import Desk, Services, failed, no
from bot.slack.forms import answer_submission, in_place
from bot.slack.guard import Guard
from bot.slack.home import answer_home, home_of
from bot.slack.person import Accounts
from bot.slack.replies import Replies
from bot.slack.socket import SlackSocket
from messages.block_kit import render
from messages.cards.refusal import refusal

logger = logging.getLogger(__name__)

_ANY = re.compile(r"[\s\S]*")
T = TypeVar("T")


@dataclass(frozen=True)
class SlackSettings:
    """How Slack is spoken to. ``repr`` shows no secret."""

    bot_token: str = field(repr=False)
    signing_secret: str = field(default="", repr=False)
    """Empty in Socket Mode, where nothing comes over HTTP."""
    app_token: str = field(default="", repr=False)
    """Given: Socket Mode."""
    api_url: str = "https://slack.com/api/"


class SlackEdge:
    """Everything of Slack that one web process holds."""

    def __init__(self, ctx: Context, settings: SlackSettings, services: Services) -> None:
        self.settings = settings
        self.desk = Desk(ctx, Accounts(ctx, settings.bot_token, settings.api_url), services)
        client = AsyncWebClient(settings.bot_token, base_url=settings.api_url, timeout=TIMEOUT, retry_handlers=[])
        self.replies = Replies(client)
        self.app = _bolt(self, settings)

    def asgi(self, wall: Callable[[], float] = time.time) -> ASGIApp:
        """The endpoint for Slack's requests, guarded.

        Args:
            wall: seconds since 1970, for the age of signatures.

        Raises:
            ValueError: there is no signing secret.
        """

        async def answer(payload: dict[str, Any]) -> Response:
            try:
                # Bolt's word for "parsed and known to be Slack's"; it verifies by itself whatever comes otherwise.
                said = await self.app.async_dispatch(AsyncBoltRequest(body=payload, mode="socket_mode"))
            except Exception as error:  # noqa: BLE001 - named consequence: logged, and answered with a 400
                logger.warning("a payload was refused: %s in Bolt", type(error).__name__)
                return PlainTextResponse("This payload cannot be read.", 400)
            return to_starlette_response(said)

        return Guard(answer, self.settings.signing_secret, wall)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Around serving: Socket Mode where it is asked for; at the end, what is still to be said is said."""
        socket = SlackSocket(self.app, self.settings) if self.settings.app_token else None
        if socket is not None:
            await socket.start()
        try:
            yield
        finally:
            if socket is not None:
                await socket.stop()
            await self.replies.finish()


def create_slack_app(ctx: Context, settings: SlackSettings, services: Services) -> AsyncApp:
    """Bolt's app with every listener of ours."""
    return SlackEdge(ctx, settings, services).app


def _app(settings: SlackSettings) -> AsyncApp:
    """Bolt's app without a listener."""
    bare = AsyncWebClient(base_url=settings.api_url, timeout=TIMEOUT, retry_handlers=[])  # gets its token per request

    # Slack is not asked who the app is: no listener needs to know, and no click has to wait for the answer.
    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=settings.bot_token)

    return AsyncApp(
        name="whose",
        client=bare,
        authorize=authorize,
        signing_secret=settings.signing_secret,
        process_before_response=True,
        ssl_check_enabled=False,  # it would be answered before the signature is looked at
        ignoring_self_events_enabled=False,  # no listener answers a message, so none of ours can come back to one
        attaching_function_token_enabled=False,
    )


def _bolt(edge: SlackEdge, settings: SlackSettings) -> AsyncApp:
    desk, replies, app = edge.desk, edge.replies, _app(settings)

    @app.action(_ANY)
    async def on_click(ack: Callable[..., Any], body: dict[str, Any]) -> None:
        reply = await _in_thread(lambda: answer_click(desk, body), lambda e: no(failed(e, "a click")))
        await replies.carry_out(body, reply)
        view = body.get("view")
        if isinstance(view, dict) and view.get("type") == "home":
            replies.later(_draw_home(edge, body))
        await ack()

    @app.view(_ANY)
    async def on_submit(ack: Callable[..., Any], body: dict[str, Any]) -> None:
        answer = await _in_thread(
            lambda: answer_submission(desk, body), lambda e: in_place(refusal(failed(e, "a form")))
        )
        await ack(**answer)

    @app.view_closed(_ANY)
    async def on_close(ack: Callable[..., Any]) -> None:
        await ack()

    @app.command(_ANY)
    async def on_command(ack: Callable[..., Any], body: dict[str, Any]) -> None:
        view = await _in_thread(lambda: answer_command(desk, body), lambda e: refusal(failed(e, "a command")))
        rendered = render(view)
        await ack(response_type="ephemeral", text=rendered.text, blocks=rendered.blocks)

    @app.event("app_home_opened")
    async def on_home(ack: Callable[..., Any], body: dict[str, Any]) -> None:
        home = await _in_thread(lambda: answer_home(desk, body), lambda e: _nothing(e, "the Home tab"))
        if home is not None:
            replies.later(replies.publish(home.user_id, home.view))
        await ack()

    @app.error
    async def on_error(error: Exception) -> BoltResponse:
        # Listeners catch their own; what is left is Bolt stumbling over a payload that is none of Slack's.
        logger.warning("a payload was refused: %s in Bolt", type(error).__name__)
        return BoltResponse(status=400, body="This payload cannot be read.")

    @app.event(_ANY)
    async def on_other_event(ack: Callable[..., Any]) -> None:
        await ack()  # something the app is subscribed to and has no answer for

    return app


async def _draw_home(edge: SlackEdge, body: dict[str, Any]) -> None:
    """After a click there: the tab as it is now."""
    user = body.get("user")
    user_id = user.get("id") if isinstance(user, dict) else None
    if not isinstance(user_id, str):
        return
    home = await _in_thread(lambda: home_of(edge.desk, user_id), lambda e: _nothing(e, "the Home tab"))
    if home is not None:
        await edge.replies.publish(home.user_id, home.view)


async def _in_thread(work: Callable[[], T], otherwise: Callable[[Exception], T]) -> T:
    """Do blocking work in a thread. Whatever goes wrong in it is logged, and the person reads that it did."""
    try:
        return await asyncio.to_thread(work)
    except Exception as error:  # noqa: BLE001 - named consequence: a logged traceback and a kind sentence
        return otherwise(error)


def _nothing(error: Exception, what: str) -> None:
    failed(error, what)

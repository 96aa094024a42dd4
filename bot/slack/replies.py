"""Carrying answers to Slack: modals before the acknowledgement (a trigger lives three seconds), whispers after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack.desk import Ask, Recorded, Reply, Show, Tell, failed
from messages.block_kit import render, render_modal
from messages.cards.facts import Refusal
from messages.cards.refusal import refusal
from messages.view import Paragraph, View

logger = logging.getLogger(__name__)

OPEN_WITHIN = 2  # seconds for views.open and views.update, so that the acknowledgement still comes in time
_WHISPER_WITHIN = 10
_RECORDED = View("Your answer is recorded.", [Paragraph(["Your answer is recorded."])])
_TROUBLE = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError)


class Replies:
    """Speaks to Slack in answer to payloads. Belongs to one event loop."""

    def __init__(self, client: AsyncWebClient) -> None:
        self.client = client
        self._under_way: set[asyncio.Task[None]] = set()

    async def carry_out(self, body: Mapping[str, Any], reply: Reply) -> None:
        """Answer a click where it happened: beside the message, in the modal, or over the Home tab."""
        view = body.get("view")
        kind = view.get("type") if isinstance(view, Mapping) else ""
        if isinstance(reply, Recorded):
            if not kind:
                self.later(self._whisper_confirmation(body, reply))
                return
            reply = Tell(await asyncio.to_thread(reply.confirm))
        if isinstance(reply, Tell) and not kind:
            self.whisper(body, reply.view)
            return
        modal = reply.modal if isinstance(reply, Ask) else render_modal(reply.view, reply.title)
        failure = await (self._update(view, modal) if kind == "modal" else self._open(body, modal))
        if failure:
            logger.warning("a modal could not be shown: %s", failure)
            code = "expired" if "trigger" in failure else "unavailable"
            self.whisper(body, reply.view if isinstance(reply, Tell | Show) else refusal(Refusal(code)))

    async def publish(self, user_id: str, view: dict[str, Any]) -> None:
        """Draw a Home tab."""
        try:
            await self.client.views_publish(user_id=user_id, view=view)
        except _TROUBLE as error:
            logger.warning("a Home tab could not be drawn: %s", _name(error))

    def whisper(self, body: Mapping[str, Any], view: View) -> None:
        """Answer for the eyes of the one who clicked, by and by; nothing waits for it and nothing depends on it."""
        url = body.get("response_url")
        if isinstance(url, str) and url.startswith(("https://", "http://")):
            self.later(self._whisper(url, view))

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something after the acknowledgement."""
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def finish(self) -> None:
        """Wait for what is still to be said: before the process ends."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _whisper_confirmation(self, body: Mapping[str, Any], reply: Recorded) -> None:
        try:
            view = await asyncio.to_thread(reply.confirm)
        except Exception as error:  # noqa: BLE001 - named consequence: logged, and a sentence that says it was recorded
            failed(error, "a confirmation")
            view = _RECORDED
        self.whisper(body, view)

    async def _whisper(self, url: str, view: View) -> None:
        rendered = render(view)
        body = {
            "response_type": "ephemeral",
            "replace_original": False,
            "text": rendered.text,
            "blocks": rendered.blocks,
        }
        try:
            # No retries: the first try may have been heard.
            webhook = AsyncWebhookClient(url, timeout=_WHISPER_WITHIN, retry_handlers=[])
            answer = await webhook.send_dict(body)
        except _TROUBLE as error:
            logger.warning("an answer to a click was lost: %s", _name(error))
            return
        if answer.status_code != 200:
            logger.warning("an answer to a click was refused with %s", answer.status_code)

    async def _open(self, body: Mapping[str, Any], modal: dict[str, Any]) -> str:
        """Empty where it is open now; else Slack's word for why not."""
        trigger = body.get("trigger_id")
        if not isinstance(trigger, str) or not trigger:
            return "no_trigger"
        return await self._call(self.client.views_open(trigger_id=trigger, view=modal))

    async def _update(self, view: Any, modal: dict[str, Any]) -> str:
        # Without a hash: the newest answer wins, and an impatient second click finds no conflict.
        return await self._call(self.client.views_update(view_id=str(view.get("id", "")), view=modal))

    async def _call(self, call: Coroutine[Any, Any, Any]) -> str:
        try:
            await asyncio.wait_for(call, OPEN_WITHIN)
        except _TROUBLE as error:
            return _name(error)
        return ""


def _name(error: BaseException) -> str:
    """Slack's own word where there is one; never a payload."""
    if isinstance(error, SlackApiError):
        return str(error.response.get("error", "")) or f"HTTP {error.response.status_code}"
    return type(error).__name__

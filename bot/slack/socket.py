"""Socket Mode: the same app, spoken to over a connection that we open.

Slack spreads interactions over every open connection of an app. One that a crashed process left behind swallows its
share of the clicks unseen, so the number that Slack gives in its ``hello`` is watched.
https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

if TYPE_CHECKING:
    from bot.slack.app import SlackSettings

logger = logging.getLogger(__name__)


class SlackSocket:
    """One connection; it reconnects by itself until it is stopped."""

    def __init__(self, app: AsyncApp, settings: SlackSettings) -> None:
        self._handler = AsyncSocketModeHandler(app, settings.app_token)
        self._handler.client.message_listeners.append(_on_message)

    async def start(self) -> None:
        """Connect.

        Raises:
            slack_sdk.errors.SlackClientError: Slack refuses the app token or cannot be reached.
        """
        await self._handler.connect_async()  # type: ignore[no-untyped-call]
        logger.info("connected to Slack over a socket")

    async def stop(self) -> None:
        """Close the connection; Slack sends nothing more here."""
        await self._handler.close_async()  # type: ignore[no-untyped-call]


async def _on_message(_client: Any, message: dict[str, Any], _raw: str | None = None) -> None:
    if message.get("type") == "hello":
        warn_of_ghosts(message)


def warn_of_ghosts(hello: dict[str, Any]) -> bool:
    """Whether Slack knows of more connections than this one; says so in the log."""
    count = hello.get("num_connections")
    if isinstance(count, int) and count > 1:
        logger.warning(
            "Slack has %s connections open for this app, and each gets a share of the clicks. "
            "If no other process of it runs, wait a minute until Slack has closed the stale ones.",
            count,
            extra={"connections": count},
        )
        return True
    return False

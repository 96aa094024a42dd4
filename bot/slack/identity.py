"""Which workspace a bot token belongs to, and what it may do there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from slack_sdk.web import SlackResponse

from bot.errors import UpstreamError
from bot.operations.ports import NotSent
from bot.slack.calls import APP_REFUSED, Failure, attempt, client

#: Every scope that the app needs, and what for. The least that works.
SCOPES: Final = {
    "chat:write": "to ask owners and to update what was asked",
    "commands": "for /whose",
    "im:write": "to open the conversation with a person",
    "im:history": "to see whether a message arrived when Slack's reply was lost",
    "users:read": "to know who is there, who has left, and their time zones",
    "users:read.email": "to match accounts with the owners that the inventory names",
    "channels:read": "to find the security channel by its name",
    "channels:history": "to see whether a message arrived in the security channel",
}


@dataclass(frozen=True)
class SlackIdentity:
    """What ``auth.test`` says about a token."""

    team_id: str
    team: str
    bot_user_id: str
    bot_id: str
    scopes: frozenset[str] | None
    """None: the answer did not name them."""
    server_time: datetime | None
    """Slack's own clock, UTC, to the second."""

    def missing_scopes(self) -> list[str]:
        """Needed and not granted, in the order of :data:`SCOPES`; empty where the answer did not name any."""
        return [] if self.scopes is None else [scope for scope in SCOPES if scope not in self.scopes]


def identify(token: str, api_url: str) -> SlackIdentity:
    """Ask Slack whose token this is. One call.

    Raises:
        UpstreamError: Slack refuses the token or cannot be reached; the text says which, and what to do.
    """
    headers: dict[str, str] = {}

    def call() -> SlackResponse:
        response = client(token, api_url).auth_test()
        headers.update({name.lower(): value for name, value in response.headers.items()})
        return response

    answer = attempt(call)
    if not isinstance(answer, dict):
        raise UpstreamError(_what_to_do(answer, api_url))
    granted = headers.get("x-oauth-scopes")
    return SlackIdentity(
        team_id=str(answer.get("team_id", "")),
        team=str(answer.get("team", "")),
        bot_user_id=str(answer.get("user_id", "")),
        bot_id=str(answer.get("bot_id", "")),
        scopes=None if granted is None else frozenset(scope.strip() for scope in granted.split(",") if scope.strip()),
        server_time=_moment(headers.get("date", "")),
    )


def _moment(written: str) -> datetime | None:
    """The ``Date`` header (RFC 9110, 6.6.1); None where there is none that can be read."""
    try:
        return parsedate_to_datetime(written)
    except (TypeError, ValueError):
        return None


def _what_to_do(failure: Failure, api_url: str) -> str:
    reason = getattr(failure, "reason", "") or getattr(failure, "code", "") or getattr(failure, "detail", "")
    if isinstance(failure, NotSent) and reason.partition(":")[0] in APP_REFUSED:
        return (
            f"Slack refuses the bot token ({reason}). Copy the Bot User OAuth Token from the app's page "
            "OAuth & Permissions into SLACK_BOT_TOKEN; install the app again if it was removed."
        )
    return (
        f"Slack could not be asked whose token this is ({reason} at {api_url}). "
        "Check the network, and SLACK_API_URL if it is set."
    )

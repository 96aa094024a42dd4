"""Slack as a directory: who has an account, who has left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import available_timezones

from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, RateLimitErrorRetryHandler
from slack_sdk.web import WebClient

from bot.errors import UpstreamError
from bot.operations.ports import DirectoryEntry, NotSent
from bot.slack.calls import TIMEOUT, Failure, attempt

_PAGE = 200
_SLACKBOT = "USLACKBOT"


class SlackDirectory:
    """``users.list`` as a ``DirectoryPort``: 200 accounts a page, never one look-up an owner.

    Args:
        workspace: the team id, ``T0123``.
        token: the bot's token.
        api_url: base of the Web API, with a slash at the end.
    """

    platform = "slack"

    def __init__(self, workspace: str, token: str, api_url: str = "https://slack.com/api/") -> None:
        self.workspace = workspace
        # Reading twice does no harm, so here the client may wait out a rate limit by itself.
        retries = [RateLimitErrorRetryHandler(max_retry_count=5), ConnectionErrorRetryHandler(max_retry_count=2)]
        self._client = WebClient(token, base_url=api_url, timeout=TIMEOUT, retry_handlers=retries)

    def accounts(self) -> Iterator[DirectoryEntry]:
        """Every human account of the workspace, those that were closed included.

        Raises:
            UpstreamError: the list could not be read to its end, or it carries no addresses at all.
        """
        zones = available_timezones()
        people = with_email = 0
        cursor: str | None = None
        while cursor != "":
            answer = attempt(lambda cursor=cursor: self._client.users_list(limit=_PAGE, cursor=cursor))  # type: ignore[misc]
            if not isinstance(answer, dict):
                raise UpstreamError(_what_to_do(answer))
            for member in answer.get("members", []):
                if member.get("is_bot") or member.get("id") == _SLACKBOT:
                    continue
                entry = _entry(member, zones)
                people, with_email = people + 1, with_email + bool(entry.email)
                yield entry
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        if people and not with_email:
            raise UpstreamError(
                "Slack's list of accounts carries no e-mail addresses, so nobody can be matched. "
                "Add the scope users:read.email to the app and install it again."
            )


def _entry(member: dict[str, Any], zones: set[str]) -> DirectoryEntry:
    profile = member.get("profile") or {}
    zone = str(member.get("tz") or "")
    return DirectoryEntry(
        user_id=str(member["id"]),
        email=str(profile.get("email") or "").strip().lower(),
        name=str(profile.get("real_name") or member.get("real_name") or ""),
        timezone=zone if zone in zones else "",
        deactivated=bool(member.get("deleted")),
    )


def _what_to_do(failure: Failure) -> str:
    if isinstance(failure, NotSent) and failure.reason.startswith("missing_scope"):
        scope = failure.reason.partition(":")[2] or "users:read"
        return f"Slack does not let the app list accounts. Add the scope {scope} to the app and install it again."
    reason = failure.reason if isinstance(failure, NotSent) else getattr(failure, "code", "") or "no clear answer"
    return (
        f"Slack's list of accounts could not be read to its end ({reason}). Nothing was changed; "
        "try again in a few minutes, and check the bot's token with `whose doctor` if it persists."
    )

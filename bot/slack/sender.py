"""Slack as a place to send messages to: posts that can be found again, and updates."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bot.operations.ports import Destination, NotSent, Outcome, Refused, Sent, Unknown
from bot.slack.calls import GONE, Failure, attempt, client
from messages.block_kit import render
from messages.view import View

logger = logging.getLogger(__name__)

EVENT_TYPE = "whose_delivery"
"""Names our metadata. Members and other apps can read it, so it carries an opaque key and nothing else."""
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{6,}")
_PAGE = 200
_CHANNELS_A_PAGE = 999  # Slack: "under 1000"


class SlackSender:
    """One Slack workspace as a ``ChatPort``. Blocking; one thread at a time.

    Args:
        lane: ``slack:T0123``.
        token: the bot's token (``xoxb-…``).
        api_url: base of the Web API, with a slash at the end.
    """

    def __init__(self, lane: str, token: str, api_url: str = "https://slack.com/api/") -> None:
        self.lane = lane
        self._client = client(token, api_url)
        self._channels: dict[str, str] = {}

    def post(self, to: Destination, view: View, delivery_key: str) -> Outcome:
        """Post to a channel, or straight to a person's user id: Slack then opens the conversation by itself."""
        channel = to.user_id or self._channel_id(to.channel)
        if not isinstance(channel, str):
            return channel
        rendered = render(view)
        answer = attempt(
            lambda: self._client.chat_postMessage(
                channel=channel,
                text=rendered.text,
                blocks=rendered.blocks,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"delivery_key": delivery_key}},
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        if answer == Refused("channel_not_found"):
            self._channels.clear()  # renamed or made anew: look again next time
        return _sent(answer)

    def update(self, channel: str, message_id: str, view: View) -> Outcome:
        """Replace what a message of ours shows."""
        rendered = render(view)
        answer = attempt(
            lambda: self._client.chat_update(channel=channel, ts=message_id, text=rendered.text, blocks=rendered.blocks)
        )
        if isinstance(answer, Refused) and answer.code in GONE:
            return Refused(answer.code, gone=True)
        return _sent(answer)

    def find(self, to: Destination, delivery_key: str, since: datetime) -> list[Sent] | NotSent | Unknown:
        """Read the conversation from ``since`` on and look for the key in the messages' metadata."""
        channel = self._conversation(to)
        if not isinstance(channel, str):
            return channel if isinstance(channel, NotSent | Unknown) else Unknown(channel.code)
        found = []
        for message in self._history(channel, since):
            if not isinstance(message, dict):
                return message if isinstance(message, NotSent | Unknown) else Unknown(message.code)
            if _key_of(message) == delivery_key:
                found.append(Sent(channel, str(message["ts"])))
        return sorted(found, key=lambda sent: _seconds(sent.message_id))

    def delete(self, channel: str, message_id: str) -> Outcome:
        """Take back a message of ours."""
        return _sent(attempt(lambda: self._client.chat_delete(channel=channel, ts=message_id)))

    def _conversation(self, to: Destination) -> str | Failure:
        """The id to read from; opening a direct conversation that is open already changes nothing."""
        if not to.user_id:
            return self._channel_id(to.channel)
        if to.channel:
            return to.channel
        answer = attempt(lambda: self._client.conversations_open(users=to.user_id))
        if not isinstance(answer, dict):
            return answer
        found = answer.get("channel")
        channel = found.get("id") if isinstance(found, dict) else None
        return channel if isinstance(channel, str) else Unknown("answer_without_channel")

    def _history(self, channel: str, since: datetime) -> Iterator[dict[str, Any] | Failure]:
        """Every message since then, newest first; a failure ends it."""
        cursor: str | None = None
        while cursor != "":
            answer = attempt(
                lambda cursor=cursor: self._client.conversations_history(  # type: ignore[misc]
                    channel=channel,
                    oldest=f"{since.timestamp():.6f}",
                    inclusive=True,
                    include_all_metadata=True,
                    limit=_PAGE,
                    cursor=cursor,
                )
            )
            if not isinstance(answer, dict):
                yield answer
                return
            yield from answer.get("messages", [])
            cursor = _next(answer)

    def _channel_id(self, name: str) -> str | Failure:
        """The id of a channel by id or by name, with or without ``#``."""
        if _CHANNEL_ID.fullmatch(name):
            return name
        name = name.removeprefix("#").lower()
        for kind in ("public_channel", "private_channel"):
            if name in self._channels:
                break
            failure = self._learn_channels(kind)
            if failure is None:
                continue
            if (
                kind == "private_channel"
                and isinstance(failure, NotSent)
                and failure.reason.startswith("missing_scope")
            ):
                logger.warning(
                    "There is no public channel #%s. Private channels can only be found by name with the scope "
                    "groups:read: add it to the app, or set the channel's id (C…) instead of its name.",
                    name,
                )
                break
            return failure
        return self._channels.get(name) or Refused("channel_not_found")

    def _learn_channels(self, kind: str) -> Failure | None:
        cursor: str | None = None
        while cursor != "":
            answer = attempt(
                lambda cursor=cursor: self._client.conversations_list(  # type: ignore[misc]
                    types=kind, exclude_archived=True, limit=_CHANNELS_A_PAGE, cursor=cursor
                )
            )
            if not isinstance(answer, dict):
                return answer
            self._channels |= {str(c.get("name", "")).lower(): str(c["id"]) for c in answer.get("channels", [])}
            cursor = _next(answer)
        return None


def _sent(answer: dict[str, Any] | Failure) -> Outcome:
    if not isinstance(answer, dict):
        return answer
    channel, ts = answer.get("channel"), answer.get("ts")
    if isinstance(channel, str) and isinstance(ts, str):
        return Sent(channel, ts)
    return Unknown("answer_without_ts")


def _next(answer: dict[str, Any]) -> str:
    """The cursor of the next page; empty: there is none."""
    return str((answer.get("response_metadata") or {}).get("next_cursor") or "")


def _key_of(message: dict[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    key = (metadata.get("event_payload") or {}).get("delivery_key")
    return key if isinstance(key, str) else None


def _seconds(ts: str) -> tuple[int, int]:
    """A ``ts`` in order: whole seconds and the rest, exactly."""
    whole, _, rest = ts.partition(".")
    return int(whole), int(rest or 0)

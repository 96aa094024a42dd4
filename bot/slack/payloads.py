"""Slack's payloads as typed values. Signed by Slack does not mean well formed: everything is checked for its shape.

Nothing that a payload says is believed but which account acted, where, and what the button carried.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from messages.action_ref import ActionRef, decode
from messages.block_kit_state import Origin, decode_origin, read_values

Json = Mapping[str, Any]

_USER = re.compile(r"[UW][A-Z0-9]{2,30}")
_PLACE = re.compile(r"[CDG][A-Z0-9]{2,30}")
_TS = re.compile(r"[0-9]{1,16}\.[0-9]{1,16}")
_ACTION_ID = re.compile(r"whose:[a-z_]{1,20}:[0-9]{1,18}(~[0-9]{1,3})?")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,255}")


class PayloadError(ValueError):
    """A payload that Slack would not have made from what we posted; the text is for the log."""


@dataclass(frozen=True)
class Sender:
    """The account that acted. ``foreign``: it belongs to another workspace (a shared channel) or the payload does."""

    team_id: str
    user_id: str
    foreign: bool
    trigger_id: str
    response_url: str
    """Where an answer for this person's eyes goes; empty: nowhere."""


@dataclass(frozen=True)
class Click:
    """One button pressed."""

    sender: Sender
    action: ActionRef
    key: str
    """Names this click: the same one delivered twice has the same key."""
    origin: Origin | None
    """The message it is in; None: a modal or the home tab."""
    view_id: str = ""
    """The modal it is in."""
    payload_sha256: str = ""


@dataclass(frozen=True)
class Submission:
    """A form sent."""

    sender: Sender
    action: ActionRef
    key: str
    origin: Origin | None
    values: Mapping[str, str]
    payload_sha256: str = ""


def read_sender(body: Json, workspace: str) -> Sender:
    """Who acted, from any payload.

    Args:
        workspace: the team that this installation serves.

    Raises:
        PayloadError: no account is named.
    """
    user = _mapping(body.get("user"))
    user_id = _matching(_USER, user.get("id") or body.get("user_id"), "user")
    team = _mapping(body.get("team")).get("id") or body.get("team_id")
    home = user.get("team_id") or team
    team_id = team if isinstance(team, str) else ""
    foreign = team_id != workspace or home != workspace
    url = body.get("response_url")
    trigger = body.get("trigger_id")
    return Sender(
        team_id,
        user_id,
        foreign,
        trigger if isinstance(trigger, str) else "",
        url if isinstance(url, str) and url.startswith(("https://", "http://")) else "",
    )


def read_click(body: Json, workspace: str) -> Click:
    """A ``block_actions`` payload.

    Raises:
        PayloadError: it is not shaped as Slack shapes one, or its button is none of ours.
    """
    actions = body.get("actions")
    if not isinstance(actions, list) or len(actions) != 1 or not isinstance(actions[0], Mapping):
        raise PayloadError("not exactly one action")
    pressed = actions[0]
    action_id = _matching(_ACTION_ID, pressed.get("action_id"), "id")
    action = _action(pressed.get("value"))
    if action_id.partition("~")[0] != action.action_id:
        raise PayloadError("the button's id and value disagree")
    sender = read_sender(body, workspace)
    origin, view_id = _container(body)
    where = f"{origin.channel}|{origin.ts}" if origin else view_id
    stamp = _matching(_TS, pressed.get("action_ts"), "action_ts")
    key = idempotency_key("click", sender.team_id, sender.user_id, where, action_id, stamp)
    in_modal = _mapping(body.get("view")).get("type") == "modal"
    return Click(sender, action, key, origin, view_id if in_modal else "", _digest(body))


def read_submission(body: Json, workspace: str) -> Submission:
    """A ``view_submission`` payload of a form of ours.

    Raises:
        PayloadError: it is not shaped as Slack shapes one, or its form is none of ours.
    """
    view = _mapping(body.get("view"))
    view_id = _matching(_ID, view.get("id"), "view")
    carried = view.get("private_metadata")
    try:
        action, origin = decode_origin(carried if isinstance(carried, str) else "")
    except ValueError as error:
        raise PayloadError(str(error)) from None
    if view.get("callback_id") != f"whose:{action.verb.value}":
        raise PayloadError("the form's name and its reference disagree")
    values = read_values(_mapping(_mapping(view.get("state")).get("values")))
    sender = read_sender(body, workspace)
    answers = hashlib.sha256(json.dumps(values, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
    key = idempotency_key("form", sender.team_id, sender.user_id, view_id, action.encode(), answers)
    return Submission(sender, action, key, origin, values, _digest(body))


def idempotency_key(*parts: str) -> str:
    """SHA-256 over parts that name one act of one person; none of them changes when it is delivered again."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _container(body: Json) -> tuple[Origin | None, str]:
    container = _mapping(body.get("container"))
    if container.get("type") == "view":
        return None, _matching(_ID, container.get("view_id"), "view")
    channel = _matching(_PLACE, container.get("channel_id"), "channel")
    return Origin(channel, _matching(_TS, container.get("message_ts"), "ts")), ""


def _action(value: object) -> ActionRef:
    try:
        return decode(value if isinstance(value, str) else "")
    except ValueError as error:
        raise PayloadError(str(error)) from None


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _matching(pattern: re.Pattern[str], value: object, name: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise PayloadError(f"no usable {name}")
    return value


def _digest(body: Json) -> str:
    """Of the payload in one fixed form, for the record: what was received, without keeping it."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()

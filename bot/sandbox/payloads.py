"""The payloads that Slack delivers, field by field as it sends them (https://docs.slack.dev/reference/interaction-payloads)."""

from __future__ import annotations

from typing import Any

from bot.sandbox.elements import merged_values
from bot.sandbox.model import Channel, Json, Message, User, View
from bot.sandbox.workspace import Workspace


def _base(workspace: Workspace, kind: str, user: User) -> Json:
    return {
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": workspace.app_id,
        "token": workspace.verification_token,
        "team": {"id": workspace.team_id, "domain": workspace.domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def shown_message(workspace: Workspace, message: Message) -> Json:
    """The ``message`` of an interaction, metadata included when it has any."""
    return message.as_slack(
        team_id=workspace.team_id, bot_id=workspace.bot_id, app_id=workspace.app_id, with_metadata=True
    )


def shown_view(workspace: Workspace, view: View, user_id: str) -> Json:
    """The ``view`` of an interaction, with what this person has entered."""
    blocks = view.content.get("blocks") or []
    values = merged_values(blocks, workspace.entered.get((user_id, view.id), {}))
    return view.as_slack(team_id=workspace.team_id, bot_id=workspace.bot_id, app_id=workspace.app_id, values=values)


def message_action(workspace: Workspace, user: User, channel: Channel, message: Message, actions: list[Json]) -> Json:
    """``block_actions`` in a message. An ephemeral message is named, but not sent along."""
    entered = workspace.entered.get((user.id, f"{channel.id}:{message.ts}"), {})
    ephemeral = message.visible_to is not None
    payload = _base(workspace, "block_actions", user) | {
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": ephemeral,
        },
        "trigger_id": workspace.issue_trigger(user.id),
        "channel": {"id": channel.id, "name": channel.name},
        "state": {"values": merged_values(message.blocks, entered)},
        "response_url": workspace.new_response_url(user.id, channel.id, message.ts),
        "actions": actions,
    }
    return payload if ephemeral else payload | {"message": shown_message(workspace, message)}


def view_action(workspace: Workspace, user: User, view: View, actions: list[Json]) -> Json:
    """``block_actions`` in a modal or a Home tab."""
    shown = shown_view(workspace, view, user.id)
    return _base(workspace, "block_actions", user) | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": workspace.issue_trigger(user.id, view.id),
        "view": shown,
        "state": shown["state"],
        "actions": actions,
    }


def view_submission(workspace: Workspace, user: User, view: View) -> Json:
    """``view_submission``."""
    return _base(workspace, "view_submission", user) | {
        "trigger_id": workspace.issue_trigger(user.id, view.id),
        "view": shown_view(workspace, view, user.id),
        "response_urls": [],
    }


def view_closed(workspace: Workspace, user: User, view: View, *, is_cleared: bool) -> Json:
    """``view_closed``."""
    return _base(workspace, "view_closed", user) | {
        "view": shown_view(workspace, view, user.id),
        "is_cleared": is_cleared,
    }


def block_suggestion(workspace: Workspace, user: User, block_id: str, action_id: str, value: str, where: Json) -> Json:
    """``block_suggestion``; ``where`` carries the container and its message or view."""
    return (
        _base(workspace, "block_suggestion", user)
        | {"action_id": action_id, "block_id": block_id, "value": value}
        | where
    )


def slash_command(workspace: Workspace, user: User, channel: Channel, command: str, text: str) -> Json:
    """A slash command, as form fields."""
    return {
        "token": workspace.verification_token,
        "team_id": workspace.team_id,
        "team_domain": workspace.domain,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": workspace.app_id,
        "is_enterprise_install": "false",
        "response_url": workspace.new_response_url(user.id, channel.id),
        "trigger_id": workspace.issue_trigger(user.id),
    }


def event_callback(workspace: Workspace, event: Json) -> Json:
    """The envelope of an event."""
    bot = workspace.bot_user.id
    return {
        "token": workspace.verification_token,
        "team_id": workspace.team_id,
        "context_team_id": workspace.team_id,
        "context_enterprise_id": None,
        "api_app_id": workspace.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": workspace.next_id("Ev"),
        "event_time": workspace.epoch(),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team_id,
                "user_id": bot,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": workspace.next_id("4-"),
    }


def message_event(workspace: Workspace, channel: Channel, message: Message) -> Json:
    """A ``message`` (or ``app_mention``) event: what somebody typed."""
    rich: Json = {
        "type": "rich_text",
        "block_id": workspace.next_id("b"),
        "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": message.text}]},
        ],
    }
    return {
        "type": "message",
        "user": message.user,
        "client_msg_id": f"00000000-0000-4000-8000-{int(float(message.ts)):012d}",
        "text": message.text,
        "ts": message.ts,
        "team": workspace.team_id,
        "blocks": [rich],
        "channel": channel.id,
        "event_ts": message.ts,
        "channel_type": "im" if channel.is_im else "channel",
    }


def home_opened_event(workspace: Workspace, user: User, channel: Channel, home: View | None) -> Json:
    """``app_home_opened``, with the Home tab that is shown if one was published."""
    event: Json = {
        "type": "app_home_opened",
        "user": user.id,
        "channel": channel.id,
        "tab": "home",
        "event_ts": workspace.next_ts(),
    }
    return event if home is None else event | {"view": shown_view(workspace, home, user.id)}


def action_of(block: Json, element: Json, chosen: Json, action_ts: str) -> Json:
    """One entry of ``actions``: the element as it was drawn, and what was chosen."""
    kept: dict[str, Any] = {
        key: element[key]
        for key in ("text", "value", "url", "style", "placeholder", "confirm")
        if key in element and element["type"] != "plain_text_input"
    }
    return {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        **kept,
        **chosen,
        "action_ts": action_ts,
    }

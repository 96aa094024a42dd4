"""``chat.*``, ``blocks.validate`` and what a ``response_url`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.sandbox.api_conversations import channel_of
from bot.sandbox.arguments import Args
from bot.sandbox.block_limits import check_blocks, too_much_text
from bot.sandbox.errors import SlackError, invalid_blocks
from bot.sandbox.model import Channel, Json, Message
from bot.sandbox.workspace import Workspace

TRUNCATED_AT = 40_000
MOST_IN_UPDATE = 4_000
_MOST_METADATA_BYTES = 16_000


@dataclass(frozen=True)
class Content:
    """What a message is to say. ``blocks`` is None when the call did not give any."""

    text: str
    blocks: list[Json] | None
    metadata: Json | None


def content_of(args: Args) -> Content:
    """Read and check text, blocks and metadata; raises ``no_text``, ``invalid_blocks``, ``msg_blocks_too_long`` …"""
    blocks = args.structure("blocks", "invalid_blocks_format")
    if blocks is not None:
        if not isinstance(blocks, list):
            raise SlackError("invalid_blocks_format")
        problems = check_blocks(blocks, "message")
        if problems:
            raise invalid_blocks(problems)
        if too_much_text(blocks):
            raise SlackError("msg_blocks_too_long")
    text = args.text("text") or ""
    if not text.strip() and not blocks:
        raise SlackError("no_text")
    return Content(text, blocks, _metadata(args.structure("metadata", "invalid_metadata_format")))


def _metadata(value: Any) -> Json | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if not isinstance(value.get("event_type"), str) or not value["event_type"]:
        raise SlackError("invalid_metadata_format")
    if len(str(value)) > _MOST_METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return {"event_type": value["event_type"], "event_payload": value["event_payload"]}


def _target(workspace: Workspace, args: Args) -> Channel:
    """Where to post: ``C…``, ``D…``, ``#name``, or a person's ``U…`` for the direct conversation."""
    wanted = args.text("channel") or ""
    with workspace.lock:
        channel = workspace.channels.get(wanted)
        user = workspace.users.get(wanted)
        if channel is None and wanted.startswith("#"):
            named = (c for c in workspace.channels.values() if not c.is_im and c.name == wanted[1:])
            channel = next(named, None)
        if channel is None and user is not None:
            if user.is_bot:
                raise SlackError("cannot_dm_bot")
            # A person who has left keeps the conversation, and posting there goes well (python-slack-sdk #1156).
            channel = workspace.find_dm(user.id) if user.deleted else workspace.dm(user.id)
        if channel is None:
            raise SlackError("channel_not_found")
        inside = workspace.bot_user.id in channel.members
        if not inside and "chat:write.public" not in workspace.scopes:
            raise SlackError("not_in_channel")
        return channel


def _shown(workspace: Workspace, message: Message) -> Json:
    return message.as_slack(
        team_id=workspace.team_id,
        bot_id=workspace.bot_id,
        app_id=workspace.app_id,
        with_metadata=message.metadata is not None,
    )


def chat_post_message(workspace: Workspace, args: Args) -> Json:
    """``chat.postMessage``; text is cut at 40,000 characters, as Slack does."""
    channel = _target(workspace, args)
    content = content_of(args)
    message = workspace.post(
        channel.id,
        content.text[:TRUNCATED_AT],
        blocks=content.blocks,
        metadata=content.metadata,
        thread_ts=args.text("thread_ts"),
    )
    return {"channel": channel.id, "ts": message.ts, "message": _shown(workspace, message)}


def chat_post_ephemeral(workspace: Workspace, args: Args) -> Json:
    """``chat.postEphemeral``: only ``user`` sees it; they must be in the channel."""
    channel = channel_of(workspace, args)
    user = workspace.user(args.required("user"), "user_not_found")
    if workspace.bot_user.id not in channel.members:
        raise SlackError("not_in_channel")
    if user.id not in channel.members or user.deleted:
        raise SlackError("user_not_in_channel")
    content = content_of(args)
    message = workspace.post(channel.id, content.text, blocks=content.blocks, visible_to=user.id)
    return {"message_ts": message.ts}


def _existing(workspace: Workspace, args: Args, channel: Channel) -> Message:
    with workspace.lock:
        message = channel.messages.get(args.text("ts") or "")
    if message is None or message.visible_to is not None:
        raise SlackError("message_not_found")
    return message


def chat_update(workspace: Workspace, args: Args) -> Json:
    """``chat.update``: text above 4,000 is refused; blocks that are not given stay as they were."""
    channel = channel_of(workspace, args)
    message = _existing(workspace, args, channel)
    if not message.by_app:
        raise SlackError("cant_update_message")
    content = content_of(args)
    if len(content.text) > MOST_IN_UPDATE:
        raise SlackError("msg_too_long")
    blocks = message.blocks if content.blocks is None else content.blocks
    workspace.edit(message, content.text, blocks, content.metadata)
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": _shown(workspace, message),
    }


def chat_delete(workspace: Workspace, args: Args) -> Json:
    """``chat.delete``: the app may delete its own messages only."""
    channel = channel_of(workspace, args)
    message = _existing(workspace, args, channel)
    if not message.by_app:
        raise SlackError("cant_delete_message")
    workspace.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def chat_get_permalink(workspace: Workspace, args: Args) -> Json:
    """``chat.getPermalink``: a link that this workspace itself answers."""
    channel = channel_of(workspace, args)
    with workspace.lock:
        message = channel.messages.get(args.text("message_ts") or "")
    if message is None:
        raise SlackError("message_not_found")
    link = f"{workspace.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def blocks_validate(_: Workspace, args: Args) -> Json:
    """``blocks.validate``: whether these blocks would be taken in a message."""
    blocks = args.structure("blocks", "invalid_blocks_format")
    problems = check_blocks(blocks, "message")
    if problems:
        raise invalid_blocks(problems)
    return {}


def answer_response_url(workspace: Workspace, key: str, args: Args) -> None:
    """Take one answer to an interaction; raises ``used_url``, ``expired_url`` and whatever a post would."""
    leave = workspace.redeem_response_url(key)
    apply_response(workspace, args, user=leave.user, channel_id=leave.channel, message_ts=leave.message_ts)


def apply_response(
    workspace: Workspace, args: Args, *, user: str, channel_id: str, message_ts: str | None
) -> Message | None:
    """Show an answer: only to the person unless ``response_type`` is ``in_channel``; it may replace or delete."""
    with workspace.lock:
        original = workspace.channels[channel_id].messages.get(message_ts or "")
        if args.flag("delete_original"):
            if original is not None:
                workspace.delete(original)
            return None
        content = content_of(args)
        if args.flag("replace_original") and original is not None:
            workspace.edit(original, content.text, content.blocks or [], content.metadata)
            return original
        visible_to = None if args.text("response_type") == "in_channel" else user
        return workspace.post(channel_id, content.text, blocks=content.blocks, visible_to=visible_to)

"""``conversations.*``."""

from __future__ import annotations

from bot.sandbox.api_people import page
from bot.sandbox.arguments import Args
from bot.sandbox.errors import SlackError, invalid_arguments
from bot.sandbox.model import Channel, Json
from bot.sandbox.workspace import Workspace


def channel_of(workspace: Workspace, args: Args, scope: str | None = None) -> Channel:
    """The channel argument; raises ``channel_not_found``, or ``missing_scope`` for ``channels:``/``im:`` + scope."""
    with workspace.lock:
        channel = workspace.channels.get(args.text("channel") or "")
    if channel is None:
        raise SlackError("channel_not_found")
    if scope is not None:
        need_scope(workspace, f"{'im' if channel.is_im else 'channels'}:{scope}")
    return channel


def need_scope(workspace: Workspace, scope: str) -> None:
    """Raises ``missing_scope`` with what was needed and what the token has."""
    if scope not in workspace.scopes:
        raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(workspace.scopes)))


def conversations_open(workspace: Workspace, args: Args) -> Json:
    """``conversations.open`` for one person, or to resume a direct conversation by its id."""
    if args.text("channel"):
        channel = channel_of(workspace, args)
        if not channel.is_im:
            raise SlackError("method_not_supported_for_channel_type")
        return {"no_op": True, "already_open": True, "channel": {"id": channel.id}}
    people = [u.strip() for u in (args.text("users") or "").split(",") if u.strip()]
    if not people:
        raise SlackError("users_list_not_supplied")
    if len(people) > 1:
        need_scope(workspace, "mpim:write")
        raise invalid_arguments("this workspace has no group conversations: give one user")
    with workspace.lock:
        user = workspace.user(people[0])
        if user.is_bot:
            raise SlackError("cannot_dm_bot")
        if user.deleted:
            raise SlackError("user_disabled")
        known = workspace.find_dm(user.id) is not None
        channel = workspace.dm(user.id)
    body = channel.as_slack(team_id=workspace.team_id, bot_user_id=workspace.bot_user.id)
    shown = body if args.flag("return_im") else {"id": channel.id}
    return {"channel": shown} | ({"no_op": True, "already_open": True} if known else {})


def conversations_list(workspace: Workspace, args: Args) -> Json:
    """``conversations.list``; ``types`` may name ``public_channel`` (the default) and ``im``."""
    types = {t.strip() for t in (args.text("types") or "public_channel").split(",")}
    if types - {"public_channel", "private_channel", "mpim", "im"}:
        raise SlackError("invalid_types")
    for kind, scope in (("public_channel", "channels:read"), ("im", "im:read")):
        if kind in types:
            need_scope(workspace, scope)
    with workspace.lock:
        found = [c for c in workspace.channels.values() if ("im" if c.is_im else "public_channel") in types]
        shown, metadata = page(found, args, most=1000, default=100)
        me = workspace.bot_user.id
        channels = [c.as_slack(team_id=workspace.team_id, bot_user_id=me) for c in shown]
    return {"channels": channels, "response_metadata": metadata}


def conversations_info(workspace: Workspace, args: Args) -> Json:
    """``conversations.info``."""
    channel = channel_of(workspace, args, "read")
    return {"channel": channel.as_slack(team_id=workspace.team_id, bot_user_id=workspace.bot_user.id)}


def conversations_members(workspace: Workspace, args: Args) -> Json:
    """``conversations.members``."""
    channel = channel_of(workspace, args, "read")
    with workspace.lock:
        shown, metadata = page(sorted(channel.members), args, most=1000, default=100)
    return {"members": list(shown), "response_metadata": metadata}


def conversations_history(workspace: Workspace, args: Args) -> Json:
    """``conversations.history``: newest first, without ephemeral messages; metadata only when asked for."""
    channel = channel_of(workspace, args, "history")
    if workspace.bot_user.id not in channel.members:
        raise SlackError("not_in_channel")
    oldest = _ts(args.text("oldest"), "0", "invalid_ts_oldest")
    latest = _ts(args.text("latest"), "99999999999", "invalid_ts_latest")
    inclusive = args.flag("inclusive")

    def inside(ts: str) -> bool:
        at = _ts(ts, "0", "invalid_ts")
        return oldest < at < latest or (inclusive and at in (oldest, latest))

    with workspace.lock:
        found = [
            m
            for m in reversed(channel.messages.values())
            if m.visible_to is None and inside(m.ts) and m.thread_ts in (None, m.ts)
        ]
        shown, metadata = page(found, args, most=999, default=100)
        messages = [
            m.as_slack(
                team_id=workspace.team_id,
                bot_id=workspace.bot_id,
                app_id=workspace.app_id,
                with_metadata=args.flag("include_all_metadata"),
            )
            for m in shown
        ]
    more = bool(metadata["next_cursor"])
    body: Json = {"messages": messages, "has_more": more, "pin_count": 0}
    return body | ({"response_metadata": metadata} if more else {})


def _ts(value: str | None, default: str, error: str) -> int:
    """A timestamp in whole microseconds, so that comparing is exact."""
    whole, _, fraction = (value or default).partition(".")
    if not (whole.isascii() and whole.isdigit() and (fraction == "" or fraction.isdigit())):
        raise SlackError(error)
    return int(whole) * 1_000_000 + int(f"{fraction:0<6}"[:6])

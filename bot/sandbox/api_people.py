"""``auth.*``, ``api.test`` and ``users.*``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bot.sandbox.arguments import Args
from bot.sandbox.errors import SlackError
from bot.sandbox.model import Json, User
from bot.sandbox.workspace import Workspace

MOST_A_PAGE = 200
_Item = TypeVar("_Item")


def page(items: Sequence[_Item], args: Args, *, most: int, default: int) -> tuple[Sequence[_Item], Json]:
    """One page of a list and its ``response_metadata``; raises ``invalid_cursor`` and ``invalid_limit``."""
    limit = args.whole("limit", default)
    if limit < 0:
        raise SlackError("invalid_limit")
    limit = min(limit or default, most)
    cursor = args.text("cursor")
    try:
        start = int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:")) if cursor else 0
    except (ValueError, binascii.Error) as error:
        raise SlackError("invalid_cursor") from error
    after = start + limit
    following = base64.b64encode(f"next:{after}".encode()).decode() if after < len(items) else ""
    return items[start:after], {"next_cursor": following}


def api_test(_: Workspace, args: Args) -> Json:
    """``api.test``: answers, or fails with the error that was asked for."""
    error = args.text("error")
    if error:
        raise SlackError(error)
    return {}


def auth_test(workspace: Workspace, _: Args) -> Json:
    """``auth.test``: who the token is."""
    bot = workspace.bot_user
    return {
        "url": f"https://{workspace.domain}.slack.com/",
        "team": workspace.team_name,
        "user": bot.name,
        "team_id": workspace.team_id,
        "user_id": bot.id,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }


def _shown(workspace: Workspace, user: User) -> Json:
    with_email = "users:read.email" in workspace.scopes
    return user.as_slack(with_email=with_email, tz_offset=workspace.tz_offset(user))


def users_list(workspace: Workspace, args: Args) -> Json:
    """``users.list``: everybody, those who have left included, 200 a page at most."""
    with workspace.lock:
        everybody = list(workspace.users.values())
        shown, metadata = page(everybody, args, most=MOST_A_PAGE, default=MOST_A_PAGE)
        members = [_shown(workspace, user) for user in shown]
    return {"members": members, "cache_ts": workspace.epoch(), "response_metadata": metadata}


def users_info(workspace: Workspace, args: Args) -> Json:
    """``users.info``."""
    return {"user": _shown(workspace, workspace.user(args.text("user") or ""))}


def users_lookup_by_email(workspace: Workspace, args: Args) -> Json:
    """``users.lookupByEmail``: a person who has left is not found."""
    try:
        user = workspace.user_by_email(args.required("email"))
    except LookupError as error:
        raise SlackError("users_not_found") from error
    if user.deleted:
        raise SlackError("users_not_found")
    return {"user": _shown(workspace, user)}

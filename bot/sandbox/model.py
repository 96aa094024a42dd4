"""What a workspace is made of: plain values, with the shapes that Slack answers them in."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]


@dataclass
class User:
    """A person or a bot. ``tz`` is an IANA zone name, ``name`` the handle."""

    id: str
    team_id: str
    name: str
    real_name: str
    email: str | None
    tz: str
    deleted: bool = False
    is_bot: bool = False

    def as_slack(self, *, with_email: bool, tz_offset: int) -> Json:
        """The ``user`` object; the e-mail address is there only for a token with ``users:read.email``."""
        profile: Json = {"real_name": self.real_name, "display_name": self.name, "team": self.team_id}
        if with_email and self.email is not None:
            profile["email"] = self.email
        body: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 0,
            "profile": profile,
        }
        if not self.deleted:  # Slack leaves these out for people who have left
            body |= {
                "real_name": self.real_name,
                "tz": self.tz,
                "tz_label": self.tz,
                "tz_offset": tz_offset,
                "is_admin": False,
                "is_owner": False,
                "is_restricted": False,
                "is_ultra_restricted": False,
            }
        return body


@dataclass
class Message:
    """One message. ``visible_to`` is set for an ephemeral one: nobody else ever sees it."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    edited: Json | None = None
    visible_to: str | None = None
    by_app: bool = False
    thread_ts: str | None = None

    def as_slack(self, *, team_id: str, bot_id: str, app_id: str, with_metadata: bool = False) -> Json:
        """The ``message`` object."""
        body: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text, "team": team_id}
        if self.by_app:
            body |= {"bot_id": bot_id, "app_id": app_id}
        if self.blocks:
            body["blocks"] = copy.deepcopy(self.blocks)
        if self.edited:
            body["edited"] = dict(self.edited)
        if self.thread_ts:
            body["thread_ts"] = self.thread_ts
        if with_metadata and self.metadata is not None:
            body["metadata"] = copy.deepcopy(self.metadata)
        return body


@dataclass
class Channel:
    """A public channel (``C…``) or the direct conversation of one person with the app (``D…``)."""

    id: str
    name: str
    created: int
    members: set[str] = field(default_factory=set)
    is_im: bool = False
    user: str | None = None
    messages: dict[str, Message] = field(default_factory=dict)

    def as_slack(self, *, team_id: str, bot_user_id: str) -> Json:
        """The ``channel`` object."""
        if self.is_im:
            return {
                "id": self.id,
                "created": self.created,
                "is_im": True,
                "is_org_shared": False,
                "user": self.user,
                "is_open": True,
                "context_team_id": team_id,
            }
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "created": self.created,
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": False,
            "is_archived": False,
            "is_member": bot_user_id in self.members,
            "num_members": len(self.members),
            "context_team_id": team_id,
        }


@dataclass
class View:
    """A modal or a Home tab, as somebody sees it now."""

    id: str
    user: str
    type: Literal["modal", "home"]
    content: Json
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    external_id: str = ""

    def as_slack(self, *, team_id: str, bot_id: str, app_id: str, values: Json | None = None) -> Json:
        """The ``view`` object, with the values that were entered so far."""
        content = copy.deepcopy(self.content)
        return {
            "id": self.id,
            "team_id": team_id,
            "type": self.type,
            "title": content.get("title", {"type": "plain_text", "text": "View Title", "emoji": True}),
            "close": content.get("close"),
            "submit": content.get("submit"),
            "blocks": content.get("blocks", []),
            "private_metadata": content.get("private_metadata", ""),
            "callback_id": content.get("callback_id", ""),
            "external_id": self.external_id,
            "state": {"values": values or {}},
            "hash": self.hash,
            "clear_on_close": bool(content.get("clear_on_close", False)),
            "notify_on_close": bool(content.get("notify_on_close", False)),
            "root_view_id": self.root_view_id,
            "previous_view_id": self.previous_view_id,
            "app_id": app_id,
            "app_installed_team_id": team_id,
            "bot_id": bot_id,
        }


@dataclass
class Trigger:
    """Leave to open one modal for one person: one use, three seconds."""

    user: str
    issued: float
    view_id: str | None = None
    used: bool = False


@dataclass
class ResponseUrl:
    """Leave to answer one interaction: five uses, thirty minutes."""

    user: str
    channel: str
    issued: float
    message_ts: str | None = None
    uses: int = 0

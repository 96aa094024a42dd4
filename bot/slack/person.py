"""From the account that acted to the person of the directory. Nothing else of a payload gives anybody a name.

An account seen for the first time is looked up once (``users.info``) and tied to the person with its address, as
Slack itself gives it. Who is not in the directory, whose account is closed and who has left are told so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select

from bot.operations.context import Context
from bot.operations.sync_directory import find_or_link
from bot.slack.calls import attempt, client
from bot.slack.payloads import Sender
from messages.cards.facts import Refusal
from storage.people import CHAT_IDENTITY, PERSON
from storage.prepared import Prepared

_COLUMNS = (
    CHAT_IDENTITY.c.deactivated,
    PERSON.c.id,
    PERSON.c.name,
    PERSON.c.email,
    PERSON.c.timezone,
    PERSON.c.active,
)
_ACCOUNT = Prepared(
    select(*_COLUMNS)
    .join(PERSON, PERSON.c.id == CHAT_IDENTITY.c.person_id)
    .where(
        CHAT_IDENTITY.c.platform == bindparam("platform"),
        or_(CHAT_IDENTITY.c.workspace == bindparam("workspace"), CHAT_IDENTITY.c.workspace == ""),  # quicker than IN
        CHAT_IDENTITY.c.user_id == bindparam("account"),
    )
    .order_by(CHAT_IDENTITY.c.workspace.desc())
    .limit(1)
)
_FORGET_AFTER = timedelta(minutes=1)
_MOST_STRANGERS = 1_000


@dataclass(frozen=True)
class Acting:
    """Somebody of the directory, active, who clicked or typed."""

    id: int
    name: str
    zone: str


class Accounts:
    """The accounts of the workspace that this installation serves. Blocking; safe in several threads."""

    def __init__(self, ctx: Context, token: str, api_url: str) -> None:
        self._ctx = ctx
        self._client = client(token, api_url)
        self._strangers: dict[str, datetime] = {}

    def identify(self, sender: Sender) -> Acting | Refusal:
        """Who acted, or why they cannot."""
        return Refusal("unknown_person") if sender.foreign else self.find(sender.user_id)

    def find(self, user_id: str) -> Acting | Refusal:
        """The person behind an account of the workspace."""
        known = self._known(user_id)
        return known if known is not None else self._link(user_id)

    def _known(self, user_id: str) -> Acting | Refusal | None:
        """None: no such account is tied to anybody yet."""
        ctx = self._ctx
        rows = _ACCOUNT.look(ctx.database, platform=ctx.platform, workspace=ctx.workspace, account=user_id)
        if not rows:
            return None
        row = rows[0]
        zone = self._ctx.policy.working_hours.of_person(row.timezone).timezone
        if row.deactivated or not row.active:
            return Refusal("inactive", zone=zone)
        return Acting(row.id, row.name or row.email, zone)

    def _link(self, user_id: str) -> Acting | Refusal:
        """Ask Slack for the account's address, and tie the account to whoever has it."""
        if self._is_a_stranger(user_id):
            return Refusal("unknown_person")
        answer = attempt(lambda: self._client.users_info(user=user_id))
        if not isinstance(answer, dict):
            # A definite "no such user" and trouble on the way look the same to the person: try again later.
            return Refusal("unavailable" if type(answer).__name__ != "Refused" else "unknown_person")
        email = usable_email(answer.get("user"))
        if email:
            with self._ctx.database.write() as session:
                find_or_link(
                    session,
                    platform=self._ctx.platform,
                    workspace=self._ctx.workspace,
                    user_id=user_id,
                    email=email,
                )
            known = self._known(user_id)
            if known is not None:
                return known
        self._remember_stranger(user_id)
        return Refusal("unknown_person")

    def _is_a_stranger(self, user_id: str) -> bool:
        until = self._strangers.get(user_id)
        return until is not None and until > self._ctx.now()

    def _remember_stranger(self, user_id: str) -> None:
        """So that somebody who is not in the directory does not use up the app's calls by clicking on."""
        if len(self._strangers) >= _MOST_STRANGERS:
            self._strangers.clear()
        self._strangers[user_id] = self._ctx.now() + _FORGET_AFTER


def usable_email(user: object) -> str:
    """The address of a live human account whose address was confirmed; else empty."""
    if not isinstance(user, dict) or user.get("deleted") or user.get("is_bot") or user.get("is_stranger"):
        return ""
    if user.get("is_email_confirmed") is False:
        return ""
    profile = user.get("profile")
    email = profile.get("email") if isinstance(profile, dict) else None
    return email.strip().lower() if isinstance(email, str) else ""

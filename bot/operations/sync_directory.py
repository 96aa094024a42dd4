"""Bringing people and their chat accounts into agreement with a directory: where they are, and who has left.

Only people of the inventory are ours: an account that matches nobody is left alone. Somebody whose only live
account was closed has left; what they owned comes up in the next sweep, and what is open moves on.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select, update
from sqlmodel import Session

from bot.errors import UpstreamError
from bot.operations.context import Context
from bot.operations.naming import naming_entries
from bot.operations.ports import DirectoryEntry, DirectoryPort
from storage.database import insert_or_ignore
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind
from storage.markers import note_synced
from storage.people import CHAT_IDENTITY, PERSON, Person

MOST_LEAVERS_SHARE = 0.30
FEWEST_LEAVERS_TO_DOUBT = 10
_IDS = 5_000


@dataclass(frozen=True)
class SyncReport:
    """What one sync found and changed."""

    accounts: int
    matched: int
    """People who have an account there."""
    linked: int
    """Accounts that were tied to a person for the first time, or to another one than before."""
    unmatched: int
    """Live accounts of nobody in the inventory."""
    missing: int
    """Accounts that we knew and the directory does not name at all; nothing is concluded from that."""
    left: list[str] = field(default_factory=list)
    """Addresses of the people who were found to have left."""
    live_again: list[str] = field(default_factory=list)
    """Addresses of people who had left and have a live account: the people file decides whether they are back."""


@dataclass
class _Known:
    """What our tables say about the people and accounts of one workspace."""

    people: dict[int, Any]
    by_email: dict[str, int]
    identities: dict[str, Any]
    """By user id, of exactly this workspace."""
    anywhere: dict[str, int]
    """User id to person id, from rows that name no workspace."""


class _OnlyLookedError(Exception):
    """Ends the transaction of a dry run: what it would have changed is known, and taken back."""


def sync_directory(
    ctx: Context, port: DirectoryPort, *, allow_mass_leave: bool = False, dry_run: bool = False
) -> SyncReport:
    """Read every account, then change what differs in one transaction.

    Args:
        allow_mass_leave: an operator has looked at it: so many people did leave.
        dry_run: change nothing; the report is the same.

    Raises:
        UpstreamError: the list is not complete, or so many people would leave at once that the list is more likely
            wrong than right (more than 30 % of those active, and more than ten). Nothing is changed then.
    """
    accounts = list(port.accounts())
    with suppress(_OnlyLookedError), ctx.database.write() as session:
        now = ctx.now()
        known = _known(session, port)
        match = _match(accounts, known)
        linked = _link(session, port, match, known)
        _fill_in(session, match, known, now)
        leavers = _leavers(session, match, known)
        _doubt_mass_leave(len(leavers), match, known, allowed=allow_mass_leave)
        _say_goodbye(session, ctx, port, leavers, now)
        append(session, naming_entries(session, "chat_directory"), ctx.now)
        note_synced(session, f"{port.platform}:{port.workspace}", now)
        if dry_run:
            raise _OnlyLookedError
    return _report(accounts, match, known, linked, leavers)


def _report(
    accounts: list[DirectoryEntry], match: Mapping[int, DirectoryEntry], known: _Known, linked: int, leavers: list[Any]
) -> SyncReport:
    live = [person_id for person_id, account in match.items() if not account.deactivated]
    ids = {account.user_id for account in accounts}
    matched = {account.user_id for account in match.values()}
    return SyncReport(
        accounts=len(accounts),
        matched=len(match),
        linked=linked,
        unmatched=sum(not account.deactivated and account.user_id not in matched for account in accounts),
        missing=sum(user_id not in ids for user_id in known.identities),
        left=sorted(person.email for person in leavers),
        live_again=sorted(known.people[person_id].email for person_id in live if not known.people[person_id].active),
    )


def find_or_link(session: Session, *, platform: str, workspace: str, user_id: str, email: str = "") -> Person | None:
    """The person behind an account that clicked; ties the account to them where only the address is known yet.

    Args:
        email: the address that the *platform's own API* gives for this account (never one from a payload), or empty.

    Returns:
        None: nobody of the inventory, a closed account, or an address whose person has another live account there.
    """
    linked = _linked(session, platform, workspace, user_id)
    if linked is not None:
        return None if linked.deactivated else session.get(Person, linked.person_id)
    table = CHAT_IDENTITY.c
    connection = session.connection()
    person_id = connection.execute(select(PERSON.c.id).where(PERSON.c.email == email.strip().lower())).scalar()
    if not email or person_id is None:
        return None
    theirs = [table.platform == platform, table.person_id == person_id]
    here = table.workspace.in_([workspace, ""])
    if not all(connection.execute(select(table.deactivated).where(*theirs, here)).scalars()):
        return None
    connection.execute(update(CHAT_IDENTITY).where(*theirs, table.workspace == workspace).values(_account(user_id)))
    insert_or_ignore(session, CHAT_IDENTITY, [_identity(person_id, platform, workspace, user_id)])
    linked = _linked(session, platform, workspace, user_id)  # somebody else may have been faster
    return session.get(Person, linked.person_id) if linked is not None and not linked.deactivated else None


def _linked(session: Session, platform: str, workspace: str, user_id: str) -> Any:
    """The identity of an account, the one of exactly this workspace first."""
    table = CHAT_IDENTITY.c
    here = [table.platform == platform, table.workspace.in_([workspace, ""]), table.user_id == user_id]
    query = select(table.person_id, table.deactivated).where(*here).order_by(table.workspace.desc())
    return session.connection().execute(query).first()


def _known(session: Session, port: DirectoryPort) -> _Known:
    connection = session.connection()
    columns = [PERSON.c[name] for name in ("id", "ref", "email", "name", "timezone", "active")]
    people = {row.id: row for row in connection.execute(select(*columns))}
    accounts = select(CHAT_IDENTITY).where(CHAT_IDENTITY.c.platform == port.platform)
    rows = connection.execute(accounts.where(CHAT_IDENTITY.c.workspace.in_([port.workspace, ""]))).all()
    return _Known(
        people=people,
        by_email={person.email: person.id for person in people.values()},
        identities={row.user_id: row for row in rows if row.workspace == port.workspace},
        anywhere={row.user_id: row.person_id for row in rows if row.workspace == ""},
    )


def _match(accounts: list[DirectoryEntry], known: _Known) -> dict[int, DirectoryEntry]:
    """Person id to account: by address, else by the account we knew; of several a live one, then the one by address."""
    found: dict[int, tuple[tuple[bool, bool], DirectoryEntry]] = {}
    for account in accounts:
        by_email = known.by_email.get(account.email) if account.email else None
        person_id = by_email
        if person_id is None and account.user_id in known.identities:
            person_id = known.identities[account.user_id].person_id
        if person_id is None:
            person_id = known.anywhere.get(account.user_id)
        if person_id is None:
            continue
        rank = (not account.deactivated, by_email is not None)
        if person_id not in found or rank > found[person_id][0]:
            found[person_id] = (rank, account)
    return {person_id: account for person_id, (_, account) in found.items()}


def _link(session: Session, port: DirectoryPort, match: Mapping[int, DirectoryEntry], known: _Known) -> int:
    """Make the identities say what ``match`` says; returns how many accounts got a (new) person.

    What is no longer true goes first, so that neither rule (one person an account, one account a person and
    workspace) stands in the way of what is.
    """
    wrong, new, changed = [], [], []
    for row in known.identities.values():
        account = match.get(row.person_id)
        if account is not None and account.user_id != row.user_id:
            wrong.append(row.id)
    for person_id, account in match.items():
        row = known.identities.get(account.user_id)
        if row is not None and row.person_id == person_id:
            if row.deactivated != account.deactivated:
                changed.append({"row_id": row.id, "closed": account.deactivated})
            continue
        if row is not None:
            wrong.append(row.id)
        fresh = _identity(person_id, port.platform, port.workspace, account.user_id)
        new.append({**fresh, "deactivated": account.deactivated})
    connection = session.connection()
    for at in range(0, len(wrong), _IDS):
        connection.execute(CHAT_IDENTITY.delete().where(CHAT_IDENTITY.c.id.in_(wrong[at : at + _IDS])))
    insert_or_ignore(session, CHAT_IDENTITY, new)
    if changed:
        statement = update(CHAT_IDENTITY).where(CHAT_IDENTITY.c.id == bindparam("row_id"))
        connection.execute(statement.values(deactivated=bindparam("closed")), changed)
    if port.workspace:
        closed = {account.user_id: account.deactivated for account in match.values()}
        rows = [{"user": user, "closed": closed[user]} for user in known.anywhere if user in closed]
        if rows:
            nowhere = [CHAT_IDENTITY.c.platform == port.platform, CHAT_IDENTITY.c.workspace == ""]
            statement = update(CHAT_IDENTITY).where(*nowhere, CHAT_IDENTITY.c.user_id == bindparam("user"))
            connection.execute(statement.values(deactivated=bindparam("closed")), rows)
    return len(new)


def _fill_in(session: Session, match: Mapping[int, DirectoryEntry], known: _Known, now: datetime) -> None:
    """Zone and name from the account, only where we have none: a people file knows better."""
    for column in (PERSON.c.timezone, PERSON.c.name):
        rows = [
            {"person_id": person_id, "value": value, "now": now}
            for person_id, account in match.items()
            if (value := getattr(account, column.name)) and not getattr(known.people[person_id], column.name)
        ]
        if rows:
            statement = update(PERSON).where(PERSON.c.id == bindparam("person_id"))
            values: dict[ColumnElement[Any], Any] = {
                column: bindparam("value"),
                PERSON.c.updated_at: bindparam("now", type_=PERSON.c.updated_at.type),
            }
            session.connection().execute(statement.values(values), rows)


def _leavers(session: Session, match: Mapping[int, DirectoryEntry], known: _Known) -> list[Any]:
    """Active people whose account is closed and who have no live one anywhere else."""
    closed = {person_id for person_id, account in match.items() if account.deactivated}
    if not closed:
        return []
    live = select(CHAT_IDENTITY.c.person_id).where(CHAT_IDENTITY.c.deactivated.is_(False)).distinct()
    elsewhere = set(session.connection().execute(live).scalars())
    return [known.people[person_id] for person_id in sorted(closed - elsewhere) if known.people[person_id].active]


def _doubt_mass_leave(leavers: int, match: Mapping[int, DirectoryEntry], known: _Known, *, allowed: bool) -> None:
    active = sum(known.people[person_id].active for person_id in match)
    if allowed or leavers <= max(FEWEST_LEAVERS_TO_DOUBT, MOST_LEAVERS_SHARE * active):
        return
    raise UpstreamError(
        f"The directory says that {leavers} of {active} people have left since the last sync. So many at once is more "
        "likely a wrong list than the truth, so nothing was changed. Check the workspace that the token belongs to; "
        "if they did leave, run `whose directory sync --allow-mass-leave` once."
    )


def _say_goodbye(session: Session, ctx: Context, port: DirectoryPort, leavers: list[Any], now: datetime) -> None:
    ids = [person.id for person in leavers]
    for at in range(0, len(ids), _IDS):
        statement = update(PERSON).where(PERSON.c.id.in_(ids[at : at + _IDS]))
        session.connection().execute(statement.values(active=False, left_at=now, updated_at=now))
    entries = [
        Entry(
            kind=RecordKind.PERSON_LEFT,
            reason="account_deactivated",
            effective_at=now,
            channel={"platform": port.platform, "workspace": port.workspace},
            details={"person": person.ref},
        )
        for person in leavers
    ]
    append(session, entries, ctx.now)


def _account(user_id: str) -> dict[str, Any]:
    return {"user_id": user_id, "deactivated": False, "dm_channel": ""}


def _identity(person_id: int, platform: str, workspace: str, user_id: str) -> dict[str, Any]:
    return {"person_id": person_id, "platform": platform, "workspace": workspace, **_account(user_id)}

"""The users of shared tokens: the people whom the inventory's list of consumers names, and those who own the token.

The service owner is not asked for their use beside the question whether they stand behind it: that answer is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.standing import standings
from bot.rules.people import Directory, Reached, reach
from bot.rules.shared import addresses_in
from bot.rules.standing import Standing
from storage.database import among
from storage.inventory import TOKEN
from storage.people import PERSON
from storage.shared_use import USE

_CHUNK: Final = 5_000


@dataclass(frozen=True)
class User:
    """Somebody who uses a shared token."""

    person_id: int
    asked_id: int | None
    """Who is asked: the person, or whoever stands in for them; None: nobody can be."""
    consumers: str


def shared_among(session: Session, token_ids: Iterable[int] | None) -> dict[int, str]:
    """Of these tokens (None: of all that work) those whose list of consumers may name people, with that list."""
    query = select(TOKEN.c.id, TOKEN.c.consumers).where(TOKEN.c.consumers.contains("@"))
    if token_ids is None:
        query = query.where(TOKEN.c.state == "active")
    else:
        query = query.where(among(session, TOKEN.c.id, list(token_ids)))
    return {row.id: row.consumers for row in session.connection().execute(query)}


def users_of(
    session: Session, ctx: Context, people: People, shared: Mapping[int, str], directory: Directory | None = None
) -> dict[int, list[User]]:
    """By token: its users beside the service owner, in the order in which the inventory names them.

    Args:
        shared: as :func:`shared_among` has it. A list that names nobody of the directory makes no token shared.
        directory: as of whose moment they are reached; as of the present one if left out.
    """
    if not shared:
        return {}
    listed = {token_id: addresses_in(consumers) for token_id, consumers in shared.items()}
    addresses = sorted({one for found in listed.values() for one in found})
    ids = _ids(session, addresses)
    held = standings(session, ctx, people, list(shared))
    former = _former(session, shared)
    found = {}
    for token_id, consumers in shared.items():
        named = [ids[one] for one in listed[token_id] if one in ids]
        wanted = [*named, *_owners(held[token_id])] if named else []
        found[token_id] = [
            User(person_id, _asked(person_id, directory or people), consumers)
            for person_id in dict.fromkeys(wanted)
            if person_id != held[token_id].service_owner
            and (token_id, person_id) not in former
            and (person := people.get(person_id)) is not None
            and person.active
        ]
    return {token_id: users for token_id, users in found.items() if users}


def ask_users(
    session: Session, ctx: Context, people: People, requests: Sequence[tuple[int, int]], now: datetime
) -> dict[int, list[User]]:
    """Note for new requests (request, token) of which users an answer is wanted; returns them by request. That a
    message is on its way to them is the caller's."""
    asked = users_to_ask(session, ctx, people, requests)
    note_users(session, requests, asked, now)
    return asked


def users_to_ask(
    session: Session, ctx: Context, people: People, requests: Sequence[tuple[int, int]]
) -> dict[int, list[User]]:
    """For new requests (request, token) of which users an answer is wanted, by request."""
    shared = shared_among(session, [token_id for _, token_id in requests])
    users = users_of(session, ctx, people, shared)
    return {request_id: users[token_id] for request_id, token_id in requests if token_id in users}


def note_users(
    session: Session, requests: Sequence[tuple[int, int]], asked: Mapping[int, Sequence[User]], now: datetime
) -> None:
    """Note that an answer is wanted of these users (of :func:`users_to_ask`)."""
    rows: list[dict[str, Any]] = [
        {
            "request_id": request_id,
            "token_id": token_id,
            "person_id": one.person_id,
            "asked_id": one.asked_id,
            "consumers": one.consumers,
            "asked_at": now,
            "outcome": "waiting" if one.asked_id is not None else "unreachable",
            "ended_at": None if one.asked_id is not None else now,
            "keys": [],
        }
        for request_id, token_id in requests
        for one in asked.get(request_id, ())
    ]
    if rows:
        session.connection().execute(insert(USE), rows)


def users_told(users: Iterable[User], people: People) -> list[dict[str, str]]:
    """What the record of the opening says of them."""
    parts = []
    for one in users:
        asked, person = people.get(one.asked_id), people.get(one.person_id)
        if asked is not None and person is not None:
            parts.append({"rung": "user", "ref": asked.ref} | ({} if asked is person else {"for": person.ref}))
    return parts


def uses_of(session: Session, request_id: int) -> list[Any]:
    """The questions to users beside a request, in the order in which they were named."""
    query = select(USE).where(USE.c.request_id == request_id).order_by(USE.c.id)
    return list(session.connection().execute(query))


def _ids(session: Session, addresses: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(addresses), _CHUNK):
        part = addresses[start : start + _CHUNK]
        query = select(PERSON.c.email, PERSON.c.id).where(PERSON.c.email.in_(part))
        found.update((row.email, row.id) for row in session.connection().execute(query))
    return found


def _owners(standing: Standing) -> list[int]:
    return [one for one in (standing.business_owner, standing.backup_owner) if one is not None]


def _asked(person_id: int, directory: Directory) -> int | None:
    found = reach(person_id, directory)
    return found.person_id if isinstance(found, Reached) else None


def _former(session: Session, shared: Mapping[int, str]) -> set[tuple[int, int]]:
    """(token, person) of those who said that they no longer need it, while the inventory says what it said then."""
    query = (
        select(USE.c.token_id, USE.c.person_id, USE.c.outcome, USE.c.consumers)
        .where(among(session, USE.c.token_id, list(shared)), USE.c.outcome.in_(("needed", "not_needed")))
        .order_by(USE.c.id)
    )
    last = {(row.token_id, row.person_id): row for row in session.connection().execute(query)}
    return {key for key, row in last.items() if row.outcome == "not_needed" and row.consumers == shared[row.token_id]}

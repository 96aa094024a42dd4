"""The outbox as an operator sees and mends it: what is in which state, and what was given up.

Looked up by the partial indexes over the few rows that are not done, never by going through what was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, literal_column, null, select, update
from sqlmodel import Session

from storage.outbox import OUTBOX
from storage.people import PERSON

STATES = ("pending", "sending", "unknown", "dead", "sent", "cancelled")
_PART = 500  # ids in one statement


class Letter(NamedTuple):
    """One message in the outbox."""

    id: int
    state: str
    card: str
    action: str
    lane: str
    to: str
    """A person's address, a channel with ``#``, or nothing."""
    to_person: bool
    request_id: int | None
    error: str
    """The platform's or our word for why it was given up or put off; empty: there was no trouble."""
    attempts: int
    created_at: datetime
    not_before: datetime
    first_attempt_at: datetime | None
    done_at: datetime | None


class Dead(NamedTuple):
    """Messages that were given up for one reason."""

    error: str
    to_person: bool
    is_update: bool
    number: int
    """How many."""


def _is(state: str) -> ColumnElement[bool]:
    """The state as part of the statement, so that the partial indexes are used."""
    if state not in STATES:
        raise ValueError(f"there is no state {state!r}")
    return literal_column(f"outbox.state = '{state}'")


def letters(session: Session, state: str, limit: int) -> list[Letter]:
    """The newest messages in a state, newest first."""
    newest = OUTBOX.c.done_at.desc() if state == "dead" else OUTBOX.c.id.desc()
    return _letters(session, _select().where(_is(state)).order_by(newest, OUTBOX.c.id.desc()).limit(limit))


def letters_by_id(session: Session, ids: Sequence[int]) -> list[Letter]:
    """These messages, by id; those that are not there are left out."""
    found: list[Letter] = []
    for part in _parts(sorted(set(ids))):
        found += _letters(session, _select().where(OUTBOX.c.id.in_(part)).order_by(OUTBOX.c.id))
    return found


def count_of(session: Session, state: str) -> int:
    """How many messages are in a state."""
    return int(session.connection().execute(select(func.count()).select_from(OUTBOX).where(_is(state))).scalar_one())


def dead_by_reason(session: Session) -> list[Dead]:
    """What was given up, by reason, the most frequent first."""
    to_person, is_update = OUTBOX.c.person_id.is_not(None), OUTBOX.c.action == "update"
    query = (
        select(OUTBOX.c.error, to_person.label("to_person"), is_update.label("is_update"), func.count().label("count"))
        .where(_is("dead"))
        .group_by(OUTBOX.c.error, to_person, is_update)
        .order_by(func.count().desc(), OUTBOX.c.error)
    )
    rows = session.connection().execute(query)
    return [Dead(row.error, bool(row.to_person), bool(row.is_update), row[3]) for row in rows]


def dead_ids(session: Session, reason: Dead) -> list[int]:
    """The messages that were given up for one reason, oldest first."""
    query = select(OUTBOX.c.id).where(
        _is("dead"),
        OUTBOX.c.error == reason.error,
        OUTBOX.c.person_id.is_not(None) if reason.to_person else OUTBOX.c.person_id.is_(None),
        OUTBOX.c.action == "update" if reason.is_update else OUTBOX.c.action != "update",
    )
    return list(session.connection().execute(query.order_by(OUTBOX.c.id)).scalars())


def never_arrived(session: Session, card: str, person_id: int | None, since: datetime) -> bool:
    """Whether what was to go to a reader since then was given up or dropped, and nothing of the kind arrived.

    Args:
        person_id: the reader; None: a channel.
    """
    reader = OUTBOX.c.person_id.is_(None) if person_id is None else OUTBOX.c.person_id == person_id
    ended = select(OUTBOX.c.state, OUTBOX.c.error).where(
        reader, OUTBOX.c.card == card, OUTBOX.c.action == "post", OUTBOX.c.done_at >= since
    )
    ends = [tuple(row) for row in session.connection().execute(ended)]
    given_up = any(state == "dead" or (state, error) == ("cancelled", "dropped") for state, error in ends)
    return given_up and all(state != "sent" for state, _ in ends)


def revive(session: Session, ids: Sequence[int], now: datetime) -> list[int]:
    """Have messages that surely did not arrive sent again; returns those that were still given up.

    Where a read-back missed one of them before, the moment of its first attempt stays, so that a late first copy is
    still looked for.
    """
    first = case((OUTBOX.c.absent_reads > 0, OUTBOX.c.first_attempt_at), else_=null())
    fresh = {"state": "pending", "not_before": now, "attempts": 0, "first_attempt_at": first, "done_at": None}
    return _move(session, ids, fresh)


def look_again(session: Session, ids: Sequence[int], now: datetime) -> list[int]:
    """Have messages that may have arrived read back once more; returns those that were still given up."""
    return _move(session, ids, {"state": "unknown", "not_before": now, "absent_reads": 0, "done_at": None})


def drop(session: Session, ids: Sequence[int], now: datetime) -> list[int]:
    """Leave messages unsent for good; returns those that were still given up."""
    return _move(session, ids, {"state": "cancelled", "error": "dropped", "done_at": now})


def _move(session: Session, ids: Sequence[int], values: dict[str, Any]) -> list[int]:
    """Every move raises the fence, so that nobody who held the row before moves it after us."""
    moved: list[int] = []
    for part in _parts(sorted(set(ids))):
        rows = (
            update(OUTBOX)
            .where(OUTBOX.c.id.in_(part), _is("dead"))
            .values(fence=OUTBOX.c.fence + 1, lease_until=None, **values)
            .returning(OUTBOX.c.id)
        )
        moved += session.connection().execute(rows).scalars()
    return sorted(moved)


def _select() -> Select[Any]:
    return select(OUTBOX, PERSON.c.email).outerjoin(PERSON, PERSON.c.id == OUTBOX.c.person_id)


def _letters(session: Session, query: Select[Any]) -> list[Letter]:
    return [
        Letter(
            id=row.id,
            state=row.state,
            card=row.card,
            action=row.action,
            lane=row.lane,
            to=row.email or (f"#{row.channel.removeprefix('#')}" if row.channel else ""),
            to_person=row.person_id is not None,
            request_id=row.request_id,
            error=row.error,
            attempts=row.attempts,
            created_at=row.created_at,
            not_before=row.not_before,
            first_attempt_at=row.first_attempt_at,
            done_at=row.done_at,
        )
        for row in session.connection().execute(query)
    ]


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + _PART] for start in range(0, len(ids), _PART)]

"""How much there is of everything that operators watch: a handful of counts, each over an index of the few rows that
are not done, so that asking every few seconds costs next to nothing however much was done before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, literal_column, or_, select
from sqlmodel import Session

from storage.database import table_of
from storage.outbox import OUTBOX
from storage.requests import REQUEST, Marker

_MARKER = table_of(Marker)
#: Written into the statements, so that the partial indexes are used.
_OPEN: ColumnElement[bool] = literal_column("request.state IN ('open', 'handover', 'remediating')")


class OpenRequests(NamedTuple):
    """Requests that wait for something, in one state and at one rung."""

    state: str
    rung: str
    number: int
    overdue: int
    """Of these, past the moment by which an answer was wanted."""


class Waiting(NamedTuple):
    """Messages in one state of the outbox."""

    number: int
    oldest: datetime | None
    """``pending``: since when the one that is due longest is due; None: none is due. ``sending``, ``unknown``: when the
    first was first tried. ``dead``: when the first was given up."""


def open_requests(session: Session, now: datetime) -> list[OpenRequests]:
    """Open requests by state and rung."""
    late = func.sum(case((REQUEST.c.due_at <= now, 1), else_=0))
    query = select(REQUEST.c.state, REQUEST.c.waiting_role, func.count(), late).where(_OPEN)
    query = query.group_by(REQUEST.c.state, REQUEST.c.waiting_role).order_by(REQUEST.c.state, REQUEST.c.waiting_role)
    rows = session.connection().execute(query)
    return [OpenRequests(state, rung, number, int(overdue)) for state, rung, number, overdue in rows]


def steps_missed(session: Session, before: datetime) -> int:
    """How many open requests have a next step that was due before then and was not taken."""
    query = select(func.count()).select_from(REQUEST).where(_OPEN, REQUEST.c.next_step_at <= before)
    return int(session.connection().execute(query).scalar_one())


def outbox_by_state(session: Session, now: datetime) -> Mapping[str, Waiting]:
    """What is in the outbox and not done, by state; ``dead`` is what was given up."""
    due = case((OUTBOX.c.not_before <= now, OUTBOX.c.not_before))
    found = {"pending": _waiting(session, "state = 'pending'", due)}
    for state in ("sending", "unknown"):
        where = f"state IN ('sending', 'unknown') AND state = '{state}'"
        found[state] = _waiting(session, where, OUTBOX.c.first_attempt_at)
    found["dead"] = _waiting(session, "state = 'dead'", OUTBOX.c.done_at)
    return found


def late_messages(session: Session, since: datetime, soon: datetime) -> int:
    """How many messages should have left long ago: due since before ``since``, or refused for no fault of theirs since
    then and to be tried again until ``soon``. One that waits for its reader's morning is not counted."""
    troubled = and_(OUTBOX.c.error != "", OUTBOX.c.first_attempt_at <= since, OUTBOX.c.not_before <= soon)
    late = OUTBOX.c.not_before <= since
    query = select(func.count()).select_from(OUTBOX)
    query = query.where(literal_column("outbox.state = 'pending'"), or_(troubled, late))
    return int(session.connection().execute(query).scalar_one())


def directory_read_at(session: Session) -> Mapping[str, datetime]:
    """When the directory of each workspace (lane) was last read to its end."""
    prefix = "synced:"
    query = select(_MARKER.c.name, _MARKER.c.value).where(_MARKER.c.name.startswith(prefix, autoescape=True))
    rows = session.connection().execute(query)
    return {name.removeprefix(prefix): datetime.fromisoformat(value) for name, value in rows}


def _waiting(session: Session, where: str, moment: ColumnElement[datetime | None]) -> Waiting:
    query = select(func.count(), func.min(moment)).select_from(OUTBOX).where(literal_column(where))
    number, oldest = session.connection().execute(query).one()
    return Waiting(number, oldest)

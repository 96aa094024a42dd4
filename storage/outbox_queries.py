"""Claiming, marking and reading back: every move of an outbox row after it was put there.

A claim raises the row's ``fence``; every later move names that fence, so that a worker that was presumed dead
changes nothing when it wakes. Rows are locked with SKIP LOCKED on PostgreSQL; on SQLite the transaction holds the
one writer's lock already. Statements that run for every message are put together once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    String,
    Update,
    and_,
    any_,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    type_coerce,
    union_all,
    update,
)
from sqlmodel import Session

from storage.database import UTCDateTime
from storage.outbox import OUTBOX, OutboxMessage
from storage.outbox_enqueue import PRIORITIES
from storage.people import CHAT_IDENTITY, PERSON
from storage.prepared import Prepared, one_of

ACTIONS = ("post", "update")

#: Written into the statement: a bound value would keep either database from using the partial indexes.
_IN_WORK = "state IN ('pending', 'sending', 'unknown')"
_UNDER_WAY = "state IN ('sending', 'unknown')"
_RECHECK: ColumnElement[bool] = literal_column("state = 'sent' AND absent_reads > 0")
_LANE = OUTBOX.c.lane == bindparam("of_lane", type_=String)
_NOW = bindparam("now", type_=UTCDateTime)
_LIMIT = bindparam("most", type_=Integer)


def _state(word: str) -> ColumnElement[bool]:
    return OUTBOX.c.state == literal_column(f"'{word}'")


def _under_way(word: str) -> ColumnElement[bool]:
    return and_(literal_column(_UNDER_WAY), _state(word))


@dataclass(frozen=True)
class Address:
    """Where a person is in one workspace; ``dm_channel`` is empty until it is known."""

    user_id: str
    dm_channel: str


class Waiting(NamedTuple):
    """Whether there is something to do by now, by what it is."""

    due: bool
    """For :func:`claim`."""
    lapsed: bool
    """For :func:`expire_leases`."""
    unknown: bool
    """For :func:`to_read_back`."""
    recheck: bool
    """For :func:`to_recheck`."""


_DUE_BY_NOW = OUTBOX.c.not_before <= _NOW
_LAPSED = and_(_under_way("sending"), OUTBOX.c.lease_until <= _NOW)
_UNKNOWN = and_(_under_way("unknown"), _DUE_BY_NOW)
_RECHECK_DUE = and_(_RECHECK, _DUE_BY_NOW)
_SIGNS = (and_(_state("pending"), _DUE_BY_NOW), _LAPSED, _UNKNOWN, _RECHECK_DUE)
_WAITING = Prepared(
    select(*(exists().where(_LANE, sign).label(name) for name, sign in zip(Waiting._fields, _SIGNS, strict=True)))
)


def work_waiting(session: Session, lane: str, now: datetime) -> Waiting:
    """What of this lane could be sent, or is to be looked at, by now."""
    return Waiting(*map(bool, _WAITING.all(session, of_lane=lane, now=now)[0]))


def _next(priority: int) -> Select[*tuple[Any, ...]]:
    query = select(OUTBOX.c.action, OUTBOX.c.not_before).where(_LANE, _state("pending"))
    query = query.where(OUTBOX.c.priority == literal_column(str(priority))).order_by(OUTBOX.c.not_before).limit(1)
    first = query.subquery(f"next_{priority}")
    return select(first.c.action, first.c.not_before)


def _next_read(column: ColumnElement[Any], what: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return select(literal_column("'read'"), func.min(column)).where(_LANE, what)


_NEXT = union_all(
    *(_next(one) for one in PRIORITIES),
    _next_read(OUTBOX.c.not_before, _under_way("unknown")),
    _next_read(OUTBOX.c.lease_until, _under_way("sending")),
    _next_read(OUTBOX.c.not_before, _RECHECK),
).subquery("moments")
_NEXT_DUE = Prepared(
    select(_NEXT.c.action, type_coerce(_NEXT.c.not_before, UTCDateTime).label("at")).where(_NEXT.c.not_before != null())
)


def next_due(session: Session, lane: str) -> list[tuple[str, datetime]]:
    """When something of this lane may move next, in no order: the action of what may be sent then, or ``read`` for
    what is looked up."""
    return [(row.action, row.at) for row in _NEXT_DUE.all(session, of_lane=lane)]


def claim(
    session: Session,
    lane: str,
    now: datetime,
    *,
    lease: timedelta,
    limit: int = 1,
    actions: Collection[str] = ACTIONS,
    priorities: Collection[int] = PRIORITIES,
    busy_people: Collection[int] = (),
    busy_channels: Collection[str] = (),
) -> list[OutboxMessage]:
    """Take up to ``limit`` rows that are due, urgent first, then the oldest; commit before anything is sent.

    A row waits while another one to the same posting, person or channel is on its way or comes before it, so that
    nobody sees messages out of order and no posting is touched twice at once.

    Args:
        lease: after this long the outcome counts as unknown.
        priorities: which messages, from the first of these on; what comes first in a place still goes first there.
        busy_people, busy_channels: places that must not get a post just now.
    """
    taken = _CLAIM.all(
        session,
        of_lane=lane,
        now=now,
        until=now + lease,
        most=limit,
        actions=list(actions),
        first=min(priorities),
        busy_people=list(busy_people),
        busy_channels=list(busy_channels),
    )
    rows = [OutboxMessage(**row._asdict()) for row in taken]
    return sorted(rows, key=lambda row: (row.priority, row.not_before, row.id))


def _claim(sqlite: bool) -> Update:
    mine = OUTBOX.alias("mine")
    is_update = mine.c.action == literal_column("'update'")
    person = func.coalesce(mine.c.person_id, literal_column("0"), type_=BigInteger)
    chosen = (
        select(mine.c.id)
        .where(mine.c.lane == bindparam("of_lane"), mine.c.state == literal_column("'pending'"))
        .where(mine.c.not_before <= _NOW, mine.c.priority >= bindparam("first"))
        .where(one_of(mine.c.action, "actions", sqlite=sqlite))
        .where(or_(is_update, ~one_of(person, "busy_people", sqlite=sqlite)))
        .where(or_(is_update, ~one_of(mine.c.channel, "busy_channels", sqlite=sqlite)))
        .where(~_another_first(mine))
        .order_by(mine.c.priority, mine.c.not_before, mine.c.id)
        .limit(_LIMIT)
        .with_for_update(skip_locked=True)
    )
    # As an array PostgreSQL works them out once; of an IN it may make a join that takes more than the limit.
    these = OUTBOX.c.id.in_(chosen) if sqlite else OUTBOX.c.id == any_(func.array(chosen.scalar_subquery()))
    return (
        update(OUTBOX)
        .where(these, _state("pending"))
        .values(
            state=literal_column("'sending'"),
            fence=OUTBOX.c.fence + 1,
            attempts=OUTBOX.c.attempts + 1,
            lease_until=bindparam("until"),
            first_attempt_at=func.coalesce(OUTBOX.c.first_attempt_at, _NOW),
        )
        .returning(*OUTBOX.c)
    )


def _another_first(mine: FromClause) -> ColumnElement[bool]:
    """Another row to the same place is on its way, or comes first."""
    other = OUTBOX.alias("other")
    in_work: ColumnElement[bool] = literal_column(f"other.{_IN_WORK}")
    under_way: ColumnElement[bool] = literal_column("other.state <> 'pending'")
    earlier = other.c.id < mine.c.id
    same_posting = and_(
        in_work, other.c.posting_id == mine.c.posting_id, other.c.id != mine.c.id, or_(under_way, earlier)
    )
    due_first = and_(earlier, other.c.not_before <= _NOW, other.c.priority <= mine.c.priority)
    to = and_(
        in_work,
        other.c.lane == mine.c.lane,
        other.c.id != mine.c.id,
        other.c.posting_id.is_(None),
        other.c.channel == mine.c.channel,
        or_(under_way, due_first),
    )
    posts = mine.c.posting_id.is_(None)
    return or_(
        exists(select(true()).select_from(other).where(same_posting)),
        and_(posts, exists(select(true()).select_from(other).where(to, other.c.person_id == mine.c.person_id))),
        and_(
            posts,
            mine.c.person_id.is_(None),
            exists(select(true()).select_from(other).where(to, other.c.person_id.is_(None))),
        ),
    )


_CLAIM = Prepared(_claim)


def mark(session: Session, row: OutboxMessage, **values: Any) -> bool:
    """Move a row that is still as we hold it (same fence, same state, as often read back); False: somebody else has."""
    names = tuple(values)
    if names not in _MARKS:
        given: dict[str, Any] = {name: bindparam(name) for name in names}
        _MARKS[names] = Prepared(update(OUTBOX).where(*_AS_HELD).values(given))
    held = {"of_id": row.id, "of_fence": row.fence, "of_state": row.state, "of_reads": row.absent_reads}
    return _MARKS[names].run(session, **held, **values) == 1


_AS_HELD = (
    OUTBOX.c.id == bindparam("of_id"),
    OUTBOX.c.fence == bindparam("of_fence"),
    OUTBOX.c.state == bindparam("of_state"),
    OUTBOX.c.absent_reads == bindparam("of_reads"),
)
_MARKS: dict[tuple[str, ...], Prepared] = {}
"""By columns: as many as there are ways to mark a row."""


def expire_leases(session: Session, lane: str, now: datetime, *, read_back_at: datetime) -> int:
    """Rows whose worker was not heard of again: a post becomes ``unknown``, an update is simply done again."""
    lapsed = and_(OUTBOX.c.lane == lane, _under_way("sending"), OUTBOX.c.lease_until <= now)
    moved = 0
    for action, state, at in (("post", "unknown", read_back_at), ("update", "pending", now)):
        moved += (
            session.connection()
            .execute(update(OUTBOX).where(lapsed, OUTBOX.c.action == action).values(state=state, not_before=at))
            .rowcount
        )
    return moved


def to_read_back(session: Session, lane: str, now: datetime, limit: int) -> list[OutboxMessage]:
    """Posts of unknown outcome whose time to be looked for has come."""
    return _rows(session, _TO_READ_BACK, lane, now, limit)


def to_recheck(session: Session, lane: str, now: datetime, limit: int) -> list[OutboxMessage]:
    """Messages that were sent again after a read-back missed them: a first copy may have turned up since."""
    return _rows(session, _TO_RECHECK, lane, now, limit)


def _rows(session: Session, prepared: Prepared, lane: str, now: datetime, limit: int) -> list[OutboxMessage]:
    found = prepared.all(session, of_lane=lane, now=now, most=limit)
    return [OutboxMessage(**row._asdict()) for row in found]


_OLDEST = select(OUTBOX).where(_LANE).order_by(OUTBOX.c.not_before, OUTBOX.c.id).limit(_LIMIT)
_TO_READ_BACK, _TO_RECHECK = Prepared(_OLDEST.where(_UNKNOWN)), Prepared(_OLDEST.where(_RECHECK_DUE))


def address_of(session: Session, lane: str, person_id: int, *, even_closed: bool = False) -> Address | str:
    """Where to reach a person on this lane, or why that is not possible: ``person_left`` or ``no_account``.

    Args:
        even_closed: also where they were, to read and not to write.
    """
    platform, _, workspace = lane.partition(":")
    found = _ADDRESS.first(session, of_id=person_id, platform=platform, workspace=workspace)
    if found is None or not (found.active or even_closed):
        return "person_left"
    if found.user_id is None or (found.deactivated and not even_closed):
        return "no_account"
    return Address(found.user_id, found.dm_channel)


_HERE = (
    CHAT_IDENTITY.c.platform == bindparam("platform"),
    CHAT_IDENTITY.c.workspace.in_([bindparam("workspace", type_=String), literal_column("''")]),
)
_ADDRESS = Prepared(
    select(PERSON.c.active, CHAT_IDENTITY.c.user_id, CHAT_IDENTITY.c.dm_channel, CHAT_IDENTITY.c.deactivated)
    .select_from(PERSON.outerjoin(CHAT_IDENTITY, and_(CHAT_IDENTITY.c.person_id == PERSON.c.id, *_HERE)))
    .where(PERSON.c.id == bindparam("of_id"))
    .order_by(CHAT_IDENTITY.c.deactivated, CHAT_IDENTITY.c.workspace.desc())
    .limit(literal_column("1"))
)


def remember_dm(session: Session, lane: str, person_id: int, channel: str) -> None:
    """Keep the direct-message channel that the platform answered with; a read-back needs it."""
    platform, _, workspace = lane.partition(":")
    _REMEMBER_DM.run(session, of_id=person_id, platform=platform, workspace=workspace, channel=channel)


_REMEMBER_DM = Prepared(
    update(CHAT_IDENTITY)
    .where(CHAT_IDENTITY.c.person_id == bindparam("of_id"), *_HERE)
    .where(CHAT_IDENTITY.c.deactivated.is_(False), CHAT_IDENTITY.c.dm_channel != bindparam("channel"))
    .values(dm_channel=bindparam("channel"))
)

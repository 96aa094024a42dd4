"""Claiming, marking and reading back: every move of an outbox row after it was put there.

A claim raises the row's ``fence``; every later move names that fence, so that a worker that was presumed dead
changes nothing when it wakes. Rows are locked with SKIP LOCKED on PostgreSQL; on SQLite the transaction holds the
one writer's lock already.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal, literal_column, or_, select, true, update
from sqlmodel import Session

from storage.database import UTCDateTime, insert_or_ignore
from storage.outbox import OUTBOX, POSTING, POSTING_REQUEST, OutboxMessage
from storage.outbox_enqueue import PRIORITIES, WHENEVER, enqueue, enqueue_updates_of
from storage.people import CHAT_IDENTITY, PERSON
from storage.requests import OPEN_STATES, REQUEST

ACTIONS = ("post", "update")

#: Written into the statement: a bound value would keep either database from using the partial indexes.
_IN_WORK = "state IN ('pending', 'sending', 'unknown')"
_UNDER_WAY = "state IN ('sending', 'unknown')"
_RECHECK: ColumnElement[bool] = literal_column("state = 'sent' AND absent_reads > 0")


def _state(word: str) -> ColumnElement[bool]:
    return OUTBOX.c.state == literal_column(f"'{word}'")


@dataclass(frozen=True)
class Address:
    """Where a person is in one workspace; ``dm_channel`` is empty until it is known."""

    user_id: str
    dm_channel: str


def _under_way(word: str) -> ColumnElement[bool]:
    return and_(literal_column(_UNDER_WAY), _state(word))


def work_waiting(session: Session, lane: str, now: datetime) -> bool:
    """Whether :func:`claim`, :func:`expire_leases`, :func:`to_read_back` or :func:`to_recheck` would find a row."""
    due = and_(_state("pending"), OUTBOX.c.not_before <= now)
    expired = and_(_under_way("sending"), OUTBOX.c.lease_until <= now)
    unknown = and_(_under_way("unknown"), OUTBOX.c.not_before <= now)
    recheck = and_(_RECHECK, OUTBOX.c.not_before <= now)
    return any(
        session.connection().execute(select(OUTBOX.c.id).where(OUTBOX.c.lane == lane, what).limit(1)).first()
        for what in (due, expired, unknown, recheck)
    )


def next_due(session: Session, lane: str) -> list[tuple[str, datetime]]:
    """When something of this lane may move next, in no order: the action of what may be sent then, or ``read`` for
    what is looked up."""
    connection = session.connection()
    found: list[tuple[str, datetime]] = []
    for priority in PRIORITIES:
        query = select(OUTBOX.c.action, OUTBOX.c.not_before).where(OUTBOX.c.lane == lane, _state("pending"))
        query = query.where(OUTBOX.c.priority == priority).order_by(OUTBOX.c.not_before).limit(1)
        found += [(row.action, row.not_before) for row in connection.execute(query)]
    for column, what in (
        (OUTBOX.c.not_before, _under_way("unknown")),
        (OUTBOX.c.lease_until, _under_way("sending")),
        (OUTBOX.c.not_before, _RECHECK),
    ):
        moment = connection.execute(select(func.min(column)).where(OUTBOX.c.lane == lane, what)).scalar_one_or_none()
        found += [("read", moment)] if moment is not None else []
    return found


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
        priorities: which messages; what comes first in a place still goes first there.
        busy_people, busy_channels: places that must not get a post just now.
    """
    query = (
        select(OUTBOX.c.id)
        .where(OUTBOX.c.lane == lane, _state("pending"), OUTBOX.c.not_before <= now)
        .where(OUTBOX.c.action.in_(list(actions)), ~_another_first(now))
        .order_by(OUTBOX.c.priority, OUTBOX.c.not_before, OUTBOX.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if len(priorities) < len(PRIORITIES):
        query = query.where(OUTBOX.c.priority.in_(list(priorities)))
    if busy_people:
        query = query.where(
            or_(OUTBOX.c.action == "update", func.coalesce(OUTBOX.c.person_id, 0).not_in(list(busy_people)))
        )
    if busy_channels:
        query = query.where(or_(OUTBOX.c.action == "update", OUTBOX.c.channel.not_in(list(busy_channels))))
    connection = session.connection()
    ids = [row_id for (row_id,) in connection.execute(query)]
    if not ids:
        return []
    taken = connection.execute(
        update(OUTBOX)
        .where(OUTBOX.c.id.in_(ids), _state("pending"))
        .values(
            state="sending",
            fence=OUTBOX.c.fence + 1,
            attempts=OUTBOX.c.attempts + 1,
            lease_until=now + lease,
            first_attempt_at=func.coalesce(OUTBOX.c.first_attempt_at, literal(now, UTCDateTime())),
        )
        .returning(*OUTBOX.c)
    )
    rows = {row.id: OutboxMessage(**row._mapping) for row in taken}
    return [rows[row_id] for row_id in ids]


def _another_first(now: datetime) -> ColumnElement[bool]:
    """Another row to the same place is on its way, or comes first."""
    other = OUTBOX.alias("other")
    in_work: ColumnElement[bool] = literal_column(f"other.{_IN_WORK}")
    under_way: ColumnElement[bool] = literal_column("other.state <> 'pending'")
    earlier = other.c.id < OUTBOX.c.id
    same_posting = and_(
        in_work, other.c.posting_id == OUTBOX.c.posting_id, other.c.id != OUTBOX.c.id, or_(under_way, earlier)
    )
    due_first = and_(earlier, other.c.not_before <= now, other.c.priority <= OUTBOX.c.priority)
    to = and_(
        in_work,
        other.c.lane == OUTBOX.c.lane,
        other.c.id != OUTBOX.c.id,
        other.c.posting_id.is_(None),
        other.c.channel == OUTBOX.c.channel,
        or_(under_way, due_first),
    )
    posts = OUTBOX.c.posting_id.is_(None)
    return or_(
        exists(select(true()).select_from(other).where(same_posting)),
        and_(posts, exists(select(true()).select_from(other).where(to, other.c.person_id == OUTBOX.c.person_id))),
        and_(
            posts,
            OUTBOX.c.person_id.is_(None),
            exists(select(true()).select_from(other).where(to, other.c.person_id.is_(None))),
        ),
    )


def mark(session: Session, row: OutboxMessage, **values: Any) -> bool:
    """Move a row that is still as we hold it (same fence, same state, as often read back); False: somebody else has."""
    done = session.connection().execute(
        update(OUTBOX)
        .where(
            OUTBOX.c.id == row.id,
            OUTBOX.c.fence == row.fence,
            OUTBOX.c.state == row.state,
            OUTBOX.c.absent_reads == row.absent_reads,
        )
        .values(**values)
    )
    return done.rowcount == 1


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
    return _rows(session, lane, and_(_under_way("unknown"), OUTBOX.c.not_before <= now), limit)


def to_recheck(session: Session, lane: str, now: datetime, limit: int) -> list[OutboxMessage]:
    """Messages that were sent again after a read-back missed them: a first copy may have turned up since."""
    return _rows(session, lane, and_(_RECHECK, OUTBOX.c.not_before <= now), limit)


def _rows(session: Session, lane: str, what: ColumnElement[bool], limit: int) -> list[OutboxMessage]:
    query = select(OUTBOX).where(OUTBOX.c.lane == lane, what).order_by(OUTBOX.c.not_before, OUTBOX.c.id).limit(limit)
    return [OutboxMessage(**row._mapping) for row in session.connection().execute(query)]


def address_of(session: Session, lane: str, person_id: int, *, even_closed: bool = False) -> Address | str:
    """Where to reach a person on this lane, or why that is not possible: ``person_left`` or ``no_account``.

    Args:
        even_closed: also where they were, to read and not to write.
    """
    platform, _, workspace = lane.partition(":")
    query = (
        select(PERSON.c.active, CHAT_IDENTITY.c.user_id, CHAT_IDENTITY.c.dm_channel, CHAT_IDENTITY.c.deactivated)
        .outerjoin(
            CHAT_IDENTITY,
            and_(
                CHAT_IDENTITY.c.person_id == PERSON.c.id,
                CHAT_IDENTITY.c.platform == platform,
                CHAT_IDENTITY.c.workspace.in_([workspace, ""]),
            ),
        )
        .where(PERSON.c.id == person_id)
        .order_by(CHAT_IDENTITY.c.deactivated, CHAT_IDENTITY.c.workspace.desc())
        .limit(1)
    )
    found = session.connection().execute(query).first()
    if found is None or not (found.active or even_closed):
        return "person_left"
    if found.user_id is None or (found.deactivated and not even_closed):
        return "no_account"
    return Address(found.user_id, found.dm_channel)


def remember_dm(session: Session, lane: str, person_id: int, channel: str) -> None:
    """Keep the direct-message channel that the platform answered with; a read-back needs it."""
    platform, _, workspace = lane.partition(":")
    session.connection().execute(
        update(CHAT_IDENTITY)
        .where(CHAT_IDENTITY.c.person_id == person_id, CHAT_IDENTITY.c.platform == platform)
        .where(CHAT_IDENTITY.c.workspace.in_([workspace, ""]), CHAT_IDENTITY.c.deactivated.is_(False))
        .where(CHAT_IDENTITY.c.dm_channel != channel)
        .values(dm_channel=channel)
    )


def place_of(session: Session, posting_id: int) -> tuple[str, str]:
    """Channel and message id of a posting."""
    row = session.connection().execute(
        select(POSTING.c.channel, POSTING.c.message_id).where(POSTING.c.id == posting_id)
    )
    channel, message_id = row.one()
    return channel, message_id


def versions_of(session: Session, request_ids: Sequence[int], *, lock: bool = False) -> dict[int, int]:
    """``{request id: version}``; ``lock`` keeps them as they are until the transaction ends."""
    query = select(REQUEST.c.id, REQUEST.c.version).where(REQUEST.c.id.in_(request_ids)).order_by(REQUEST.c.id)
    if lock:
        query = query.with_for_update(key_share=True)
    return {row.id: row.version for row in session.connection().execute(query)}


def add_posting(
    session: Session,
    row: OutboxMessage,
    *,
    channel: str,
    message_id: str,
    posted_at: datetime,
    now: datetime,
) -> int:
    """Keep where a message is and what it shows (``row.shown``); returns ``posting.id``.

    A request that has changed since the message was rendered gets its update here and now: its own change came too
    early to know of this posting.
    """
    shown = {pair[0]: pair[1] for pair in row.shown or ()}
    current = versions_of(session, sorted(shown), lock=True)
    place = {"lane": row.lane, "channel": channel, "message_id": message_id}
    content = {"card": row.card, "person_id": row.person_id, "params": row.params, "posted_at": posted_at}
    insert_or_ignore(session, POSTING, [place | content])
    same = [POSTING.c[name] == value for name, value in place.items()]
    posting_id: int = session.connection().execute(select(POSTING.c.id).where(*same)).scalar_one()
    show(session, posting_id, sorted(current))
    changed = {request_id: version for request_id, version in current.items() if version != shown[request_id]}
    if changed:
        enqueue_updates_of(session, changed, now=now, posting_id=posting_id)
    return posting_id


def show(session: Session, posting_id: int, request_ids: Sequence[int]) -> None:
    """Note that a posting shows these requests (it may have come to show more after an update)."""
    rows = [{"posting_id": posting_id, "request_id": request_id} for request_id in request_ids]
    insert_or_ignore(session, POSTING_REQUEST, rows)


def keep_one_living(
    session: Session, *, lane: str, person_id: int | None, channel: str, card: str, now: datetime
) -> None:
    """Of a reader's living messages of this kind only the newest stays; each other one is replaced by it and gets one
    last update, card ``replaced``.

    Args:
        person_id: the reader; None: everybody in ``channel``.
    """
    connection = session.connection()
    connection.execute(select(PERSON.c.id).where(PERSON.c.id == person_id).with_for_update(key_share=True))
    theirs = (POSTING.c.person_id == person_id) if person_id is not None else POSTING.c.person_id.is_(None)
    if person_id is None:
        theirs = and_(theirs, POSTING.c.channel == channel)
    living = connection.execute(
        select(POSTING.c.id)
        .where(POSTING.c.lane == lane, theirs, POSTING.c.card == card)
        .where(POSTING.c.replaced_by_id.is_(None), POSTING.c.gone_at.is_(None))
        .order_by(POSTING.c.posted_at.desc(), POSTING.c.id.desc())
    ).scalars()
    newest, *older = [*living] or [0]
    if not older:
        return
    connection.execute(update(POSTING).where(POSTING.c.id.in_(older)).values(replaced_by_id=newest))
    connection.execute(
        update(OUTBOX)
        .where(OUTBOX.c.posting_id.in_(older), _state("pending"))
        .values(state="cancelled", done_at=now, error="replaced")
    )
    for posting_id in older:
        enqueue(
            session,
            dedupe_key=f"replaced:{posting_id}",
            card="replaced",
            lane=lane,
            not_before=now,
            created_at=now,
            person_id=person_id,
            posting_id=posting_id,
            action="update",
            params={"replaced_by": newest},
            priority=WHENEVER,
        )


def posting_gone(session: Session, row: OutboxMessage, now: datetime) -> bool:
    """A posting can no longer be changed: what is still open in it is posted anew. True: it was.

    The new message asks about whatever is open when it is rendered, as the first one did.
    """
    connection = session.connection()
    connection.execute(update(POSTING).where(POSTING.c.id == row.posting_id).values(gone_at=now))
    posting = connection.execute(select(POSTING).where(POSTING.c.id == row.posting_id)).one()
    still_open = (
        select(REQUEST.c.id)
        .join(POSTING_REQUEST, POSTING_REQUEST.c.request_id == REQUEST.c.id)
        .where(POSTING_REQUEST.c.posting_id == posting.id, REQUEST.c.state.in_(OPEN_STATES))
        .order_by(REQUEST.c.id)
    )
    open_ids = connection.execute(still_open).scalars().all()
    if posting.replaced_by_id is not None or not open_ids:
        return False
    params: Mapping[str, Any] = posting.params
    return enqueue(
        session,
        dedupe_key=f"anew:{posting.id}",
        card=posting.card,
        lane=posting.lane,
        not_before=now,
        created_at=now,
        person_id=posting.person_id,
        channel="" if posting.person_id else posting.channel,
        request_id=row.request_id if row.request_id in open_ids else open_ids[0],
        params=params,
    )

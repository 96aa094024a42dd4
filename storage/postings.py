"""What was posted where, and what it shows: so that it can be brought up to date, and only one question stays alive.

What runs for every message is put together once (``storage/prepared.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, and_, bindparam, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from storage.database import insert_rows, is_sqlite
from storage.outbox import OUTBOX, POSTING, POSTING_REQUEST, OutboxMessage
from storage.outbox_enqueue import WHENEVER, enqueue, enqueue_updates_of
from storage.people import PERSON
from storage.prepared import Prepared, one_of
from storage.requests import OPEN_STATES, REQUEST


def place_of(session: Session, posting_id: int) -> tuple[str, str]:
    """Channel and message id of a posting."""
    (found,) = _PLACE.all(session, of_id=posting_id)
    return found.channel, found.message_id


_PLACE = Prepared(select(POSTING.c.channel, POSTING.c.message_id).where(POSTING.c.id == bindparam("of_id")))


def versions_of(session: Session, request_ids: Sequence[int], *, lock: bool = False) -> dict[int, int]:
    """``{request id: version}``; ``lock`` keeps them as they are until the transaction ends."""
    if not request_ids:
        return {}
    query = _LOCKED_VERSIONS if lock else _VERSIONS
    return {row.id: row.version for row in query.all(session, ids=request_ids)}


def _versions(*, sqlite: bool) -> Any:
    these = one_of(REQUEST.c.id, "ids", sqlite=sqlite)
    return select(REQUEST.c.id, REQUEST.c.version).where(these).order_by(REQUEST.c.id)


_VERSIONS = Prepared(lambda sqlite: _versions(sqlite=sqlite))
_LOCKED_VERSIONS = Prepared(lambda sqlite: _versions(sqlite=sqlite).with_for_update(key_share=True))


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
    added = _ADD.first(session, **place, **content) or _AT.first(session, **place)
    assert added is not None
    posting_id: int = added.id
    show(session, posting_id, sorted(current))
    changed = {request_id: version for request_id, version in current.items() if version != shown[request_id]}
    if changed:
        enqueue_updates_of(session, changed, now=now, posting_id=posting_id)
    return posting_id


_PLACE_COLUMNS = ("lane", "channel", "message_id")
_GIVEN = (*_PLACE_COLUMNS, "card", "person_id", "params", "posted_at")


def _add(on_sqlite: bool) -> Insert:
    make: Any = sqlite.insert if on_sqlite else postgresql.insert
    added: Insert = make(POSTING).values({name: bindparam(name) for name in _GIVEN})
    return added.on_conflict_do_nothing().returning(POSTING.c.id)  # type: ignore[attr-defined,no-any-return]


_ADD = Prepared(_add)
_AT = Prepared(select(POSTING.c.id).where(*(POSTING.c[name] == bindparam(name) for name in _PLACE_COLUMNS)))


def show(session: Session, posting_id: int, request_ids: Sequence[int]) -> None:
    """Note that a posting shows these requests (it may have come to show more after an update)."""
    rows = [(posting_id, request_id) for request_id in request_ids]
    insert_rows(session, POSTING_REQUEST, rows, tail="ON CONFLICT DO NOTHING")


def keep_one_living(
    session: Session, *, lane: str, person_id: int | None, channel: str, card: str, now: datetime
) -> None:
    """Of a reader's living messages of this kind only the newest stays; each other one is replaced by it and gets one
    last update, card ``replaced``.

    Args:
        person_id: the reader; None: everybody in ``channel``.
    """
    if person_id is None:
        living = _LIVING_IN.all(session, of_lane=lane, of_card=card, of_channel=channel)
    else:
        if not is_sqlite(session):  # where a writer is alone anyway
            _HOLD_PERSON.all(session, of_id=person_id)
        living = _LIVING_TO.all(session, of_lane=lane, of_card=card, of_person=person_id)
    if len(living) > 1:
        newest, *older = (one.id for one in living)
        _replace(session, newest, older, lane=lane, person_id=person_id, now=now)


_LIVING = (
    select(POSTING.c.id)
    .where(POSTING.c.lane == bindparam("of_lane"), POSTING.c.card == bindparam("of_card"))
    .where(POSTING.c.replaced_by_id.is_(None), POSTING.c.gone_at.is_(None))
    .order_by(POSTING.c.posted_at.desc(), POSTING.c.id.desc())
)
_LIVING_TO = Prepared(_LIVING.where(POSTING.c.person_id == bindparam("of_person")))
_LIVING_IN = Prepared(_LIVING.where(POSTING.c.person_id.is_(None), POSTING.c.channel == bindparam("of_channel")))
_HOLD_PERSON = Prepared(select(PERSON.c.id).where(PERSON.c.id == bindparam("of_id")).with_for_update(key_share=True))


def _replace(
    session: Session, newest: int, older: Sequence[int], *, lane: str, person_id: int | None, now: datetime
) -> None:
    connection = session.connection()
    connection.execute(update(POSTING).where(POSTING.c.id.in_(older)).values(replaced_by_id=newest))
    connection.execute(
        update(OUTBOX)
        .where(and_(OUTBOX.c.posting_id.in_(older), OUTBOX.c.state == literal_column("'pending'")))
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

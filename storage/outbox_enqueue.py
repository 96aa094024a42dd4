"""Putting messages into the outbox, in the transaction of the change that caused them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import literal_column, select
from sqlmodel import Session

from storage.database import Moments, insert_rows, is_sqlite
from storage.delivery_key import delivery_keys
from storage.outbox import OUTBOX, POSTING, POSTING_REQUEST
from storage.prepared import Prepared, one_of
from storage.requests import REQUEST

PRIORITIES = URGENT, ROUTINE, WHENEVER = 0, 1, 2
_IDS = 5_000  # looked at together
_ROWS = 5_000  # in one executemany, so that a bulk insert does not hold all its rows twice
_Item = TypeVar("_Item")

_LOCK_REQUESTS = Prepared(
    # Whoever marks a message as sent locks its requests too: either it sees our version or we see its posting.
    lambda sqlite: (
        select(REQUEST.c.id)
        .where(one_of(REQUEST.c.id, "request_ids", sqlite=sqlite))
        .order_by(REQUEST.c.id)
        .with_for_update(key_share=True)
    )
)
_SHOWN = Prepared(
    lambda sqlite: (
        select(POSTING, POSTING_REQUEST.c.request_id)
        .join(POSTING_REQUEST, POSTING_REQUEST.c.posting_id == POSTING.c.id)
        .where(one_of(POSTING_REQUEST.c.request_id, "request_ids", sqlite=sqlite))
        .where(POSTING.c.replaced_by_id.is_(None), POSTING.c.gone_at.is_(None))
        .order_by(POSTING.c.id, POSTING_REQUEST.c.request_id)
    )
)
_WAITING = Prepared(
    lambda sqlite: (
        select(OUTBOX.c.posting_id)
        .where(one_of(OUTBOX.c.posting_id, "posting_ids", sqlite=sqlite))
        .where(OUTBOX.c.state == literal_column("'pending'"))
        .order_by(OUTBOX.c.id)
        .with_for_update()
    )
)


def enqueue(
    session: Session,
    *,
    dedupe_key: str,
    card: str,
    lane: str,
    not_before: datetime,
    created_at: datetime,
    person_id: int | None = None,
    channel: str = "",
    request_id: int | None = None,
    posting_id: int | None = None,
    action: str = "post",
    params: Mapping[str, Any] | None = None,
    priority: int = ROUTINE,
) -> bool:
    """Put one message into the outbox; False: the same cause (``dedupe_key``) has put it there before.

    Args:
        not_before: the earliest moment to send it.
        priority: ``URGENT``, ``ROUTINE`` or ``WHENEVER``.
    """
    row = {
        "dedupe_key": dedupe_key,
        "card": card,
        "lane": lane,
        "not_before": not_before,
        "created_at": created_at,
        "person_id": person_id,
        "channel": channel,
        "request_id": request_id,
        "posting_id": posting_id,
        "action": action,
        "params": dict(params or {}),
        "priority": priority,
    }
    return enqueue_many(session, [row]) == 1


def enqueue_many(session: Session, rows: Iterable[Mapping[str, Any]]) -> int:
    """Put many messages into the outbox; returns how many were new.

    Args:
        rows: the keyword arguments of :func:`enqueue` by name; the same ones may be left out.
    """
    session.flush()  # what the rows refer to may still wait in the session
    moment, key_of = Moments(session), delivery_keys(session)
    return sum(
        insert_rows(
            session,
            OUTBOX,
            [_row(row, moment, key_of) for row in part],
            columns=_COLUMNS,
            tail="ON CONFLICT DO NOTHING",
        )
        for part in _parts(rows, _ROWS)
    )


def enqueue_updates(session: Session, request_id: int, version: int, *, now: datetime, priority: int = URGENT) -> int:
    """Have every living posting that shows this request brought up to date; returns how many updates were new.

    Call it after the request itself was changed, in the same transaction. Urgent by default: an update wakes nobody
    and corrects what people see.

    Args:
        version: the request's version after the change.
    """
    return enqueue_updates_of(session, {request_id: version}, now=now, priority=priority)


def enqueue_updates_of(
    session: Session,
    versions: Mapping[int, int],
    *,
    now: datetime,
    priority: int = URGENT,
    posting_id: int | None = None,
) -> int:
    """:func:`enqueue_updates` for many requests at once, ``{request id: version}``.

    One update a posting is enough, since it is rendered when it is sent: where one is pending already, none is added.

    Args:
        posting_id: only this posting.
    """
    session.flush()
    return sum(
        _enqueue_updates(session, dict(part), now, priority, posting_id) for part in _parts(versions.items(), _IDS)
    )


def _enqueue_updates(
    session: Session, versions: Mapping[int, int], now: datetime, priority: int, posting_id: int | None
) -> int:
    request_ids = sorted(versions)
    if not is_sqlite(session):  # where a writer is alone anyway
        _LOCK_REQUESTS.all(session, request_ids=request_ids)
    postings: dict[int, Any] = {}
    for row in _SHOWN.all(session, request_ids=request_ids):
        if posting_id in (None, row.id):
            postings.setdefault(row.id, row)
    if not postings:
        return 0
    for waiting in _pending_updates(session, list(postings)):
        postings.pop(waiting, None)
    return enqueue_many(
        session, (_update_of(row, versions[row.request_id], now, priority) for row in postings.values())
    )


def _pending_updates(session: Session, posting_ids: Sequence[int]) -> set[int]:
    """Postings with an update that nobody has claimed, locked so that nobody claims it before we commit: it must be
    rendered from what we are about to commit."""
    return {row.posting_id for row in _WAITING.all(session, posting_ids=posting_ids)}


def _update_of(posting: Any, version: int, now: datetime, priority: int) -> dict[str, Any]:
    return {
        # The moment, too: a step of the ladder changes what a card says and leaves the version as it is.
        "dedupe_key": f"upd:{posting.id}:{posting.request_id}:{version}:{int(now.timestamp() * 1000)}",
        "card": posting.card,
        "lane": posting.lane,
        "not_before": now,
        "created_at": now,
        "person_id": posting.person_id,
        "request_id": posting.request_id,
        "posting_id": posting.id,
        "action": "update",
        "params": posting.params,
        "priority": priority,
    }


_NEW: dict[str, Any] = {
    "person_id": None,
    "channel": "",
    "request_id": None,
    "posting_id": None,
    "action": "post",
    "params": {},
    "priority": ROUTINE,
    "state": "pending",
    "fence": 0,
    "attempts": 0,
    "absent_reads": 0,
    "error": "",
}
_GIVEN = ("dedupe_key", "card", "lane")
_COLUMNS = (*_GIVEN, *_NEW, "not_before", "created_at", "delivery_key")


def _row(given: Mapping[str, Any], moment: Moments, key_of: Callable[[str], str]) -> tuple[Any, ...]:
    row = {
        **_NEW,
        **given,
        "params": json.dumps(given.get("params") or {}),
        "not_before": moment(given["not_before"]),
        "created_at": moment(given["created_at"]),
        "delivery_key": key_of(given["dedupe_key"]),
    }
    return tuple(row[name] for name in _COLUMNS)


def _parts(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """``items`` in lists of at most ``size``."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part

"""Keeps open requests true: new reasons are added, a further expiry notice asks again, and a request whose token is
no longer due is withdrawn."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session

from bot.operations.asking import enqueue_asks
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.records import token_part
from bot.rules.due import Reason, reason_names
from bot.rules.lifecycle import Event, State, next_state
from storage.due import DueRow
from storage.inventory import TOKEN
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind
from storage.outbox_enqueue import enqueue_updates_of
from storage.requests import LADDER_STEP, QUIET, REQUEST

_BATCH = 1_000
_WITHDRAWABLE = [state.value for state in State if next_state(state, Event.WITHDRAW) is not None]
_NO_LONGER_DUE = "no_longer_due"


def keep_open_requests_true(ctx: Context, rows: Sequence[DueRow], due: Collection[int], now: datetime) -> int:
    """Returns how many requests were withdrawn since their tokens are no longer due.

    Args:
        rows: the due tokens that have an open request, as the sweep found them.
        due: ids of all tokens that the sweep found due. Another sweep may have opened requests about them meanwhile.
    """
    for batch in _batches(rows):
        with ctx.database.write() as session:
            _name_new_reasons(session, batch, now)
            _ask_again_at_notices(session, ctx, batch, now)
    return _withdraw_the_rest(ctx, due, now)


def _name_new_reasons(session: Session, rows: list[DueRow], now: datetime) -> None:
    wanted = {row.request_id: reason_names(row.reasons) for row in rows if row.request_id is not None}
    known = select(REQUEST.c.id, REQUEST.c.reasons, REQUEST.c.version).where(REQUEST.c.id.in_(list(wanted)))
    changed = [(row.id, row.version) for row in session.connection().execute(known) if row.reasons != wanted[row.id]]
    if not changed:
        return
    session.connection().execute(
        update(REQUEST).where(REQUEST.c.id == bindparam("_id")).values(reasons=bindparam("_reasons")),
        [{"_id": request_id, "_reasons": wanted[request_id]} for request_id, _ in changed],
    )
    enqueue_updates_of(session, dict(changed), now=now)


def _ask_again_at_notices(session: Session, ctx: Context, rows: list[DueRow], now: datetime) -> None:
    """The next notice before an expiry has come up while the request is open: it fires once, to whom we wait for."""
    expiring = {row.token_id: row for row in rows if row.reasons & Reason.EXPIRING}
    fired = select(QUIET.c.token_id, QUIET.c.about_at, QUIET.c.threshold_days).where(
        QUIET.c.token_id.in_(list(expiring)), QUIET.c.reason == "expiring"
    )
    for token_id, about_at, days in session.connection().execute(fired):
        row = expiring.get(token_id)
        if row is not None and (row.expires_at, row.notice_days) == (about_at, days):
            del expiring[token_id]
    if not expiring:
        return
    session.connection().execute(insert(QUIET), [_notice(row) for row in expiring.values()])
    waiting = select(REQUEST.c.waiting_on_id).where(
        REQUEST.c.id.in_([row.request_id for row in expiring.values()]), REQUEST.c.state != State.REMEDIATING.value
    )
    readers = session.connection().execute(waiting).scalars().all()
    enqueue_asks(session, ctx, People(session, ctx, now), readers, now=now)


def _notice(row: DueRow) -> dict[str, Any]:
    return {
        "token_id": row.token_id,
        "reason": "expiring",
        "about_at": row.expires_at,
        "threshold_days": row.notice_days,
        "until": None,
        "request_id": row.request_id,
    }


def _withdraw_the_rest(ctx: Context, due: Collection[int], now: datetime) -> int:
    """Requests still waiting for an answer about a token that no longer is due: a later import settled the matter."""
    columns: tuple[Any, ...] = (REQUEST.c.id, REQUEST.c.version, TOKEN.c.id.label("token_id"))
    columns += (TOKEN.c.issuing_system, TOKEN.c.external_id, TOKEN.c.tier, TOKEN.c.expires_at)
    waiting = (
        select(*columns)
        .join(TOKEN, TOKEN.c.id == REQUEST.c.token_id)
        .where(REQUEST.c.state.in_([State.OPEN.value, State.HANDOVER.value]), REQUEST.c.opened_at < now)
    )
    with ctx.database.read() as session:
        gone = [row for row in session.connection().execute(waiting) if row.token_id not in due]
    withdrawn = 0
    for batch in _batches(gone):
        with ctx.database.write() as session:
            withdrawn += _withdraw(session, ctx, batch, now)
    return withdrawn


def _withdraw(session: Session, ctx: Context, rows: list[Any], now: datetime) -> int:
    closed = [row for row in rows if _close(session, row, now)]
    session.connection().execute(
        update(LADDER_STEP)
        .where(LADDER_STEP.c.request_id.in_([row.id for row in closed]), LADDER_STEP.c.outcome == "waiting")
        .values(outcome="closed", ended_at=now)
    )
    entries = [
        Entry(
            RecordKind.REQUEST_WITHDRAWN,
            reason=_NO_LONGER_DUE,
            token_id=row.token_id,
            token=token_part(row.issuing_system, row.external_id, row.tier, row.expires_at),
            request_id=row.id,
        )
        for row in closed
    ]
    append(session, entries, ctx.now)
    enqueue_updates_of(session, {row.id: row.version + 1 for row in closed}, now=now)
    return len(closed)


def _close(session: Session, row: Any, now: datetime) -> bool:
    """False: somebody decided in the meantime."""
    done = session.connection().execute(
        update(REQUEST)
        .where(REQUEST.c.id == row.id, REQUEST.c.version == row.version, REQUEST.c.state.in_(_WITHDRAWABLE))
        .values(
            state=State.WITHDRAWN.value,
            version=row.version + 1,
            settled_at=now,
            outcome=_NO_LONGER_DUE,
            next_step_at=None,
        )
    )
    return done.rowcount == 1


def _batches(rows: Sequence[Any]) -> Iterator[list[Any]]:
    rest = iter(rows)
    while batch := list(islice(rest, _BATCH)):
        yield batch

"""Sending what is in the outbox so that nothing is lost and nothing is said twice.

1. **Claim** in one transaction: ``sending``, a higher fence, a lease; committed before anything is sent.
2. **Compose** from what is true now, in a read transaction, and save which requests the message will show.
3. **Send** with a timeout far below the lease; the port never retries.
4. **Mark** under the fence, with the posting and what it shows. Surely not sent: back to ``pending``. Refused for
   good: ``dead``, and the ladder moves on. Neither: ``unknown``.
5. **Read back** what is unknown, or whose lease ran out: found, it was sent; absent twice, it was not. An update is
   simply done again. A second copy of the same message is taken back.

After a restore every message is looked for as in 5 before it is sent at all (``bot/operations/restore.py``).

A process may die between any two lines of this: exactly one message is there in the end (``tests/contract/
test_deliver_crash.py``). If the platform hides a message from two read-backs, the second copy is found and removed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.delivery import (
    LEASE,
    SEND_TIMEOUT,
    Compose,
    Composed,
    DeliveryReport,
    OnRefused,
    Pass,
    backoff,
    destination_of,
    give_up,
    lost_sight_of,
    overdue,
    place_of,
    settle_post,
    settle_update,
)
from bot.operations.lane_lease import LaneLease
from bot.operations.pace import Pacer, Place
from bot.operations.ports import ChatPort, Destination, Outcome, Unknown
from bot.operations.read_back import remove_second_copies, settle_unknown
from storage import outbox_queries as outbox
from storage import postings
from storage.lanes import pace_of
from storage.outbox import OutboxMessage
from storage.outbox_enqueue import PRIORITIES, ROUTINE, URGENT, WHENEVER
from storage.restored import restored

__all__ = ["Compose", "Composed", "DeliveryReport", "OnRefused", "deliver"]

logger = logging.getLogger(__name__)

_A_MOMENT = 1.0  # seconds until a place that just had a message is free again


def deliver(
    ctx: Context,
    port: ChatPort,
    compose: Compose,
    *,
    on_refused: OnRefused,
    pacer: Pacer | None = None,
    lease: LaneLease | None = None,
    stop: Callable[[], bool] = lambda: False,
    limit: int = 100,
) -> DeliveryReport:
    """One pass over the outbox of ``ctx.lane``. Never sleeps: ``report.wait`` says when to call again.

    Args:
        pacer: how fast messages may leave; None: as fast as the platform takes them. Keep one for as long as the
            process runs.
        lease: holds the lane where several processes may dispatch it; while another one has it, nothing is done.
        stop: asked between messages; True ends the pass with nothing half done.
        limit: the most messages to send in this pass.
    """

    def recall(session: Session) -> None:
        if pacer is not None:
            pacer.recall(pace_of(session, ctx.lane), ctx.now())

    def held() -> bool:
        return lease is None or lease.hold(ctx, recall)

    job = Pass(ctx, port, compose, on_refused, pacer, lambda: stop() or not held(), limit)
    with ctx.database.read() as session:
        found = outbox.work_waiting(session, ctx.lane, ctx.now())
        waiting = any(found)
        job.restored = restored(session) if waiting else None
        if waiting and lease is None and pacer is not None and not pacer.recalled:
            recall(session)
    if waiting and not held():
        return job.report
    if waiting and pacer is not None and pacer.resting() > 0:
        job.report.wait = pacer.resting()
        return job.report
    if waiting:
        if found.lapsed or found.unknown or found.recheck:  # what is found in the first may be there twice
            settle_unknown(job)
            remove_second_copies(job)
        if _send_what_is_due(job):
            job.report.wait = 0.0
    if job.report.wait is None:
        job.report.wait = _seconds_to_next(job)
    return job.report


def _send_what_is_due(job: Pass) -> bool:
    """True: the limit was reached, and more may be due."""
    for _ in range(job.limit):
        if job.stop() or job.report.trouble:
            return False
        actions = [action for action in outbox.ACTIONS if job.pacer is None or job.pacer.wait(action) <= 0]
        row = _claim(job, actions) if actions else None
        if row is None:
            return False
        _dispatch(job, row)
    return True


def _claim(job: Pass, actions: list[str]) -> OutboxMessage | None:
    """The next message: urgent before others, but not for ever."""
    if job.pacer is None:
        return _claim_among(job, actions, PRIORITIES)
    row = _claim_among(job, actions, (ROUTINE, WHENEVER)) if job.pacer.others_turn() else None
    row = row or _claim_among(job, actions, PRIORITIES)
    if row is not None:
        job.pacer.took(urgent=row.priority == URGENT)
    return row


def _claim_among(job: Pass, actions: list[str], priorities: Sequence[int]) -> OutboxMessage | None:
    busy = job.pacer.busy() if job.pacer is not None else frozenset[Place]()
    with job.ctx.database.write() as session:
        claimed = outbox.claim(
            session,
            job.ctx.lane,
            job.ctx.now(),
            lease=LEASE,
            actions=actions,
            priorities=priorities,
            busy_people=[name for kind, name in busy if kind == "person" and isinstance(name, int)],
            busy_channels=[name for kind, name in busy if kind == "channel" and isinstance(name, str)],
        )
    return claimed[0] if claimed else None


def _dispatch(job: Pass, row: OutboxMessage) -> None:
    try:
        with job.ctx.database.read() as session:
            composed = job.compose(session, row)
            shown = postings.versions_of(session, composed.request_ids) if composed else {}
            target = _target(session, row)
    except Exception:  # a fault in one card must not stop every other message
        logger.exception("message %s (card %s) cannot be rendered", row.id, row.card)
        _not_rendered(job, row)
        return
    now = job.ctx.now()
    if composed is None:
        with job.ctx.database.write() as session:
            job.report.cancelled += outbox.mark(session, row, state="cancelled", done_at=now)
    elif isinstance(target, str):
        give_up(job, row, target, now)
    elif composed.not_before is not None and composed.not_before > now:
        with job.ctx.database.write() as session:
            job.report.deferred += outbox.mark(session, row, state="pending", not_before=composed.not_before)
    elif lost_sight_of(job, row) and not row.absent_reads:
        _look_first(job, row, composed, now)
    elif _may_send(job, row, shown, now):
        if job.pacer is not None:
            job.pacer.spend(row.action, place_of(row))
        _send(job, row, composed, target)


def _look_first(job: Pass, row: OutboxMessage, composed: Composed, now: datetime) -> None:
    """Read back before sending. Should the message be there, then as it was before the restore: version 0, which no
    request has, has it brought up to date."""
    row.shown = [[request_id, 0] for request_id in sorted(composed.request_ids)]
    with job.ctx.database.write() as session:
        values = {"state": "unknown", "not_before": now, "lease_until": None, "shown": row.shown}
        job.report.unknown += outbox.mark(session, row, **values)


def _send(job: Pass, row: OutboxMessage, composed: Composed, target: Destination | tuple[str, str]) -> None:
    try:
        outcome: Outcome
        if isinstance(target, Destination):
            outcome = job.port.post(target, composed.view, row.delivery_key)
        else:
            outcome = job.port.update(*target, composed.view)
    except Exception as error:  # a port should not raise; if it does, the message may have left
        logger.exception("sending message %s (card %s) failed", row.id, row.card)
        outcome = Unknown(type(error).__name__)
    if isinstance(target, Destination):
        settle_post(job, row, outcome)
    else:
        settle_update(job, row, outcome, composed.request_ids)


def _target(session: Session, row: OutboxMessage) -> Destination | tuple[str, str] | str:
    """A destination for a post, channel and message id for an update; a word: there is nowhere to send it."""
    if row.posting_id is not None:
        return postings.place_of(session, row.posting_id)
    if row.person_id is None:
        return destination_of(row, None)
    address = outbox.address_of(session, row.lane, row.person_id)
    return address if isinstance(address, str) else destination_of(row, address)


def _may_send(job: Pass, row: OutboxMessage, shown: dict[int, int], now: datetime) -> bool:
    """Save what will be shown, under the fence; False: too little of the lease is left, or it is not ours any more."""
    if row.lease_until is None or now + SEND_TIMEOUT > row.lease_until:
        with job.ctx.database.write() as session:
            job.report.deferred += outbox.mark(session, row, state="pending")
        return False
    if row.posting_id is not None:
        return True
    row.shown = [[request_id, version] for request_id, version in sorted(shown.items())]
    with job.ctx.database.write() as session:
        return outbox.mark(session, row, shown=row.shown)


def _not_rendered(job: Pass, row: OutboxMessage) -> None:
    """Later again (a newer release may do better), but not for ever."""
    now = job.ctx.now()
    if overdue(row, now):
        give_up(job, row, "cannot_be_rendered", now)
        return
    with job.ctx.database.write() as session:
        values = {"state": "pending", "not_before": now + backoff(row.attempts), "error": "cannot_be_rendered"}
        job.report.deferred += outbox.mark(session, row, **values)


def _seconds_to_next(job: Pass) -> float | None:
    """None: nothing waits. What is due but could not go now waits for the pace, or for another message to its place."""
    with job.ctx.database.read() as session:
        moments = outbox.next_due(session, job.ctx.lane)
    now = job.ctx.now()
    waits = []
    for kind, moment in moments:
        paced = job.pacer.wait(kind) if job.pacer is not None and kind in outbox.ACTIONS else 0.0
        waits.append(max((moment - now).total_seconds(), paced))
    if not waits:
        return None
    return min(waits) if min(waits) > 0 else _A_MOMENT

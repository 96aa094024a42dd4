"""Finding out what became of messages whose outcome is unknown, and taking back second copies."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from bot.operations.delivery import GRACE, Pass, destination_of, give_up, lost_sight_of, mark_posted, overdue, rest
from bot.operations.ports import NotSent, Refused, Sent, Unknown
from storage import outbox_queries as outbox
from storage.outbox import POSTING, OutboxMessage

SKEW = timedelta(hours=1)
"""How far our clock and the platform's may be apart when a message is looked for."""
ABSENT_READS = 2
"""So many read-backs, ``GRACE`` apart, must miss a message before it counts as not sent."""
READS_A_PASS = 20
"""Reading back has a rate limit too (Slack: 50 a minute)."""


def settle_unknown(job: Pass) -> None:
    """Expired leases become unknown outcomes; unknown outcomes whose time has come are looked up."""
    now = job.ctx.now()
    with job.ctx.database.write() as session:
        job.report.unknown += outbox.expire_leases(session, job.ctx.lane, now, read_back_at=now + GRACE)
        rows = outbox.to_read_back(session, job.ctx.lane, now, READS_A_PASS)
    for row in rows:
        if job.stop() or job.report.trouble:
            return
        _read_back(job, row)


def remove_second_copies(job: Pass) -> None:
    """Look once more at messages that were sent again; whatever else has the same key is taken back."""
    with job.ctx.database.read() as session:
        rows = outbox.to_recheck(session, job.ctx.lane, job.ctx.now(), READS_A_PASS)
    for row in rows:
        if job.stop() or job.report.trouble:
            return
        _recheck(job, row)


def _read_back(job: Pass, row: OutboxMessage) -> None:
    found = _find(job, row)
    now = job.ctx.now()
    if isinstance(found, NotSent | Unknown):
        _look_again(job, row, found, now)
    elif not found:
        absent = row.absent_reads + 1
        sure = absent >= ABSENT_READS
        values = {"state": "pending", "not_before": now} if sure else {"not_before": now + GRACE}
        with job.ctx.database.write() as session:
            done = outbox.mark(session, row, absent_reads=absent, **values)
        job.report.absent += sure and done
    else:
        several = {"absent_reads": 1, "not_before": now} if len(found) > 1 else {"absent_reads": 0}
        with job.ctx.database.write() as session:
            posted_at = row.first_attempt_at or now
            if mark_posted(session, row, found[0], now, posted_at=posted_at):
                job.report.found += 1
                row.state = "sent"
                outbox.mark(session, row, **several)


def _look_again(job: Pass, row: OutboxMessage, outcome: NotSent | Unknown, now: datetime) -> None:
    """The read-back itself failed: later again, but not for ever."""
    if isinstance(outcome, Unknown) and overdue(row, now):
        give_up(job, row, "outcome_unknown", now)
        return
    later = now + max(GRACE, timedelta(seconds=outcome.retry_after if isinstance(outcome, NotSent) else 0))
    with job.ctx.database.write() as session:
        outbox.mark(session, row, not_before=later)
        if isinstance(outcome, NotSent):
            rest(job, session, outcome, (later - now).total_seconds())


def _recheck(job: Pass, row: OutboxMessage) -> None:
    found = _find(job, row)
    now = job.ctx.now()
    if isinstance(found, NotSent | Unknown):
        if overdue(row, now):
            with job.ctx.database.write() as session:
                outbox.mark(session, row, absent_reads=0)
        else:
            _look_again(job, row, found, now)
        return
    away = [_take_back(job, copy) for copy in _second_copies(job, row, found)]
    with job.ctx.database.write() as session:
        outbox.mark(session, row, **({"absent_reads": 0} if all(away) else {"not_before": now + GRACE}))


def _second_copies(job: Pass, row: OutboxMessage, found: list[Sent]) -> list[Sent]:
    """All but the copy that we keep a posting of."""
    with job.ctx.database.read() as session:
        query = select(POSTING.c.channel, POSTING.c.message_id).where(POSTING.c.lane == row.lane)
        query = query.where(POSTING.c.message_id.in_([copy.message_id for copy in found]))
        kept = {Sent(channel, message_id) for channel, message_id in session.connection().execute(query)}
    return [copy for copy in found if copy not in kept] if kept & set(found) else found[1:]


def _take_back(job: Pass, copy: Sent) -> bool:
    """True: it is away, or not ours to take away."""
    outcome = job.port.delete(copy.channel, copy.message_id)
    job.report.duplicates_removed += isinstance(outcome, Sent)
    return isinstance(outcome, Sent | Refused)


def _find(job: Pass, row: OutboxMessage) -> list[Sent] | NotSent | Unknown:
    address: outbox.Address | str | None = None
    if row.person_id is not None:
        with job.ctx.database.read() as session:
            address = outbox.address_of(session, row.lane, row.person_id, even_closed=True)
    if isinstance(address, str):
        return Unknown(address)
    return job.port.find(destination_of(row, address), row.delivery_key, _since(job, row) - SKEW)


def _since(job: Pass, row: OutboxMessage) -> datetime:
    """The earliest moment at which this message can have been sent."""
    if job.restored is not None and lost_sight_of(job, row):
        return min(row.created_at, job.restored.since)
    return row.first_attempt_at or row.created_at

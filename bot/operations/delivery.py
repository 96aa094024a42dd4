"""What becomes of a message once the platform has answered, or has not. Every move is one transaction under the fence.

``bot/operations/deliver.py`` is the way in; the protocol in one piece is told there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.pace import Pacer, Place
from bot.operations.ports import TOO_FAST, ChatPort, Destination, NotSent, Outcome, Refused, Sent
from bot.rules.undelivered import Consequence, consequence_of
from messages.view import View
from messages.wording import delivering
from storage import outbox_queries as outbox
from storage import postings
from storage.lanes import keep_pace
from storage.outbox import OutboxMessage
from storage.restored import Restored

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
SEND_TIMEOUT = timedelta(seconds=10)
"""What a port allows one call, far below the lease."""
GRACE = timedelta(seconds=30)
"""Between an unknown outcome and the first read-back, and between two of them."""
RECHECK_AFTER = timedelta(minutes=5)
"""After a message was sent again: when to look for a late first copy."""
GIVE_UP_AFTER = timedelta(hours=6)
"""When an outcome that nobody can tell is taken as a failure, so that the ladder does not stand still."""
LONGEST_BACKOFF = timedelta(minutes=5)
LOOK_FIRST = timedelta(hours=24)
"""After a restore: for how long new messages are looked for before they are sent."""

#: The message of which a person or a channel has only one living copy.
ONE_LIVING_CARD = "ask"


@dataclass(frozen=True)
class Composed:
    """A message as it is to be sent now, and the requests that it shows."""

    view: View
    request_ids: Sequence[int]
    not_before: datetime | None = None
    """Later than now: it is to wait until then, since the hour is not one to write to its reader at."""


Compose = Callable[[Session, OutboxMessage], Composed | None]
"""Renders a row from what is true now, in a read transaction; None: there is nothing left to say."""

OnRefused = Callable[[Session, OutboxMessage, str], None]
"""Called in the transaction that gives a post up, with the platform's word for it or one of ``person_left``,
``no_account``, ``outcome_unknown``, ``cannot_be_rendered``: the ladder moves on there, and the failure is recorded."""


@dataclass
class DeliveryReport:
    """What one pass did, by count."""

    posted: int = 0
    updated: int = 0
    cancelled: int = 0
    """Nothing was left to say."""
    refused: int = 0
    """Given up: the platform said no for good, or the person cannot be reached."""
    deferred: int = 0
    """Surely not sent; tried again later."""
    unknown: int = 0
    """May have been sent; read back later."""
    found: int = 0
    """Outcomes that were unknown, and turned out to have been sent."""
    absent: int = 0
    """Outcomes that were unknown, and turned out not to have been sent."""
    duplicates_removed: int = 0
    trouble: str = ""
    """Why the pass ended early: the platform's word (``ratelimited``, ``token_revoked`` …); empty: it did not."""
    wait: float | None = None
    """Seconds until something can move again; None: nothing waits."""


@dataclass
class Pass:
    """One pass over the outbox of a lane: what it stands on, and what it has done so far."""

    ctx: Context
    port: ChatPort
    compose: Compose
    on_refused: OnRefused
    pacer: Pacer | None
    stop: Callable[[], bool]
    limit: int
    restored: Restored | None = None
    """The database was put back to an earlier state."""
    report: DeliveryReport = field(default_factory=DeliveryReport)


def lost_sight_of(job: Pass, row: OutboxMessage) -> bool:
    """Whether this post may have been sent without our knowing, before the database was put back."""
    return job.restored is not None and row.posting_id is None and row.created_at <= job.restored.until


def backoff(attempts: int) -> timedelta:
    """5 s, 10 s, 20 s … up to five minutes; ``attempts`` counts from 1."""
    return min(timedelta(seconds=5 * 2 ** min(attempts - 1, 10)), LONGEST_BACKOFF)


def destination_of(row: OutboxMessage, address: outbox.Address | None) -> Destination:
    """Where a post goes; ``address`` is the person's, where one is addressed."""
    if address is None:
        return Destination(channel=row.channel)
    return Destination(user_id=address.user_id, channel=address.dm_channel)


def settle_post(job: Pass, row: OutboxMessage, outcome: Outcome) -> None:
    """Write down what came of a post."""
    now = job.ctx.now()
    if isinstance(outcome, Sent):
        with job.ctx.database.write() as session:
            job.report.posted += mark_posted(session, row, outcome, now, posted_at=now)
    elif isinstance(outcome, NotSent):
        defer(job, row, outcome, now)
    elif isinstance(outcome, Refused):
        give_up(job, row, outcome.code, now)
    else:
        with job.ctx.database.write() as session:
            values = {"state": "unknown", "not_before": now + GRACE, "error": outcome.detail[:500]}
            job.report.unknown += outbox.mark(session, row, **values)


def settle_update(job: Pass, row: OutboxMessage, outcome: Outcome, request_ids: Sequence[int]) -> None:
    """Write down what came of an update. One of unknown outcome is simply done again: the second changes nothing."""
    now = job.ctx.now()
    if isinstance(outcome, NotSent):
        defer(job, row, outcome, now)
        return
    with job.ctx.database.write() as session:
        if isinstance(outcome, Sent):
            if outbox.mark(session, row, state="sent", done_at=now, error=""):
                job.report.updated += 1
                postings.show(session, row.posting_id or 0, sorted(request_ids))
        elif not isinstance(outcome, Refused):
            values = {"state": "pending", "not_before": now + backoff(row.attempts), "error": outcome.detail[:500]}
            job.report.unknown += outbox.mark(session, row, **values)
        elif outcome.gone:
            if outbox.mark(session, row, state="cancelled", done_at=now, error=outcome.code):
                job.report.cancelled += 1
                if postings.posting_gone(session, row, now):
                    logger.info("posting %s can no longer be changed; posting it anew", row.posting_id)
        elif outbox.mark(session, row, state="dead", done_at=now, error=outcome.code):
            job.report.refused += 1
            _log_given_up(row, outcome.code)


def mark_posted(session: Session, row: OutboxMessage, sent: Sent, now: datetime, *, posted_at: datetime) -> bool:
    """The message is there: the mark, its posting, what it shows and whom it replaces, together.

    A row that was sent again after a read-back missed it keeps its count, so that a late first copy is looked for.
    """
    recheck = {"not_before": now + RECHECK_AFTER} if row.absent_reads else {}
    if not outbox.mark(session, row, state="sent", done_at=now, lease_until=None, error="", **recheck):
        return False
    postings.add_posting(session, row, channel=sent.channel, message_id=sent.message_id, posted_at=posted_at, now=now)
    if row.person_id is not None:
        outbox.remember_dm(session, row.lane, row.person_id, sent.channel)
    if row.card == ONE_LIVING_CARD:
        postings.keep_one_living(
            session, lane=row.lane, person_id=row.person_id, channel=sent.channel, card=row.card, now=now
        )
    return True


def defer(job: Pass, row: OutboxMessage, outcome: NotSent, now: datetime) -> None:
    """Surely not sent: back to ``pending``, and the whole lane rests, since the next message would fare no better."""
    seconds = max(outcome.retry_after, backoff(row.attempts).total_seconds() if not outcome.retry_after else 0.0)
    if job.pacer is not None and outcome.reason == TOO_FAST:
        job.pacer.slow_down(row.action, place_of(row))
    with job.ctx.database.write() as session:
        values = {"state": "pending", "not_before": now + timedelta(seconds=seconds), "error": outcome.reason[:500]}
        job.report.deferred += outbox.mark(session, row, **values)
        rest(job, session, outcome, seconds)


def rest(job: Pass, session: Session, outcome: NotSent, seconds: float) -> None:
    """End this pass and keep the lane quiet for so long, whoever dispatches it by then."""
    job.report.trouble = outcome.reason
    job.report.wait = seconds
    if job.pacer is not None:
        job.pacer.pause(seconds)
        if outcome.reason == TOO_FAST:
            keep_pace(session, job.ctx.lane, job.pacer.learned(job.ctx.now()))


def place_of(row: OutboxMessage) -> Place | None:
    """Where a post goes, for its pace; None: an update, which is counted for the workspace only."""
    if row.posting_id is not None:
        return None
    return ("channel", row.channel) if row.person_id is None else ("person", row.person_id)


def give_up(job: Pass, row: OutboxMessage, code: str, now: datetime) -> None:
    """A post that will never be sent: ``dead`` with its reason, and whatever is to happen instead, together."""
    with job.ctx.database.write() as session:
        if outbox.mark(session, row, state="dead", done_at=now, error=code):
            job.report.refused += 1
            job.on_refused(session, row, code)
            _log_given_up(row, code)


def _log_given_up(row: OutboxMessage, code: str) -> None:
    """An error where somebody has to do something; by number, since a name is nothing for a log."""
    follows = consequence_of(code, to_person=row.person_id is not None, is_update=row.action == "update")
    level = logging.WARNING if follows is Consequence.NEXT_RUNG else logging.ERROR
    said = "message %s (card %s) cannot be delivered (%s): %s. %s"
    words = (delivering.reason(code), delivering.advice(code, follows))
    logger.log(level, said, row.id, row.card, code, *words, extra={"code": code, "consequence": follows.value})


def overdue(row: OutboxMessage, now: datetime) -> bool:
    """Whether this row has been tried for so long that it is given up."""
    return row.first_attempt_at is not None and row.first_attempt_at + GIVE_UP_AFTER <= now

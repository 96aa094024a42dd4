"""Putting the question into the outbox: one message a person, in their working hours, not too many a day.

The message is rendered when it is sent, from everything that waits for its reader then. So a question needs no
message of its own while one is still to go out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.rules.calendar import WorkingTime, next_working, zone_of
from storage.outbox import OUTBOX
from storage.outbox_enqueue import ROUTINE, URGENT, enqueue_many

CARD = "ask"
_CHUNK = 5_000
_DAY = timedelta(days=1)

Reader = int | None
"""A person's id, or None for the security channel."""


def enqueue_asks(
    session: Session,
    ctx: Context,
    people: People,
    readers: Iterable[Reader],
    *,
    now: datetime,
    urgent: frozenset[Reader] = frozenset(),
) -> int:
    """Make sure that a message is on its way to each reader; returns how many were added.

    It goes out in the reader's working hours; an urgent one may ignore them where the policy says so. Beyond the
    policy's messages a day it waits for the reader's next working day.
    """
    wanted = list(dict.fromkeys(readers))
    history = _history(session, ctx, wanted, now)
    return enqueue_many(session, _rows(ctx, people, wanted, history, now, urgent))


def _rows(
    ctx: Context,
    people: People,
    readers: list[Reader],
    history: dict[Reader, _Past],
    now: datetime,
    urgent: frozenset[Reader],
) -> Iterator[dict[str, Any]]:
    channel = ctx.policy.channels.security
    for reader in readers:
        past = history[reader]
        hurry = reader in urgent
        if past.pending and not hurry:
            continue
        to = f"channel:{channel}" if reader is None else str(reader)
        yield {
            "dedupe_key": f"ask:{to}:{past.total}",
            "card": CARD,
            "lane": ctx.lane,
            "person_id": reader,
            "channel": channel if reader is None else "",
            "not_before": _not_before(ctx, people.working_time(reader), past, now, hurry=hurry),
            "created_at": now,
            "priority": URGENT if hurry else ROUTINE,
        }


def _not_before(ctx: Context, working: WorkingTime, past: _Past, now: datetime, *, hurry: bool) -> datetime:
    if hurry and ctx.policy.urgent.ignore_working_hours:
        return now
    moment = next_working(now, working)
    zone = zone_of(working.timezone)
    limit = ctx.policy.attention.messages_per_person_per_day
    while sum(one.astimezone(zone).date() == moment.astimezone(zone).date() for one in past.recent) >= limit:
        local = moment.astimezone(zone)
        tomorrow = (local + _DAY).replace(hour=0, minute=0, second=0, microsecond=0)
        moment = next_working(tomorrow, working)
    return moment


class _Past:
    """What was already put in the outbox for a reader."""

    def __init__(self) -> None:
        self.total = 0
        self.pending = False
        self.recent: list[datetime] = []


def _history(session: Session, ctx: Context, readers: list[Reader], now: datetime) -> dict[Reader, _Past]:
    found: dict[Reader, _Past] = defaultdict(_Past)
    posts = (OUTBOX.c.card == CARD, OUTBOX.c.action == "post", OUTBOX.c.lane == ctx.lane)
    persons = [reader for reader in readers if reader is not None]
    targets: list[ColumnElement[bool]] = [
        OUTBOX.c.person_id.in_(persons[at : at + _CHUNK]) for at in range(0, len(persons), _CHUNK)
    ]
    if None in readers:
        targets.append((OUTBOX.c.person_id.is_(None)) & (OUTBOX.c.channel == ctx.policy.channels.security))
    for target in targets:
        totals = select(OUTBOX.c.person_id, func.count()).where(target, *posts).group_by(OUTBOX.c.person_id)
        for reader, total in session.connection().execute(totals):
            found[reader].total = total
        lately = select(OUTBOX.c.person_id, OUTBOX.c.state, OUTBOX.c.not_before).where(
            target,
            *posts,
            or_(OUTBOX.c.not_before >= now - _DAY, OUTBOX.c.state == "pending"),
            OUTBOX.c.state != "cancelled",
        )
        for reader, state, not_before in session.connection().execute(lately):
            found[reader].recent.append(not_before)
            found[reader].pending |= state == "pending"
    return found

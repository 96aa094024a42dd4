"""Putting the question into the outbox: one message a person, in their working hours, not too many a day.

The message is rendered when it is sent, from everything that waits for its reader then. So a question needs no
message of its own while one is still to go out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.directory import People
from bot.rules.attention import Messages, one_more
from storage.database import among
from storage.outbox import OUTBOX
from storage.outbox_enqueue import ROUTINE, URGENT, enqueue_many

CARD = "ask"
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
    urgent: Mapping[Reader, bool] = MappingProxyType({}),
    hold: timedelta = timedelta(),
) -> int:
    """Make sure that a message is on its way to each reader; returns how many were added.

    It goes out in the reader's working hours, in the morning not before their minute. Beyond the policy's messages a
    day it waits for the reader's next working day, unless it is urgent.

    Args:
        urgent: the readers for whom it is urgent, and whether the policy lets it come at any hour.
        hold: how long a message that may not come at any hour waits at least, so that what follows from the same
            cause is in it too.
    """
    wanted = list(dict.fromkeys(readers))
    past = _past(session, ctx, wanted)
    lacking = [reader for reader in wanted if reader in urgent or not past[reader].pending]
    _read_recent(session, ctx, lacking, past, now)
    return enqueue_many(session, _rows(ctx, people, lacking, past, now, urgent, hold))


def _rows(
    ctx: Context,
    people: People,
    readers: list[Reader],
    history: dict[Reader, _Past],
    now: datetime,
    urgent: Mapping[Reader, bool],
    hold: timedelta,
) -> Iterator[dict[str, Any]]:
    channel = ctx.policy.channels.security
    most = ctx.policy.attention.messages_per_person_per_day
    for reader in readers:
        past = history[reader]
        anytime = urgent.get(reader)
        earliest = now if anytime else now + hold
        working, into = people.working_time(reader), people.into_the_day(reader)
        not_before = one_more(past, earliest, working, most=most, into=into, anytime=anytime)
        if not_before is None:
            continue
        to = f"channel:{channel}" if reader is None else str(reader)
        yield {
            "dedupe_key": f"ask:{to}:{past.total}",
            "card": CARD,
            "lane": ctx.lane,
            "person_id": reader,
            "channel": channel if reader is None else "",
            "not_before": not_before,
            "created_at": now,
            "priority": ROUTINE if anytime is None else URGENT,
        }


@dataclass(slots=True)
class _Past(Messages):
    """What was already put in the outbox for a reader."""

    total: int = 0


def _past(session: Session, ctx: Context, readers: list[Reader]) -> dict[Reader, _Past]:
    found: dict[Reader, _Past] = defaultdict(_Past)
    for target in _targets(session, ctx, readers):
        totals = select(OUTBOX.c.person_id, func.count()).where(*target).group_by(OUTBOX.c.person_id)
        for reader, total in session.connection().execute(totals).all():
            found[reader].total = total
        for row in session.connection().execute(_held(target)).all():
            past = found[row.person_id]
            past.pending = True
            if row.priority == URGENT:
                past.urgent_at = min(past.urgent_at or row.not_before, row.not_before)
    return found


def _held(target: list[ColumnElement[bool]]) -> Select[Any]:
    """The messages that wait, held until we commit: whoever sends one from then on sees what we are about to commit.
    One that is being claimed right now does not count, since it may be written without it."""
    waiting = select(OUTBOX.c.person_id, OUTBOX.c.priority, OUTBOX.c.not_before)
    return waiting.where(*target, OUTBOX.c.state == "pending").with_for_update(skip_locked=True)


def _read_recent(
    session: Session, ctx: Context, readers: list[Reader], past: dict[Reader, _Past], now: datetime
) -> None:
    for target in _targets(session, ctx, [reader for reader in readers if past[reader].total]):
        lately = select(OUTBOX.c.person_id, OUTBOX.c.not_before).where(
            *target,
            or_(OUTBOX.c.not_before >= now - _DAY, OUTBOX.c.state == "pending"),
            OUTBOX.c.state != "cancelled",
        )
        for reader, not_before in session.connection().execute(lately).all():
            past[reader].recent.append(not_before)


def _targets(session: Session, ctx: Context, readers: list[Reader]) -> Iterator[list[ColumnElement[bool]]]:
    """Conditions that find the questions to these readers: to persons, and to the security channel."""
    posts = [OUTBOX.c.card == CARD, OUTBOX.c.action == "post", OUTBOX.c.lane == ctx.lane]
    persons = [reader for reader in readers if reader is not None]
    if persons:
        yield [among(session, OUTBOX.c.person_id, persons), *posts]
    if None in readers:
        yield [OUTBOX.c.person_id.is_(None), OUTBOX.c.channel == ctx.policy.channels.security, *posts]

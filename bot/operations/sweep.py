"""The sweep: find every due token with all its reasons, and see that each has one open request.

It may run as often as anyone likes: what is open stays as it is, and a token is never asked about twice at once.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session

from bot.operations.asking import Reader
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.open_cases import keep_open_requests_true
from bot.operations.opening import (
    Opening,
    Planner,
    open_requests,
    plan_all,
    plan_at_rest,
    without_pointless_notices,
)
from bot.operations.tiering import bring_tiers_up_to_date
from bot.operations.urgency import tokens_in_incidents
from bot.rules.attention import caps_of_day, start_of_day, within_caps
from bot.rules.due import due_parameters, reason_names
from bot.rules.urgency import urgent_causes
from messages.wording.planning import first_run_ahead
from storage.due import DueRow, due_rows
from storage.requests import REQUEST

logger = logging.getLogger(__name__)

_BATCH = 1_000
_BATCH_BESIDE_OTHERS = 250
"""On PostgreSQL, where clicks go on beside a sweep: each may have to wait for one batch."""
_NEVER = datetime.max.replace(tzinfo=UTC)
SECURITY = "security"
"""The reviewer's name where nobody in person is asked."""


class DueToken(NamedTuple):
    """One line of ``whose sweep --json``. ``reviewer``: the e-mail of who is asked, or ``security``."""

    issuing_system: str
    external_id: str
    reasons: list[str]
    tier: str
    reviewer: str
    due_at: datetime


@dataclass(frozen=True)
class SweepReport:
    """What a sweep found and did. ``due`` is sorted by issuing system, then external id."""

    due: Sequence[DueToken]
    opened: int
    already_open: int
    deferred: int
    """Due, and left for a later day by the policy's caps."""
    withdrawn: int = 0
    first_run: bool = False
    """Before it, nobody had ever been asked anything."""

    @property
    def chosen(self) -> int:
        """Due, and asked about by this sweep (or, in a dry run, by the next)."""
        return len(self.due) - self.already_open - self.deferred


def sweep(
    ctx: Context, *, dry_run: bool = False, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> SweepReport:
    """Find what is due at ``ctx.now()`` and open what is missing, highest risk first, up to the policy's caps.

    Args:
        dry_run: find and plan only; nothing is written.
        progress: called with how many requests were opened, of how many.
    """
    now = ctx.now()
    if dry_run:
        with ctx.database.write() as session:
            bring_tiers_up_to_date(session, ctx)
            found = _look(session, ctx, now)
            session.rollback()
        return found.report(opened=0, withdrawn=0)
    with ctx.database.write() as session:
        policy_hash = bring_tiers_up_to_date(session, ctx)
    with ctx.database.read() as session:
        found = _look(session, ctx, now)
    if found.first_run and found.due:
        logger.info(first_run_ahead(len(found.due), len(found.chosen)))
    opened, size = 0, _BATCH if ctx.database.is_sqlite else _BATCH_BESIDE_OTHERS
    with plan_at_rest():
        for at in range(0, len(found.chosen), size):
            batch = found.chosen[at : at + size]
            with ctx.database.write() as session:
                people = found.people.within(session)
                opened += open_requests(session, ctx, people, batch, policy_hash=policy_hash, now=now, read_at=now)
            progress(at + len(batch), len(found.chosen))
    withdrawn = keep_open_requests_true(ctx, found.open_rows, found.token_ids, now)
    return found.report(opened=opened, withdrawn=withdrawn)


@dataclass(frozen=True)
class _Found:
    due: list[DueToken]
    token_ids: frozenset[int]
    open_rows: list[DueRow]
    """Due tokens that have an open request already."""
    fresh: int
    """Due tokens without one."""
    chosen: list[Opening]
    """Those of them that the caps let through now, in the order to open them."""
    people: People
    first_run: bool

    def report(self, *, opened: int, withdrawn: int) -> SweepReport:
        deferred = self.fresh - len(self.chosen)
        return SweepReport(self.due, opened, len(self.open_rows), deferred, withdrawn, self.first_run)


def _look(session: Session, ctx: Context, now: datetime) -> _Found:
    people = People(session, ctx, now)
    people.load_all()
    found = (without_pointless_notices(row) for row in due_rows(session, due_parameters(ctx.policy), now))
    # A token that came in since the tiers were brought up to date has none yet; the next sweep finds it.
    rows = sorted((row for row in found if row is not None and row.tier), key=_name)
    fresh = [row for row in rows if row.request_id is None]
    openings = plan_all(session, ctx, people, Planner(ctx.policy, people, now), fresh)
    return _Found(
        due=_lines(rows, openings, people),
        token_ids=frozenset(row.token_id for row in rows),
        open_rows=[row for row in rows if row.request_id is not None],
        fresh=len(fresh),
        chosen=_within_caps(session, ctx, openings, now),
        people=people,
        first_run=session.connection().execute(select(REQUEST.c.id).limit(1)).first() is None,
    )


def _name(row: DueRow) -> tuple[str, str]:
    return row.issuing_system, row.external_id


def _lines(rows: list[DueRow], openings: list[Opening], people: People) -> list[DueToken]:
    """One line a due token; what is asked already keeps its reader and its date."""
    planned = iter(openings)
    lines = []
    for row in rows:
        if row.request_id is None or row.due_at is None:
            opening = next(planned)
            reader, due_at = opening.reader, opening.due_at
        else:
            reader, due_at = row.waiting_on_id, row.due_at
        person = people.get(reader)
        reviewer = SECURITY if person is None else person.email
        names = reason_names(row.reasons)
        lines.append(DueToken(row.issuing_system, row.external_id, names, row.tier, reviewer, due_at))
    return lines


def _within_caps(session: Session, ctx: Context, openings: list[Opening], now: datetime) -> list[Opening]:
    """The riskiest first, up to the policy's caps for a day (UTC); the first day has caps of its own.

    What is urgent counts like everything else, and is let through whatever the caps say.
    """
    today = start_of_day(now)
    connection = session.connection()
    first: datetime | None = connection.execute(select(func.min(REQUEST.c.opened_at))).scalar()
    each, total = caps_of_day(ctx.policy.cap, first_day=first is None or first >= today)
    given: Counter[Reader] = Counter()
    opened_today = (
        select(REQUEST.c.waiting_on_id, func.count())
        .where(REQUEST.c.opened_at >= today)
        .group_by(REQUEST.c.waiting_on_id)
    )
    for reader, count in connection.execute(opened_today):
        given[reader] = count
    ordered = sorted(openings, key=_riskiest_first)
    chosen = within_caps(ordered, _reader, given, each=each, room=total - given.total())
    if len(chosen) < len(ordered):
        taken = {one.row.token_id for one in chosen}
        chosen += _urgent(session, ctx, [one for one in ordered if one.row.token_id not in taken], now)
    return chosen


def _urgent(session: Session, ctx: Context, held: list[Opening], now: datetime) -> list[Opening]:
    incidents = tokens_in_incidents(session, ctx, [one.row.token_id for one in held])
    tags = ",".join(ctx.policy.urgent.incident_tags)
    return [
        one
        for one in held
        if urgent_causes(ctx.policy.urgent, one.row.expires_at, tags if one.row.token_id in incidents else "", now)
    ]


def _reader(opening: Opening) -> Reader:
    return opening.reader


def _riskiest_first(opening: Opening) -> tuple[int, datetime, tuple[str, str]]:
    return riskiest_first(opening.tier.risk, opening.row)


def riskiest_first(risk: int, row: DueRow) -> tuple[int, datetime, tuple[str, str]]:
    """The order in which due tokens are asked about."""
    return -risk, row.expires_at or _NEVER, _name(row)

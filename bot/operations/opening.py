"""Opening attestation requests, many at once: the request, who was told, the record and the message, together."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from sqlalchemy import or_, select
from sqlmodel import Session

from bot.operations.asking import Reader, enqueue_asks
from bot.operations.context import Context
from bot.operations.describing import described
from bot.operations.directory import People
from bot.operations.records import accountable, token_part, told_part
from bot.operations.standing import standings
from bot.operations.urgency import tokens_in_incidents
from bot.operations.users import User, note_users, users_to_ask, users_told
from bot.rules.attention import Hours
from bot.rules.calendar import WorkingTime, add_business, next_working
from bot.rules.due import Reason, applies, reason_names
from bot.rules.durations import BusinessDuration
from bot.rules.ladder import Landing, Told, climb_from, wait_after
from bot.rules.people import Directory, Reached, reach
from bot.rules.policy import Policy, Tier
from bot.rules.policy_parts import Rung
from bot.rules.standing import Standing
from bot.rules.urgency import may_come_at_any_hour, urgent_causes
from storage.database import Moments, among, insert_rows, reserve_ids
from storage.due import DueRow
from storage.ledger.log import append, head, touched_since
from storage.ledger.record import Entry, RecordKind
from storage.requests import LADDER_STEP, OPEN_STATES, QUIET, REQUEST


@dataclass(frozen=True, slots=True)
class Opening:
    """How a due token's request would begin."""

    row: DueRow
    tier: Tier
    landing: Landing
    reader: Reader
    """Who is told first; None: the security channel."""
    due_at: datetime
    next_step_at: datetime

    @property
    def urgent(self) -> bool:
        return bool(self.row.reasons & Reason.EXPIRING)


class Roster(Directory, Hours, Protocol):
    """A directory that knows when people work."""


class Planner:
    """Works out openings at one moment. Results that many tokens share are worked out once."""

    def __init__(self, policy: Policy, people: Roster, now: datetime) -> None:
        self._policy = policy
        self._people = people
        self._now = now
        self._tiers = {tier.name: tier for tier in policy.tiers}
        self._owners: dict[int | None, Landing | None] = {}
        self._later: dict[tuple[BusinessDuration, WorkingTime, timedelta], datetime] = {}

    def needs_standing(self, row: DueRow) -> bool:
        """Whether more must be known than the service owner, since that person cannot simply be asked."""
        first = self._policy.ladder_of(self._tiers[row.tier]).steps[0]
        return first.tell != (Rung.OWNER,) or self._owner(row.service_owner_id) is None

    def plan(self, row: DueRow, standing: Standing | None) -> Opening:
        """``standing`` may be None only where :meth:`needs_standing` said so."""
        tier = self._tiers[row.tier]
        ladder = self._policy.ladder_of(tier)
        if standing is None:
            landing = self._owner(row.service_owner_id) or Landing(0, [Told(Rung.OWNER, row.service_owner_id)])
        else:
            landing = climb_from(0, ladder, standing, self._people)
        if not landing.told:
            # Nobody of the ladder can be told: security hears of it. The last step still has its time to come, and
            # whether somebody can be told there is looked at then.
            before_last = max(len(ladder.steps) - 2, 0)
            passed = [one for one in landing.passed if one[0] <= before_last]
            landing = Landing(before_last, [Told(Rung.SECURITY, None)], passed)
        reader = landing.told[0].person_id
        due_at = self._after(tier.grace, reader)
        if row.expires_at is not None and row.expires_at > self._now:
            due_at = min(due_at, row.expires_at)
        next_at = self._after(wait_after(landing.step, ladder, tier.grace), reader)
        return Opening(row, tier, landing, reader, due_at, next_at)

    def _owner(self, person_id: int | None) -> Landing | None:
        """Where the owner is told at once: one landing for all of that person's tokens. None: nobody can be."""
        if person_id not in self._owners:
            found = None if person_id is None else reach(person_id, self._people)
            landing = None
            if isinstance(found, Reached):
                landing = Landing(0, [Told(Rung.OWNER, found.person_id, found.stands_in_for)])
            self._owners[person_id] = landing
        return self._owners[person_id]

    def _after(self, amount: BusinessDuration, reader: Reader) -> datetime:
        """So much of the reader's working time from the moment they hear of it."""
        working, into = self._people.working_time(reader), self._people.into_the_day(reader)
        key = (amount, working, into)
        if key not in self._later:
            self._later[key] = add_business(next_working(self._now, working, into), amount, working)
        return self._later[key]


def plan_all(session: Session, ctx: Context, people: People, planner: Planner, rows: Sequence[DueRow]) -> list[Opening]:
    """An opening for each row, in their order."""
    unclear = [row.token_id for row in rows if planner.needs_standing(row)]
    known = standings(session, ctx, people, unclear)
    return [planner.plan(row, known.get(row.token_id)) for row in rows]


@contextmanager
def plan_at_rest() -> Iterator[None]:
    """For opening what was planned: what is there by now, above all a plan for every due token, is spared the garbage
    collector's visits meanwhile. Each of them takes longer than a batch, and they find nothing."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def open_requests(
    session: Session,
    ctx: Context,
    people: People,
    openings: Sequence[Opening],
    *,
    policy_hash: str,
    now: datetime,
    read_at: datetime,
) -> int:
    """Open a request for each, in the caller's transaction; returns how many.

    Left out are tokens that have an open request by now, or had one settled since ``read_at``, when the due tokens
    were read.
    """
    if not openings:
        return 0
    before = head(session)
    batch = _made_ready(session, ctx, people, openings, policy_hash, now)
    touched = touched_since(session, before)  # from here on nobody else opens or decides
    taken = _no_longer_due(session, [one.row.token_id for one in openings], read_at)
    if None in touched or not touched.isdisjoint(one.row.token_id for one in openings) or taken:
        openings = [one for one in openings if one.row.token_id not in taken]
        if not openings:
            return 0
        batch = _made_ready(session, ctx, people, openings, policy_hash, now)
    insert_rows(session, REQUEST, batch.requests, columns=_REQUEST_COLUMNS)
    insert_rows(session, LADDER_STEP, batch.steps)
    insert_rows(session, QUIET, batch.notices)
    note_users(session, batch.requests_of, batch.users, now)
    append(session, batch.entries, ctx.now)
    readers = {told.person_id for one in openings for told in one.landing.told}
    readers |= {one.asked_id for asked in batch.users.values() for one in asked if one.asked_id is not None}
    by_id = sorted(readers, key=lambda one: one or 0)
    enqueue_asks(session, ctx, people, by_id, now=now, urgent=batch.urgent)
    return len(openings)


class _Batch(NamedTuple):
    """All that can be known of a batch before the ledger is locked, where clicks wait for it."""

    requests_of: list[tuple[int, int]]
    """Request and token."""
    requests: list[tuple[Any, ...]]
    steps: list[tuple[Any, ...]]
    notices: list[tuple[Any, ...]]
    users: dict[int, list[User]]
    entries: list[Entry]
    urgent: dict[Reader, bool]


def _made_ready(
    session: Session, ctx: Context, people: People, openings: Sequence[Opening], policy_hash: str, now: datetime
) -> _Batch:
    pairs = list(zip(reserve_ids(session, REQUEST, len(openings)), openings, strict=True))
    requests_of = [(request_id, one.row.token_id) for request_id, one in pairs]
    users = users_to_ask(session, ctx, people, requests_of)
    return _Batch(
        requests_of,
        _request_rows(session, pairs, policy_hash, now),
        _step_rows(session, pairs, now),
        _notice_rows(session, pairs),
        users,
        _entries(session, ctx, people, pairs, policy_hash, users),
        _urgent_readers(session, ctx, openings, now),
    )


def _urgent_readers(session: Session, ctx: Context, openings: Sequence[Opening], now: datetime) -> dict[Reader, bool]:
    """For whom something is urgent, and whether it may come at any hour."""
    rules = ctx.policy.urgent
    incidents = tokens_in_incidents(session, ctx, [one.row.token_id for one in openings])
    tags = ",".join(rules.incident_tags)
    found: dict[Reader, bool] = {}
    for one in openings:
        causes = urgent_causes(rules, one.row.expires_at, tags if one.row.token_id in incidents else "", now)
        if causes:
            found[one.reader] = found.get(one.reader, False) or may_come_at_any_hour(rules, causes)
    return found


def _no_longer_due(session: Session, token_ids: list[int], read_at: datetime) -> set[int]:
    query = select(REQUEST.c.token_id).where(
        among(session, REQUEST.c.token_id, token_ids),
        or_(REQUEST.c.state.in_(OPEN_STATES), REQUEST.c.settled_at >= read_at),
    )
    return set(session.connection().execute(query).scalars().all())


Pairs = Sequence[tuple[int, Opening]]


_OF_EACH = (
    "id",
    "token_id",
    "reasons",
    "tier",
    "risk",
    "due_at",
    "step",
    "next_step_at",
    "waiting_on_id",
    "waiting_role",
)


_SAME = {
    "state": "open",
    "version": 1,
    "round": 0,
    "handover_count": 0,
    "snooze_count": 0,
    "outcome": "",
}
_REQUEST_COLUMNS = (*_OF_EACH, *_SAME, "policy_hash", "opened_at")


def _request_rows(session: Session, pairs: Pairs, policy_hash: str, now: datetime) -> list[tuple[Any, ...]]:
    value = Moments(session)
    same = (*_SAME.values(), policy_hash, value(now))
    names = {mask: json.dumps(reason_names(mask)) for mask in {one.row.reasons for _, one in pairs}}
    made: list[tuple[Any, ...]] = []
    for request_id, one in pairs:
        made.append(
            (
                request_id,
                one.row.token_id,
                names[one.row.reasons],
                one.tier.name,
                one.tier.risk,
                value(one.due_at),
                one.landing.step,
                value(one.next_step_at),
                one.reader,
                one.landing.told[0].rung.value,
                *same,
            )
        )
    return made


def _step_rows(session: Session, pairs: Pairs, now: datetime) -> list[tuple[Any, ...]]:
    """One row for each who is told, and one for each rung that was passed over and why."""
    told_at = Moments(session)(now)
    ids = iter(reserve_ids(session, LADDER_STEP, sum(len(o.landing.told) + len(o.landing.passed) for _, o in pairs)))
    made: list[tuple[Any, ...]] = []
    for request_id, one in pairs:
        for number, rung, why in one.landing.passed:
            values = (next(ids), request_id, 0, number, rung.value, why.person_id, told_at, why.reason)
            made.append((*values, "unreachable", told_at))
        for told in one.landing.told:
            why_told = "delegate" if told.stands_in_for else told.rung.value
            values = (next(ids), request_id, 0, one.landing.step, told.rung.value, told.person_id, told_at, why_told)
            made.append((*values, "waiting", None))
    return made


def _notice_rows(session: Session, pairs: Pairs) -> list[tuple[Any, ...]]:
    """An expiry notice fires once for one expiry date: note that it has."""
    noticed = [(request_id, one.row) for request_id, one in pairs if one.row.reasons & Reason.EXPIRING]
    ids = reserve_ids(session, QUIET, len(noticed)) if noticed else []
    value = Moments(session)
    return [
        (quiet_id, row.token_id, "expiring", value(row.expires_at), row.notice_days, None, request_id)
        for quiet_id, (request_id, row) in zip(ids, noticed, strict=True)
    ]


def _entries(
    session: Session, ctx: Context, people: People, pairs: Pairs, policy_hash: str, users: Mapping[int, list[User]]
) -> list[Entry]:
    token_ids = [one.row.token_id for _, one in pairs]
    standing, called = standings(session, ctx, people, token_ids), described(session, token_ids)
    authority = {"policy_id": ctx.policy.policy_id, "version": ctx.policy.version, "hash": policy_hash}
    entries = []
    for request_id, one in pairs:
        row = one.row
        details: dict[str, Any] = {
            "reasons": reason_names(row.reasons),
            "step": one.landing.step,
            "told": told_part(one.landing.told, people) + users_told(users.get(request_id, ()), people),
        }
        if one.landing.passed:
            details["passed"] = [f"{rung.value}:{why.reason}" for _, rung, why in one.landing.passed]
        entries.append(
            Entry(
                RecordKind.REQUEST_OPENED,
                reason="due",
                token_id=row.token_id,
                token=token_part(row.issuing_system, row.external_id, row.tier, row.expires_at) | called[row.token_id],
                request_id=request_id,
                accountable={"before": accountable(standing[row.token_id], people)},
                authority=authority,
                details=details,
            )
        )
    return entries


def without_pointless_notices(row: DueRow) -> DueRow | None:
    """The row without an expiry notice longer than the token's whole life; None: nothing else makes it due."""
    if not row.reasons & Reason.EXPIRING or row.expires_at is None:
        return row
    if applies(row.notice_days, row.created_at, row.expires_at):
        return row
    left = row.reasons & ~int(Reason.EXPIRING)
    return row._replace(reasons=left, notice_days=0) if left else None

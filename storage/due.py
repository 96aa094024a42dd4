"""The due query: every token that is due with all its reasons, as one UNION over partial indexes.

Every cutoff of a policy is a parameter of its own, one set a tier: joined tables of cutoffs made PostgreSQL scan. What
they are is known when the query runs; putting it together takes longer than running it over 10,000 tokens, so that is
done once a policy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlmodel import Session

from storage.database import UTCDateTime, driver_rows, is_sqlite, read_moment
from storage.due_parameters import DueParameters
from storage.inventory import TOKEN, VENDOR
from storage.people import PERSON
from storage.prepared import one_of
from storage.requests import OPEN_STATES, QUIET, REQUEST


def _written(value: str | int) -> ColumnElement[Any]:
    """A constant of ours, written into the statement: a hundred of them as parameters would be converted each time."""
    return literal_column(repr(value))


# As the partial indexes have them: with parameters, SQLite would read every token's row to check again.
_IS_ACTIVE = TOKEN.c.state == _written("active")
_IS_TIERED = TOKEN.c.tier != _written("")
_IS_OPEN = REQUEST.c.state.in_([_written(state) for state in OPEN_STATES])
_LEAVING = [_written(status) for status in ("offboarding", "offboarded")]
_ONLY = "only"
_PAGE = 2_000  # rows held at a time

ANY_REASON = "*"
"""A quiet row for every reason of a token, for as long as its expiry date stays the same."""


class DueRow(NamedTuple):
    """A due token. ``reasons`` is a sum of the bits of ``bot.rules.due.Reason``; ``notice_days`` 0: no notice."""

    token_id: int
    issuing_system: str
    external_id: str
    tier: str
    reasons: int
    notice_days: int
    service_owner_id: int | None
    request_id: int | None
    waiting_on_id: int | None
    created_at: datetime | None
    expires_at: datetime | None
    due_at: datetime | None


# The bits, in the order of ``bot.rules.due.Reason`` (a test holds the two together).
_BITS = {
    "never_attested": 1,
    "attestation_overdue": 2,
    "expiring": 4,
    "expired": 8,
    "no_expiry": 16,
    "outlives_contract": 32,
    "contract_ended": 64,
    "owner_missing": 128,
    "owner_left": 256,
    "unused": 512,
}


class _Days(dict[int, BindParameter[datetime]]):
    """``at[days]`` is the moment so many days after the one of the query (before it, where negative)."""

    def __missing__(self, days: int) -> BindParameter[datetime]:
        name = f"before_{-days}" if days < 0 else f"after_{days}"
        self[days] = bindparam(name, type_=UTCDateTime())
        return self[days]


def due_rows(
    session: Session, parameters: DueParameters, now: datetime, only: Collection[int] | None = None
) -> Iterator[DueRow]:
    """Every token due at ``now`` with all its reasons, in no particular order.

    A reason that was answered stays out while it is quiet, unless a request for the token is open: that request
    keeps naming why it came.

    Args:
        only: ids of the tokens to look at; None: all of them.
    """
    statement, days = _statement(parameters, None if only is None else is_sqlite(session))
    cutoffs: dict[str, Any] = {name: now + timedelta(days=after) for name, after in days.items()}
    if only is not None:
        cutoffs[_ONLY] = list(only)
    moment = read_moment(session)
    # Spelt out: over 75,000 rows, a starred expression takes a tenth of the time of the query itself.
    for token, system, name, tier, reasons, notice, owner, request, waiting_on, created, expires, due in driver_rows(
        session, statement, cutoffs, page=_PAGE
    ):
        yield DueRow(
            token,
            system,
            name,
            tier,
            reasons,
            notice,
            owner,
            request,
            waiting_on,
            moment(created),
            moment(expires),
            moment(due),
        )


@lru_cache(maxsize=16)
def _statement(parameters: DueParameters, some: bool | None) -> tuple[Select[Any], dict[str, int]]:
    """The query, its columns as in :class:`DueRow`, and its parameters: name to days after the moment it asks for.

    Args:
        some: whether, for some tokens only, it is for SQLite; None: it is for all tokens.
    """
    at = _Days()
    branches = list(_branches(parameters, at))
    if some is not None:
        branches = [branch.where(one_of(TOKEN.c.id, _ONLY, sqlite=some)) for branch in branches]
    found = union_all(*branches).subquery("found")
    reasons = (
        select(
            found.c.id,
            func.sum(found.c.bit).label("reasons"),
            func.max(found.c.notice).label("notice_days"),
        )
        .group_by(found.c.id)
        .subquery("reasons")
    )
    lapsing = exists().where(
        QUIET.c.token_id == TOKEN.c.id,
        QUIET.c.reason == _written(ANY_REASON),
        QUIET.c.about_at.is_not_distinct_from(TOKEN.c.expires_at),
    )
    statement = (
        select(
            TOKEN.c.id,
            TOKEN.c.issuing_system,
            TOKEN.c.external_id,
            TOKEN.c.tier,
            reasons.c.reasons,
            reasons.c.notice_days,
            TOKEN.c.service_owner_id,
            REQUEST.c.id,
            REQUEST.c.waiting_on_id,
            TOKEN.c.created_at,
            TOKEN.c.expires_at,
            REQUEST.c.due_at,
        )
        .select_from(reasons)
        .join(TOKEN, TOKEN.c.id == reasons.c.id)
        .outerjoin(REQUEST, and_(REQUEST.c.token_id == TOKEN.c.id, _IS_OPEN))
        .where(or_(REQUEST.c.id.is_not(None), ~lapsing))
    )
    return statement, {bind.key: days for days, bind in at.items()}


def _branches(parameters: DueParameters, at: _Days) -> Iterator[Select[Any]]:
    """One SELECT a reason (and tier, where the policy's cutoff differs), each over its own partial index."""
    now = at[0]
    expires = TOKEN.c.expires_at
    idle_since = func.coalesce(TOKEN.c.last_used_at, TOKEN.c.created_at)
    for tier in parameters.tiers:
        here = and_(_IS_TIERED, TOKEN.c.tier == tier.name)
        yield _branch("never_attested", here, TOKEN.c.last_attested_at.is_(None))
        yield _branch("attestation_overdue", here, TOKEN.c.last_attested_at <= at[-tier.attest_every])
        for window in tier.notices:
            within = and_(here, expires > at[window.tighter], expires <= at[window.days])
            yield _branch("expiring", within, _asked(now, "expiring", expires, window.days), notice=window.days)
        yield _branch("expired", here, expires <= now, _asked(now, "expired", expires))
        if tier.ask_no_expiry:
            yield _branch("no_expiry", here, expires.is_(None), _asked(now, "no_expiry"))
        if tier.ask_unused:
            yield _branch("unused", here, idle_since <= at[-parameters.unused_after], _asked(now, "unused"))
    yield _branch("owner_missing", TOKEN.c.service_owner_id.is_(None))
    gone = select(PERSON.c.id).where(PERSON.c.active.is_(False))
    yield _branch("owner_left", TOKEN.c.service_owner_id.in_(gone))
    yield from _contract_branches(now, at[parameters.contract_notice])


def _contract_branches(now: BindParameter[datetime], notice_until: BindParameter[datetime]) -> Iterator[Select[Any]]:
    ends = VENDOR.c.contract_ends_at
    expires = TOKEN.c.expires_at
    for reason, holds in (
        # Two branches: within an OR, neither half could use the index.
        ("outlives_contract", expires > ends),
        ("outlives_contract", and_(expires.is_(None), ends <= notice_until)),
        ("contract_ended", or_(ends <= now, VENDOR.c.status.in_(_LEAVING))),
    ):
        # Vendors are few, tokens many. The sum keeps SQLite from beginning with the tokens.
        yield _branch(reason, holds, _asked(now, reason, ends)).join(VENDOR, VENDOR.c.id + 0 == TOKEN.c.vendor_id)


def _branch(reason: str, *holds: ColumnElement[bool], notice: int = 0) -> Select[Any]:
    return select(TOKEN.c.id, _written(_BITS[reason]).label("bit"), _written(notice).label("notice")).where(
        _IS_ACTIVE, *holds
    )


def _asked(
    now: BindParameter[datetime], reason: str, about: ColumnElement[Any] | None = None, threshold_days: int = 0
) -> ColumnElement[bool]:
    """Whether a reason is still to be asked about: not quiet for this instance of it, or asked about right now."""
    same: list[ColumnElement[bool]] = [
        QUIET.c.token_id == TOKEN.c.id,
        QUIET.c.reason == _written(reason),
        QUIET.c.threshold_days == _written(threshold_days),
        or_(QUIET.c.until.is_(None), QUIET.c.until > now),
    ]
    if about is not None:
        same.append(QUIET.c.about_at.is_not_distinct_from(about))
    open_request = exists().where(REQUEST.c.token_id == TOKEN.c.id, _IS_OPEN)
    return or_(~exists().where(*same), open_request)

"""The due query: every token that is due with all its reasons, as one UNION over partial indexes.

The caller turns a policy into literal cutoffs, one set a tier: joined tables of cutoffs made PostgreSQL scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, literal_column, or_, select, union_all
from sqlmodel import Session

from storage.due_parameters import DueParameters
from storage.inventory import TOKEN, VENDOR
from storage.people import PERSON
from storage.requests import OPEN_STATES, QUIET, REQUEST

# Literals, as the partial indexes have them: with parameters, SQLite would read every token's row to check again.
_IS_ACTIVE = TOKEN.c.state == literal_column("'active'")
_IS_OPEN = REQUEST.c.state.in_([literal_column(f"'{state}'") for state in OPEN_STATES])
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
    created_at: datetime | None
    expires_at: datetime | None
    request_id: int | None
    waiting_on_id: int | None
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


def due_rows(session: Session, parameters: DueParameters) -> Iterator[DueRow]:
    """Every due token with all its reasons, in no particular order.

    A reason that was answered stays out while it is quiet, unless a request for the token is open: that request
    keeps naming why it came.
    """
    found = union_all(*_branches(parameters)).subquery("found")
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
        QUIET.c.reason == ANY_REASON,
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
            TOKEN.c.created_at,
            TOKEN.c.expires_at,
            REQUEST.c.id,
            REQUEST.c.waiting_on_id,
            REQUEST.c.due_at,
        )
        .select_from(reasons)
        .join(TOKEN, TOKEN.c.id == reasons.c.id)
        .outerjoin(REQUEST, and_(REQUEST.c.token_id == TOKEN.c.id, _IS_OPEN))
        .where(or_(REQUEST.c.id.is_not(None), ~lapsing))
    )
    for page in session.connection().execute(statement, execution_options={"yield_per": _PAGE}).partitions():
        yield from map(DueRow._make, page)


def _branches(parameters: DueParameters) -> Iterator[Select[Any]]:
    """One SELECT a reason (and tier, where the policy's cutoff differs), each over its own partial index."""
    now = parameters.now
    expires = TOKEN.c.expires_at
    idle_since = func.coalesce(TOKEN.c.last_used_at, TOKEN.c.created_at)
    for tier in parameters.tiers:
        here = TOKEN.c.tier == tier.name
        yield _branch("never_attested", here, TOKEN.c.last_attested_at.is_(None))
        yield _branch("attestation_overdue", here, TOKEN.c.last_attested_at <= tier.attested_before)
        for window in tier.notices:
            within = and_(here, expires > window.after, expires <= window.until)
            yield _branch("expiring", within, _asked(now, "expiring", expires, window.days), notice=window.days)
        yield _branch("expired", here, expires <= now, _asked(now, "expired", expires))
        if tier.ask_no_expiry:
            yield _branch("no_expiry", here, expires.is_(None), _asked(now, "no_expiry"))
        if tier.ask_unused:
            yield _branch("unused", here, idle_since <= parameters.unused_before, _asked(now, "unused"))
    yield _branch("owner_missing", TOKEN.c.service_owner_id.is_(None))
    gone = select(PERSON.c.id).where(PERSON.c.active.is_(False))
    yield _branch("owner_left", TOKEN.c.service_owner_id.in_(gone))
    yield from _contract_branches(parameters)


def _contract_branches(parameters: DueParameters) -> Iterator[Select[Any]]:
    ends = VENDOR.c.contract_ends_at
    expires = TOKEN.c.expires_at
    for reason, holds in (
        # Two branches: within an OR, neither half could use the index.
        ("outlives_contract", expires > ends),
        ("outlives_contract", and_(expires.is_(None), ends <= parameters.contract_notice_until)),
        ("contract_ended", or_(ends <= parameters.now, VENDOR.c.status.in_(["offboarding", "offboarded"]))),
    ):
        # Vendors are few, tokens many. The sum keeps SQLite from beginning with the tokens.
        yield _branch(reason, holds, _asked(parameters.now, reason, ends)).join(
            VENDOR, VENDOR.c.id + 0 == TOKEN.c.vendor_id
        )


def _branch(reason: str, *holds: ColumnElement[bool], notice: int = 0) -> Select[Any]:
    return select(TOKEN.c.id, literal(_BITS[reason]).label("bit"), literal(notice).label("notice")).where(
        _IS_ACTIVE, *holds
    )


def _asked(
    now: datetime, reason: str, about: ColumnElement[Any] | None = None, threshold_days: int = 0
) -> ColumnElement[bool]:
    """Whether a reason is still to be asked about: not quiet for this instance of it, or asked about right now."""
    same: list[ColumnElement[bool]] = [
        QUIET.c.token_id == TOKEN.c.id,
        QUIET.c.reason == reason,
        QUIET.c.threshold_days == threshold_days,
        or_(QUIET.c.until.is_(None), QUIET.c.until > now),
    ]
    if about is not None:
        same.append(QUIET.c.about_at.is_not_distinct_from(about))
    open_request = exists().where(REQUEST.c.token_id == TOKEN.c.id, _IS_OPEN)
    return or_(~exists().where(*same), open_request)

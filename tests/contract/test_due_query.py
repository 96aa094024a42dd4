"""The due query against the same rules written out in Python, over an inventory made at random, on both databases."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import insert, select
from sqlmodel import Session

from bot.rules.due import Reason, due_parameters
from bot.rules.policy import Policy, policy_hash, policy_to_json
from bot.rules.policy_file import default_policy_text, load_policy
from storage.database import Database, table_of
from storage.due import ANY_REASON, due_rows
from storage.inventory import TOKEN, VENDOR
from storage.people import PERSON
from storage.requests import OPEN_STATES, QUIET, REQUEST, PolicyVersion

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = load_policy(default_policy_text(), "the policy that ships")
DAYS = (-400, -200, -100, -30, -10, -1, 0, 1, 5, 7, 10, 14, 20, 30, 45, 200)


class Known(NamedTuple):
    """What the oracle may look at."""

    vendors: dict[int, Any]
    gone: set[int]
    quiet: dict[int, list[Any]]
    open_requests: dict[int, int]


def test_the_query_finds_what_the_rules_say(database: Database) -> None:
    for seed in (1, 2):
        with database.write() as session:
            _clear(session)
            _fill(session, random.Random(seed))
        with database.read() as session:
            found = {row.token_id: (row.reasons, row.notice_days, row.request_id) for row in _due(session)}
            expected = dict(_expected(session, POLICY))
        assert found == expected
        assert 50 < len(found) < 250


def _due(session: Session) -> Iterator[Any]:
    return due_rows(session, due_parameters(POLICY), NOW)


def _expected(session: Session, policy: Policy) -> Iterator[tuple[int, tuple[int, int, int | None]]]:
    rows = session.connection().execute
    known = Known(
        vendors={row.id: row for row in rows(select(VENDOR))},
        gone={row.id for row in rows(select(PERSON)) if not row.active},
        quiet={},
        open_requests={row.token_id: row.id for row in rows(select(REQUEST)) if row.state in OPEN_STATES},
    )
    for row in rows(select(QUIET)):
        known.quiet.setdefault(row.token_id, []).append(row)
    for token in rows(select(TOKEN).where(TOKEN.c.state == "active")):
        asked = token.id in known.open_requests
        reasons, notice = Reason(0), 0
        for reason, about, days in _holding(token, policy, known):
            if asked or not any(_silences(one, reason, about, days) for one in known.quiet.get(token.id, [])):
                reasons, notice = reasons | reason, max(notice, days if reason is Reason.EXPIRING else 0)
        lapsing = any(
            one.reason == ANY_REASON and one.about_at == token.expires_at for one in known.quiet.get(token.id, [])
        )
        if reasons and (asked or not lapsing):
            yield token.id, (int(reasons), notice, known.open_requests.get(token.id))


def _silences(quiet: Any, reason: Reason, about: datetime | None, days: int) -> bool:
    same = quiet.reason == str(reason.name).lower() and quiet.threshold_days == days
    about_it = about is _ANYTHING or quiet.about_at == about
    return same and about_it and (quiet.until is None or quiet.until > NOW)


_ANYTHING = datetime.max
"""The answer was not about a date."""
_NEVER_QUIET = Reason.NEVER_ATTESTED | Reason.ATTESTATION_OVERDUE | Reason.OWNER_MISSING | Reason.OWNER_LEFT


def _holding(token: Any, policy: Policy, known: Known) -> Iterator[tuple[Reason, datetime | None, int]]:
    """Each reason that holds, what it is about, and the notice."""
    tier = next(tier for tier in policy.tiers if tier.name == token.tier)
    expires = token.expires_at
    if token.last_attested_at is None:
        yield Reason.NEVER_ATTESTED, NOW, -1  # nothing silences it
    elif token.last_attested_at <= NOW - tier.attest_every * DAY:
        yield Reason.ATTESTATION_OVERDUE, NOW, -1
    if expires is None:
        if tier.ask_no_expiry:
            yield Reason.NO_EXPIRY, _ANYTHING, 0
    elif expires <= NOW:
        yield Reason.EXPIRED, expires, 0
    else:
        within = [days for days in tier.expiry_notices if expires <= NOW + days * DAY]
        if within:
            yield Reason.EXPIRING, expires, min(within)
    if token.service_owner_id is None:
        yield Reason.OWNER_MISSING, NOW, -1
    elif token.service_owner_id in known.gone:
        yield Reason.OWNER_LEFT, NOW, -1
    idle = token.last_used_at or token.created_at
    if tier.ask_unused and idle is not None and idle <= NOW - policy.unused_after * DAY:
        yield Reason.UNUSED, _ANYTHING, 0
    vendor = known.vendors.get(token.vendor_id)
    if vendor is not None:
        yield from _contract(vendor, expires, policy)


def _contract(vendor: Any, expires: datetime | None, policy: Policy) -> Iterator[tuple[Reason, datetime | None, int]]:
    ends = vendor.contract_ends_at
    if ends is not None and (ends <= NOW + policy.contract_notice * DAY if expires is None else expires > ends):
        yield Reason.OUTLIVES_CONTRACT, ends, 0
    if (ends is not None and ends <= NOW) or vendor.status in ("offboarding", "offboarded"):
        yield Reason.CONTRACT_ENDED, ends, 0


def _clear(session: Session) -> None:
    for table in (QUIET, REQUEST, TOKEN, VENDOR, PERSON):
        session.connection().execute(table.delete())


def _fill(session: Session, draw: random.Random) -> None:
    """20 people, 20 vendors, 250 tokens, and answers and requests about some of them."""

    def some(values: Any, none: float = 0.0) -> Any:
        return None if draw.random() < none else draw.choice(values)

    def day(none: float) -> datetime | None:
        return None if draw.random() < none else NOW + draw.choice(DAYS) * DAY

    stamps = {"created_at": NOW, "updated_at": NOW}
    write = session.connection().execute
    people = [
        {"id": i, "ref": f"p_{i}", "email": f"p{i}@example.com", "active": i % 5 != 0, "by_mention": False}
        | stamps
        | dict.fromkeys(("name", "timezone", "country", "subdivision", "workweek"), "")
        for i in range(1, 21)
    ]
    write(insert(PERSON), people)
    vendors = [
        {"id": i, "name": f"V{i}", "name_key": f"v{i}", "contract_ends_at": day(0.3), "by_mention": False}
        | stamps
        | {"status": some(["active", "active", "active", "offboarding", "offboarded"])}
        for i in range(1, 21)
    ]
    write(insert(VENDOR), vendors)
    for number in range(1, 251):
        expires_at, vendor = day(0.3), some(vendors, 0.2)
        token = {"issuing_system": "s", "external_id": f"t{number}", "state": some(["active"] * 9 + ["revoked"])}
        token |= {"tier": some([tier.name for tier in POLICY.tiers]), "expires_at": expires_at}
        token |= {"vendor_id": vendor and vendor["id"], "service_owner_id": some(range(1, 21), 0.1)}
        token |= {"last_attested_at": some([NOW - DAY, NOW - 100 * DAY, NOW - 400 * DAY], 0.2)}
        token |= {"last_used_at": day(0.5), "created_at": day(0.2), "recorded_at": NOW, "updated_at": NOW}
        write(insert(TOKEN).values(id=number, **_empty_texts(), **token))
        about = [expires_at, vendor and vendor["contract_ends_at"], None, NOW]
        for _ in range(draw.choice([0, 0, 1, 3])):
            quiet = {"token_id": number, "about_at": some(about), "until": some([NOW + DAY, NOW - DAY], 0.5)}
            quiet |= {"reason": some([ANY_REASON, *(str(r.name).lower() for r in Reason if r not in _NEVER_QUIET)])}
            write(insert(QUIET).values(threshold_days=some([0, 0, 30, 7, 14]), **quiet))
        if draw.random() < 0.2:
            _open(session, number, some([*OPEN_STATES, "settled"]))


def _empty_texts() -> dict[str, str]:
    names = ("display_name", "credential_type", "purpose", "environment", "data_classification", "data_scope", "scopes")
    more = ("rotation_method", "revocation_path", "secret_ref", "consumers", "held_by", "tags", "notes")
    return dict.fromkeys((*names, *more, "expected_cidrs", "expected_countries", "expected_hours"), "")


def _open(session: Session, token_id: int, state: str) -> None:
    fingerprint = policy_hash(POLICY)
    if session.get(PolicyVersion, fingerprint) is None:
        body = {"policy_id": "default", "version": "1", "body": policy_to_json(POLICY), "first_used_at": NOW}
        session.connection().execute(insert(table_of(PolicyVersion)).values(hash=fingerprint, **body))
    request = {"token_id": token_id, "state": state, "reasons": [], "tier": "high", "policy_hash": fingerprint}
    session.connection().execute(insert(REQUEST).values(opened_at=NOW, due_at=NOW, **request))

"""About two thousand tokens made at random: the sweep says the same on both databases, and what plain Python says."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import insert

from bot.operations.context import Context
from bot.operations.sweep import sweep
from bot.rules.policy import Policy, Tier, TokenFacts, tier_of
from storage.database import Database, table_of
from storage.inventory import OWNERSHIP, TOKEN, VENDOR
from storage.markers import note_synced
from storage.people import PERSON, ChatIdentity
from tests.contract.sweep_kit import LANE, POLICY
from tests.servers.fake_clock import MONDAY_MORNING as NOW

TOKENS, PEOPLE, VENDORS = 2_000, 40, 25
DAYS = [-400, -366, -365, -180, -91, -90, -89, -30, -1, 0, 1, 2, 3, 4, 7, 13, 14, 15, 29, 30, 31, 200, 500]
DAY = timedelta(days=1)


class Rows(NamedTuple):
    people: list[dict[str, Any]]
    vendors: list[dict[str, Any]]
    tokens: list[dict[str, Any]]
    owners: list[dict[str, Any]]


def test_both_databases_and_plain_python_agree(sqlite_database: Database, postgres_database: Database) -> None:
    rows = _made_up(random.Random(2026))
    found = []
    for database in (sqlite_database, postgres_database):
        _write(database, rows)
        found.append(sweep(Context(database, lambda: NOW, POLICY, LANE), dry_run=True).due)
    assert found[0] == found[1]
    said = [(one.issuing_system, one.external_id, one.reasons, one.tier, one.reviewer) for one in found[0]]
    expected = _expected(rows)
    assert said == expected
    assert TOKENS / 2 < len(said) < TOKENS  # some are due and some are not


# ------------------------------------------------------------------ what should come up


def _expected(rows: Rows) -> list[tuple[str, str, list[str], str, str]]:
    people = {row["id"]: row for row in rows.people}
    vendors = {row["id"]: row for row in rows.vendors}
    lines = []
    for token in rows.tokens:
        vendor = vendors.get(token["vendor_id"])
        held = {row["role"]: row["person_id"] for row in rows.owners if row["token_id"] == token["id"]}
        tier = _tier(token, vendor)
        reasons = _reasons(token, vendor, people.get(held.get("service_owner", 0)), tier, POLICY)
        if reasons and token["state"] == "active":
            reader = _reader(held, vendor, people)
            lines.append((token["issuing_system"], token["external_id"], reasons, tier.name, reader))
    return sorted(lines)


def _tier(token: dict[str, Any], vendor: dict[str, Any] | None) -> Tier:
    facts = TokenFacts(
        issuing_system=token["issuing_system"],
        environment=token["environment"],
        data_classification=token["data_classification"],
        customer_data=token["customer_data"],
        vendor=None if vendor is None else vendor["name"],
        no_expiry=token["expires_at"] is None,
    )
    return tier_of(POLICY, facts)


def _reasons(
    token: dict[str, Any], vendor: dict[str, Any] | None, owner: dict[str, Any] | None, tier: Tier, policy: Policy
) -> list[str]:
    expires, attested, made = token["expires_at"], token["last_attested_at"], token["created_at"]
    ends = None if vendor is None else vendor["contract_ends_at"]
    idle = token["last_used_at"] or made
    due = {
        "never_attested": attested is None,
        "attestation_overdue": attested is not None and NOW - attested >= tier.attest_every * DAY,
        "expiring": expires is not None and expires > NOW and _notice(expires, made, tier),
        "expired": expires is not None and expires <= NOW,
        "no_expiry": expires is None and tier.ask_no_expiry,
        "outlives_contract": ends is not None
        and (ends - NOW <= policy.contract_notice * DAY if expires is None else expires > ends),
        "contract_ended": vendor is not None and (vendor["status"] != "active" or (ends is not None and ends <= NOW)),
        "owner_missing": owner is None,
        "owner_left": owner is not None and not owner["active"],
        "unused": tier.ask_unused and idle is not None and NOW - idle >= policy.unused_after * DAY,
    }
    return [name for name, holds in due.items() if holds]


def _notice(expires: datetime, made: datetime | None, tier: Tier) -> bool:
    """The tightest notice that has come up, unless the token was never to live that long."""
    come_up = [days for days in tier.expiry_notices if expires - NOW <= days * DAY]
    return bool(come_up) and (made is None or expires - made >= min(come_up) * DAY)


def _reader(held: dict[str, int], vendor: dict[str, Any] | None, people: dict[int, dict[str, Any]]) -> str:
    """The first who can be told: owner, backup, vendor's owner, the managers above the owner, the security team."""
    answerable = held.get("service_owner") or held.get("backup_owner")
    rungs = [held.get("service_owner"), held.get("backup_owner"), vendor and vendor["relationship_owner_id"]]
    above = people.get(answerable or 0)
    seen = {answerable}
    while above is not None and above["manager_id"] not in seen:
        seen.add(above["manager_id"])
        rungs.append(above["manager_id"])
        above = people.get(above["manager_id"] or 0)
    for person_id in rungs:
        told = _told(people.get(person_id or 0), people)
        if told is not None:
            return str(told["email"])
    return "security"


def _told(person: dict[str, Any] | None, people: dict[int, dict[str, Any]]) -> dict[str, Any] | None:
    """The person, or whoever stands in while they are away; nobody in a circle of people who are away."""
    for _ in range(len(people)):
        if person is None or not person["active"]:
            return None
        if person["away_until"] is None or person["away_until"] <= NOW:
            return person
        person = people.get(person["delegate_id"] or 0)
    return None


# ------------------------------------------------------------------ an inventory made at random


def _made_up(draw: random.Random) -> Rows:
    stamps = {"created_at": NOW, "updated_at": NOW}

    def day(none: float) -> datetime | None:
        return None if draw.random() < none else NOW + draw.choice(DAYS) * DAY

    people: list[dict[str, Any]] = [
        dict.fromkeys(("timezone", "country", "subdivision", "workweek"), "")
        | {"id": one, "ref": f"p_{one}", "email": f"n{one}@example.com", "name": f"N {one}"}
        | {"active": draw.random() < 0.8, "by_mention": False}
        | {"away_until": draw.choice([None, None, None, NOW - DAY, NOW + 9 * DAY])}
        | {"manager_id": draw.choice([None, *range(1, PEOPLE + 1)])}
        | {"delegate_id": draw.choice([None, *range(1, PEOPLE + 1)])}
        | stamps
        for one in range(1, PEOPLE + 1)
    ]
    vendors: list[dict[str, Any]] = [
        {"id": one, "name": f"V{one}", "name_key": f"v{one}", "contract_ends_at": day(0.4), "by_mention": False}
        | {"status": draw.choice(["active"] * 5 + ["offboarding", "offboarded"])}
        | {"relationship_owner_id": draw.choice([None, *range(1, PEOPLE + 1)])}
        | stamps
        for one in range(1, VENDORS + 1)
    ]
    tokens, owners = [], []
    for number in range(1, TOKENS + 1):
        held = {
            role: draw.randint(1, PEOPLE)
            for role, share in (("service_owner", 0.9), ("backup_owner", 0.5))
            if draw.random() < share
        }
        owners += [{"token_id": number, "role": role, "person_id": one} for role, one in held.items()]
        tokens.append(
            {
                "id": number,
                "issuing_system": draw.choice(["aws", "AWS", "github", "ärzte"]),
                "external_id": f"{draw.choice('aBc_é')}{number}",
                "environment": draw.choice(["production", "staging", "development", "development", ""]),
                "data_classification": draw.choice(["public", "internal", "internal", "confidential", "restricted"]),
                "customer_data": draw.choice([True, False, False, None]),
                "vendor_id": draw.choice([None, None, *range(1, VENDORS + 1)]),
                "service_owner_id": held.get("service_owner"),
                "state": draw.choice(["active"] * 9 + ["revoked"]),
                "created_at": None if draw.random() < 0.1 else NOW - draw.choice([2, 20, 200, 800]) * DAY,
                "expires_at": NOW + 200 * DAY if draw.random() < 0.4 else day(0.2),
                "last_used_at": NOW - DAY if draw.random() < 0.6 else day(0.5),
                "last_attested_at": NOW - DAY if draw.random() < 0.7 else day(0.4),
            }
        )
    return Rows(people, vendors, tokens, owners)


def _write(database: Database, rows: Rows) -> None:
    texts = ("display_name", "credential_type", "purpose", "data_scope", "scopes", "rotation_method", "tags", "notes")
    more = ("revocation_path", "secret_ref", "consumers", "held_by", "tier", "expected_cidrs", "expected_countries")
    blank = dict.fromkeys((*texts, *more, "expected_hours"), "") | {"recorded_at": NOW, "updated_at": NOW}
    nobody = {"manager_id": None, "delegate_id": None}
    here = {"platform": "slack", "workspace": "T1", "deactivated": False, "dm_channel": ""}
    with database.write() as session:
        write = session.connection().execute
        note_synced(session, LANE, NOW)
        write(insert(PERSON), [row | nobody for row in rows.people])
        for row in rows.people:  # only now is everybody there to be named
            chain = {"manager_id": row["manager_id"], "delegate_id": row["delegate_id"]}
            write(PERSON.update().where(PERSON.c.id == row["id"]).values(**chain))
        accounts = [{"person_id": row["id"], "user_id": f"U{row['id']}"} | here for row in rows.people]
        write(insert(table_of(ChatIdentity)), accounts)
        write(insert(VENDOR), rows.vendors)
        write(insert(TOKEN), [blank | row for row in rows.tokens])
        write(insert(OWNERSHIP), [row | {"from_at": NOW, "source": "import"} for row in rows.owners])

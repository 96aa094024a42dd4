"""A made-up inventory in the database, written as fast as the driver can: the ground other benchmarks stand on.

Of every 1,000 tokens exactly 75 are due at :data:`NOW` under the policy that ships, spread evenly over all ten
reasons; the others are attested, used, owned, under contract and far from their expiry.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.tiering import bring_tiers_up_to_date
from bot.rules.policy_file import default_policy_text, load_policy
from storage.bulk import loading_tokens
from storage.database import Database, driver_value, insert_rows, reserve_ids
from storage.inventory import OWNERSHIP, OWNERSHIP_ROLES, TOKEN, VENDOR
from storage.people import PERSON
from storage.schema import create_all

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)  # a Monday morning
DUE_SHARE = 0.075
_PART = 20_000
_DAY = timedelta(days=1)
_VENDORS = 300
_ENDED, _ENDING = 1, 2
"""The vendors by id whose contract is over, and whose contract ends before their tokens do."""

Moment = Callable[[datetime | None], Any]


def context(database: Database) -> Context:
    """The policy that ships, at :data:`NOW`."""
    policy = load_policy(default_policy_text(), "the policy that ships")
    return Context(database, lambda: NOW, policy, "slack:T0123")


def fill(database: Database, tokens: int, owners: int, *, all_due: bool = False) -> None:
    """Make the tables and put ``tokens`` and ``owners`` into them, with one more person, who has left.

    Args:
        database: an empty one.
        all_due: every token is due, since nobody has attested it yet; otherwise :data:`DUE_SHARE` of them are.
    """
    create_all(database)
    with database.write() as session:
        moment = _moments(session)
        _insert(session, PERSON, (_person(i, owners, moment) for i in range(1, owners + 2)))
        _insert(session, VENDOR, (_vendor(i, moment) for i in range(1, _VENDORS + 1)))
        ids = reserve_ids(session, TOKEN, tokens)
        with loading_tokens(session, rows=tokens, after_id=0):
            for at in range(0, tokens, _PART):
                made = [_token(i, owners, moment, all_due=all_due) for i in ids[at : at + _PART]]
                _insert(session, TOKEN, made)
                _insert(session, OWNERSHIP, (row for token in made for row in _ownerships(token, owners, moment)))
            bring_tiers_up_to_date(session, context(database))
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")  # what autovacuum would have done by the time of a sweep


def _insert(session: Session, table: Table, made: Iterable[dict[str, Any]]) -> None:
    rows = list(made)
    insert_rows(session, table, [tuple(row.values()) for row in rows], columns=list(rows[0]))


def _moments(session: Session) -> Moment:
    @lru_cache(maxsize=100_000)
    def moment(at: datetime | None) -> Any:
        return driver_value(session, TOKEN.c.created_at, at)

    return moment


def _person(number: int, owners: int, moment: Moment) -> dict[str, Any]:
    return {
        "id": number,
        "ref": f"p_{number:024x}",
        "email": f"owner{number}@example.com",
        "name": f"Owner {number}",
        "timezone": ("Europe/Berlin", "America/New_York", "")[number % 3],
        "country": ("DE", "US", "")[number % 3],
        "subdivision": "",
        "workweek": "",
        "active": number <= owners,
        "by_mention": False,
        "created_at": moment(NOW),
        "updated_at": moment(NOW),
    }


def _vendor(number: int, moment: Moment) -> dict[str, Any]:
    ends = {_ENDED: NOW - 10 * _DAY, _ENDING: NOW + 60 * _DAY}.get(number, NOW + 900 * _DAY)
    return {
        "id": number,
        "name": f"Vendor {number}",
        "name_key": f"vendor {number}",
        "relationship_owner_id": number % 100 + 1,
        "status": "active",
        "contract_ends_at": moment(ends),
        "by_mention": False,
        "created_at": moment(NOW),
        "updated_at": moment(NOW),
    }


def _token(number: int, owners: int, moment: Moment, *, all_due: bool) -> dict[str, Any]:
    high = number % 3 == 0
    token: dict[str, Any] = {
        "id": number,
        "issuing_system": f"system-{number % 8}",
        "external_id": f"key-{number * 0x9E3779B1 & 0xFFFFFFFF:08x}",  # distinct, and in no order
        "display_name": f"Nightly sync {number}",
        "credential_type": ("pat", "oauth_client", "api_key")[number % 3],
        "vendor_id": number % (_VENDORS - 2) + 3,
        "purpose": f"Moves batch {number % 5000} to the warehouse",
        "environment": "production" if high else ("staging", "development")[number % 2],
        "data_classification": ("internal", "confidential")[number % 2],
        "customer_data": high,
        "data_scope": "orders, invoices",
        "scopes": "repo:read, repo:write",
        "created_at": NOW - timedelta(days=400 + number % 300, minutes=number % 1440),
        "expires_at": NOW + timedelta(days=100 + number % 300, minutes=number % 1440),
        "last_used_at": NOW - timedelta(days=1 + number % 20, minutes=number % 1440),
        "last_attested_at": None if all_due else NOW - timedelta(days=1 + number % 80, minutes=number % 1440),
        "rotation_method": "manual",
        "revocation_path": f"https://tokens.example.com/{number % 50}",
        "secret_ref": "",
        "consumers": "",
        "held_by": "us",
        "expected_cidrs": "",
        "expected_countries": "",
        "expected_hours": "",
        "tags": ",crm,eu,",
        "notes": "",
        "service_owner_id": number % owners + 1,
        "state": "active",
        "tier": "",
        "recorded_at": NOW,
        "updated_at": NOW,
    }
    if not all_due and number * 7 % 1000 < 1000 * DUE_SHARE:
        token |= _due_for(number, owners)
    return {key: moment(value) if isinstance(value, datetime) else value for key, value in token.items()}


def _due_for(number: int, owners: int) -> dict[str, Any]:
    """What makes a token due, one reason after the other. High risk: only there does the policy ask for all of them."""
    reason: dict[str, Any] = (
        {"last_attested_at": None},
        {"last_attested_at": NOW - 500 * _DAY},
        {"expires_at": NOW + timedelta(days=6, minutes=number % 1440)},
        {"expires_at": NOW - timedelta(days=2, minutes=number % 1440)},
        {"expires_at": None},
        {"vendor_id": _ENDED},
        {"vendor_id": _ENDING},
        {"service_owner_id": None},
        {"service_owner_id": owners + 1},
        {"last_used_at": NOW - 200 * _DAY},
    )[number % 10]
    return {"environment": "production", "customer_data": True, **reason}


def _ownerships(token: dict[str, Any], owners: int, moment: Moment) -> Iterator[dict[str, Any]]:
    backup = (token["id"] + 1) % owners + 1
    for role, person in zip(OWNERSHIP_ROLES, (token["service_owner_id"], backup, backup), strict=True):
        if person is not None:
            yield {
                "token_id": token["id"],
                "person_id": person,
                "role": role,
                "from_at": moment(NOW),
                "source": "import",
            }


def main() -> None:
    """``python -m benchmarks.inventory URL TOKENS OWNERS``: in a process of its own, which takes its memory along."""
    url, tokens, owners = sys.argv[1:]
    database = Database(url)
    fill(database, int(tokens), int(owners))
    database.close()


if __name__ == "__main__":
    main()

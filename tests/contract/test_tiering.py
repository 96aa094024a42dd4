"""The tier in SQL is the tier in Python, whatever the policy says and the inventory holds."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select

from bot.operations.tiering import tier_case
from bot.rules.policy import Condition, Policy, TokenFacts, tier_of
from bot.rules.policy_file import default_policy_text, load_policy
from storage.database import Database
from storage.inventory import TOKEN, VENDOR

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
SHIPPED = load_policy(default_policy_text(), "default_policy.yaml")
#: Capital letters, letters that only Unicode folds, and what LIKE would take for a wildcard.
SYSTEMS = ["aws", "AWS", "Größe", "GRÖSSE", "İstanbul", "k%", "k_", "key"]
VENDORS = ["Acme", "ACME", "acme ltd", "Ärzte", "ärzte"]
KINDS = ["", "API key", "api KEY", "oauth", "'; --"]
TAGS = ["crm", "eu", "e_", "e%", "größe", "c"]
ENVIRONMENTS = ["production", "staging", "development"]
CLASSES = ["public", "internal", "confidential", "restricted"]


def test_sql_and_python_agree(database: Database) -> None:
    draw = random.Random(20260105)
    facts = _fill(database, draw)
    policies = [SHIPPED, *(_policy(draw) for _ in range(60))]
    for policy in policies:
        with database.read() as session:
            tier = tier_case(policy, sqlite=database.is_sqlite)
            found = {row[0]: row[1] for row in session.connection().execute(select(TOKEN.c.id, tier))}
        expected = {token_id: tier_of(policy, one).name for token_id, one in facts.items()}
        wrong = {token_id for token_id in expected if found[token_id] != expected[token_id]}
        assert not wrong, [(facts[one], found[one], expected[one], policy.tiers) for one in sorted(wrong)[:1]]


def _fill(database: Database, draw: random.Random) -> dict[int, TokenFacts]:
    stamps = {"recorded_at": NOW, "updated_at": NOW}
    facts: dict[int, TokenFacts] = {}
    vendors = [{"id": number, "name": name, "name_key": str(number)} for number, name in enumerate(VENDORS, 1)]
    names = dict(enumerate(VENDORS, 1))
    with database.write() as session:
        write = session.connection().execute
        write(insert(VENDOR), [row | {"status": "active", "by_mention": False} | _made() for row in vendors])
        for number in range(1, 301):
            vendor = draw.choice([None, *names])
            tags = tuple(sorted(draw.sample(TAGS, draw.choice([0, 0, 1, 2]))))
            columns: dict[str, Any] = {
                "issuing_system": draw.choice(SYSTEMS),
                "environment": draw.choice(["", *ENVIRONMENTS]),
                "data_classification": draw.choice(["", *CLASSES]),
                "customer_data": draw.choice([None, True, False]),
                "credential_type": draw.choice(KINDS),
                "held_by": draw.choice(["", "us", "vendor"]),
            }
            expires_at = draw.choice([None, NOW])
            row = columns | {
                "vendor_id": vendor,
                "expires_at": expires_at,
                "tags": f",{','.join(tags)}," if tags else "",
            }
            write(insert(TOKEN).values(id=number, external_id=str(number), **(_blank() | row | stamps)))
            facts[number] = TokenFacts(
                **columns, vendor=names.get(vendor or 0), tags=tags, no_expiry=expires_at is None
            )
    return facts


def _made() -> dict[str, Any]:
    return {"created_at": NOW, "updated_at": NOW}


def _blank() -> dict[str, Any]:
    texts = ("display_name", "purpose", "data_scope", "scopes", "rotation_method", "revocation_path", "secret_ref")
    more = ("consumers", "expected_cidrs", "expected_countries", "expected_hours", "notes", "tier")
    return dict.fromkeys((*texts, *more), "") | {"state": "active"}


# ------------------------------------------------------------------ policies made at random


def _policy(draw: random.Random) -> Policy:
    """Three tiers with conditions and one for the rest."""
    *_, last = SHIPPED.tiers
    tiers = [
        last.model_copy(update={"name": f"t{number}", "when": Condition.model_validate(_condition(draw))})
        for number in range(3)
    ]
    return SHIPPED.model_copy(update={"tiers": (*tiers, last)})


def _condition(draw: random.Random) -> dict[str, Any]:
    clauses = [_clause(draw) for _ in range(draw.choice([0, 0, 1, 3]))]
    return _clause(draw, least=0 if clauses else 1) | ({"any_of": clauses} if clauses else {})


def _clause(draw: random.Random, least: int = 1) -> dict[str, Any]:
    possible: dict[str, list[Any]] = {
        "environment": [*ENVIRONMENTS, None],
        "data_classification": [*CLASSES, None],
        "customer_data": [True, False, None],
        "issuing_system": SYSTEMS,
        "vendor": [*VENDORS, None],
        "credential_type": ["api key", "OAuth", "'; --", None],
        "held_by": ["us", "vendor", None],
        "tags": [*TAGS, None],
    }
    keys = draw.sample([*possible, "no_expiry"], draw.randint(least, 3))
    return {
        key: draw.choice([True, False])
        if key == "no_expiry"
        else draw.sample(possible[key], draw.randint(1, min(3, len(possible[key]))))
        for key in keys
    }

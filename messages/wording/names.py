"""What people, roles, tokens and vendors are called in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from messages.inert import one_line, short
from messages.view import Moment

if TYPE_CHECKING:
    from messages.cards.facts import TokenFacts

OFFICES = ("service_owner", "business_owner", "backup_owner", "vendor_relationship_owner")
"""The roles that somebody is named for, in the order to tell them."""
NAME = 60
"""Characters of a name that a sentence shows."""

_ROLES = {
    "owner": "service owner",
    "service_owner": "service owner",
    "business_owner": "business owner",
    "backup_owner": "backup owner",
    "vendor_relationship_owner": "vendor relationship owner",
    "manager": "manager",
    "security": "security team",
    "auditor": "auditor",
    "delegate": "delegate",
    "proposed_owner": "proposed owner",
    "handover": "proposed owner",
    "system": "policy",
    "policy": "policy",
}
_PLATFORMS = {"slack": "Slack", "teams": "Teams", "cli": "the command line"}
_ENVIRONMENTS = {"production": "production", "staging": "staging", "development": "development"}


def role(code: str) -> str:
    """A role in words; one that this release does not know is shown as it is."""
    return _ROLES.get(code) or short(code.replace("_", " "), 40)


def platform(code: str) -> str:
    """Where something was decided, or nothing where that is not worth saying."""
    return _PLATFORMS.get(code, "")


def token(facts: TokenFacts) -> str:
    """What a reader calls the token."""
    return short(facts.name, NAME) or short(facts.external_id, NAME) or "a token without a name"


def vendor(facts: TokenFacts) -> str:
    """The vendor's name, or words that do for it."""
    return short(facts.vendor, NAME) or "the vendor"


def person(name: str) -> str:
    """A person's name, or words that do for it."""
    return short(name, NAME) or "somebody"


def person_as(name: str, role_code: str) -> str:
    """``Ana Lima (service owner)``."""
    named = role(role_code)
    return f"{person(name)} ({named})" if named else person(name)


def actor(name: str, role_code: str) -> str:
    """Who did something on record, with their role; nobody: the policy did."""
    if not one_line(name):
        return "The policy"
    return person_as(name, role_code) if role_code else person(name)


def supply(facts: TokenFacts) -> str:
    """The vendor with those it came through: ``Drift, through Resell Ltd``."""
    chain = [short(parent, NAME) for parent in facts.vendor_chain if one_line(parent)]
    if not chain:
        return short(facts.vendor, NAME)
    return f"{vendor(facts)}, through {', '.join(chain[:3])}" + (" and others" if len(chain) > 3 else "")


def exposure(facts: TokenFacts) -> str:
    """Where it works and what it reaches: ``production, customer data, confidential``."""
    environment = _ENVIRONMENTS.get(facts.environment, short(facts.environment, 40))
    customers = {True: "customer data", False: "no customer data", None: ""}[facts.customer_data]
    return ", ".join(part for part in (environment, customers, short(facts.data_classification, 40)) if part)


def exposure_brief(facts: TokenFacts) -> str:
    """The same for one line of a list: only what raises the stakes."""
    environment = _ENVIRONMENTS.get(facts.environment, short(facts.environment, 20))
    return ", ".join(part for part in (environment, "customer data" if facts.customer_data else "") if part)


def on_day(at: datetime, zone: str) -> Moment:
    """A moment of which only the day matters."""
    return Moment(at, zone, "date")


def counted(number: int, one: str, many: str) -> str:
    """``1 token``, ``3 tokens``."""
    return f"{number:,} {one if number == 1 else many}"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def either(words: Sequence[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last

"""The company of the simulated year: its people in many zones, its policy, and what an inventory's import brings.

What an import changes in a year is written straight into the tables: when tokens were last used, and the new expiry
date of those that were rotated. Importing is measured elsewhere (``benchmarks/import_tokens.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, update

from benchmarks.inventory import NOW, fill
from bot.operations.context import Context
from bot.rules.policy import Policy
from bot.rules.policy_file import default_policy_text, load_policy
from storage.database import Database, among
from storage.inventory import TOKEN
from storage.people import CHAT_IDENTITY, PERSON

PLATFORM, TEAM = "slack", "T0123"
START = NOW
YEAR = timedelta(days=365)
SECURITY = (2, 3, 4)
"""Who answers what the security channel is told, by ``person.id``."""
NEVER_USED_AGAIN = 97
"""Of so many tokens one lies unused from the start on."""


class Home(NamedTuple):
    """Where somebody works. ``week``: weekdays, Monday = 0; ``written``: the same, as a people file says it."""

    zone: str
    country: str
    subdivision: str
    written: str
    week: frozenset[int]


_MON_FRI, _SUN_THU = frozenset(range(5)), frozenset((6, 0, 1, 2, 3))
HOMES = (
    Home("Europe/Berlin", "DE", "BY", "", _MON_FRI),
    Home("America/New_York", "US", "NY", "", _MON_FRI),
    Home("Asia/Kolkata", "IN", "", "mon-fri", _MON_FRI),
    Home("Europe/London", "GB", "ENG", "", _MON_FRI),
    Home("America/Los_Angeles", "US", "CA", "mon-fri", _MON_FRI),
    Home("Asia/Tokyo", "JP", "", "", _MON_FRI),
    Home("Australia/Sydney", "AU", "NSW", "", _MON_FRI),
    Home("America/Sao_Paulo", "BR", "SP", "mon-fri", _MON_FRI),
    Home("Africa/Cairo", "EG", "", "sun-thu", _SUN_THU),
    Home("Pacific/Auckland", "NZ", "", "", _MON_FRI),
    Home("Asia/Riyadh", "SA", "", "sun-thu", _SUN_THU),
    Home("America/St_Johns", "CA", "NL", "", _MON_FRI),
    Home("", "", "", "", _MON_FRI),  # nothing is known: the policy's own hours
)


def home_of(person_id: int) -> Home:
    return HOMES[person_id % len(HOMES)]


def account_of(person_id: int) -> str:
    return f"U{person_id:09d}"


def email_of(person_id: int) -> str:
    return f"owner{person_id}@example.com"


def policy(high: int, others: int) -> Policy:
    """The policy that ships, with a security team and other cadences.

    Args:
        high: days between two attestations of a token at high risk.
        others: the same for all others.
    """
    text = default_policy_text()
    text = re.sub(r"attest_every: 90d", f"attest_every: {high}d", text)
    text = re.sub(r"attest_every: (180|365)d", f"attest_every: {others}d", text)
    team = ", ".join(map(email_of, SECURITY))
    return load_policy(text.replace("security: []", f"security: [{team}]"), "the policy of the simulated year")


def found(database: Database, tokens: int, owners: int) -> None:
    """Put the inventory, the people with their homes and managers, and their accounts into an empty database.

    Of the tokens that would expire within the year, a third does.
    """
    fill(database, tokens, owners)
    people = range(1, owners + 1)
    with database.write() as session:
        connection = session.connection()
        values: dict[str, Any] = {
            name: bindparam(f"new_{name}") for name in ("timezone", "country", "subdivision", "workweek")
        }
        values["manager_id"] = bindparam("new_manager_id", type_=PERSON.c.manager_id.type)
        connection.execute(
            update(PERSON).where(PERSON.c.id == bindparam("person")).values(values),
            [_home_row(one) for one in people],
        )
        later = update(TOKEN).where(TOKEN.c.id % 3 != 1, TOKEN.c.expires_at.between(START + YEAR / 10, START + YEAR))
        connection.execute(later.values(expires_at=START + 1.5 * YEAR))
        account = {"platform": PLATFORM, "workspace": TEAM, "deactivated": False, "dm_channel": ""}
        connection.execute(
            insert(CHAT_IDENTITY), [{"person_id": one, "user_id": account_of(one)} | account for one in people]
        )


def _home_row(person_id: int) -> dict[str, object]:
    home = home_of(person_id)
    return {
        "person": person_id,
        "new_timezone": home.zone,
        "new_country": home.country,
        "new_subdivision": home.subdivision,
        "new_workweek": home.written,
        "new_manager_id": person_id // 10 or None,  # ten reports each; the first nine have nobody above them
    }


def import_again(database: Database, now: datetime, rotated: Collection[int]) -> None:
    """What an import of this day changes: uses, and the expiry dates of ``rotated`` tokens."""
    with database.write() as session:
        connection = session.connection()
        used = update(TOKEN).where(TOKEN.c.id % NEVER_USED_AGAIN != 0, TOKEN.c.last_used_at > now - YEAR / 2)
        connection.execute(used.values(last_used_at=now - timedelta(days=1)))
        if rotated:
            renewed = update(TOKEN).where(among(session, TOKEN.c.id, sorted(rotated)))
            connection.execute(renewed.values(expires_at=now + YEAR))


def context(database: Database, now: Callable[[], datetime], rules: Policy) -> Context:
    return Context(database, now, rules, f"{PLATFORM}:{TEAM}")

"""Is this installation in order? One finding a thing looked at, each with what to do where it is not.

The same checks answer ``/readyz``. What only the edges can see (a platform's token and scopes) is looked at by
``bot/wiring.py`` and joins the same list.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import WhoseError
from bot.rules.policy import Policy, policy_hash
from storage import migrations
from storage.database import Database
from storage.people import CHAT_IDENTITY, PERSON

#: Slack refuses a request, and a person stops believing a deadline, when clocks differ by more than this.
MOST_SKEW = timedelta(seconds=60)

Level = Literal["ok", "look", "wrong"]
"""``look``: it works, but somebody should know. ``wrong``: it does not work."""


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and what to do."""

    name: str
    level: Level
    said: str
    advice: str = ""


Check = Callable[[], Iterable[Finding]]


def examine(name: str, check: Check) -> list[Finding]:
    """Run a check; whatever keeps it from finishing is itself a finding."""
    try:
        return list(check())
    except WhoseError as error:
        return [Finding(name, "wrong", str(error))]
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
        return [Finding(name, "wrong", said, "See that DATABASE_URL names a running database that we may use.")]


def database_answers(database: Database, shown: str) -> Iterable[Finding]:
    """It can be reached, and how fast it answers. ``shown`` is its address without a password."""
    started = time.perf_counter()
    with database.read_engine.connect() as connection:
        connection.execute(text("SELECT 1")).scalar_one()
    yield Finding("database", "ok", f"{shown} answers in {(time.perf_counter() - started) * 1000:.1f} ms")


def tables_are_current(database: Database) -> Iterable[Finding]:
    """Its tables are those of this release, or of a newer one that says that they do for this one."""
    current, head = migrations.current_revision(database), migrations.head_revision()
    if current == head:
        yield Finding("tables", "ok", f"at revision {head}")
    elif current is None:
        yield Finding("tables", "wrong", "there are none yet", "Run `whose migrate`.")
    elif migrations.knows(current):
        yield Finding(
            "tables", "wrong", f"at revision {current}, and this release needs {head}", "Run `whose migrate`."
        )
    elif migrations.does_for_us(database, current):
        yield Finding("tables", "ok", f"at revision {current}, which is a newer release's; this one can work with it")
    else:
        yield Finding(
            "tables",
            "wrong",
            f"at revision {current}, which is a newer release's",
            "Run that release, or restore the backup that was taken before it.",
        )


def policy_is_usable(policy: Policy, name: str) -> Iterable[Finding]:
    """What is in force, and whether its last resort is anybody."""
    yield Finding("policy", "ok", f"{name}: {policy.policy_id} {policy.version} ({policy_hash(policy)[:12]})")
    if not policy.people_in("security"):
        yield Finding(
            "policy",
            "look",
            "nobody is listed under roles: security, so nobody decides when every other rung stays silent",
            "List the security team's e-mail addresses in the policy.",
        )


def policy_names_known_people(database: Database, policy: Policy) -> Iterable[Finding]:
    """Addresses in the policy belong to people of the directory who are there."""
    addresses = {address for role in policy.roles for address in policy.people_in(role)}
    if not addresses:
        return
    with database.read() as session:
        active = select(PERSON.c.email).where(PERSON.c.email.in_(addresses), PERSON.c.active.is_(True))
        missing = sorted(addresses - set(session.connection().execute(active).scalars()))
    if missing:
        shown = ", ".join(missing[:5]) + (" and others" if len(missing) > 5 else "")
        advice = "Import them with a people file, or take them out of the policy."
        yield Finding("policy", "look", f"names people who are not in the directory or have left: {shown}", advice)


def people_can_be_reached(database: Database) -> Iterable[Finding]:
    """How many of the people have an account to write to."""
    has_account = (
        select(CHAT_IDENTITY.c.id)
        .where(CHAT_IDENTITY.c.person_id == PERSON.c.id, CHAT_IDENTITY.c.deactivated.is_(False))
        .exists()
    )
    with database.read() as session:
        active = select(func.count()).select_from(PERSON).where(PERSON.c.active.is_(True))
        everybody = session.connection().execute(active).scalar_one()
        reachable = session.connection().execute(active.where(has_account)).scalar_one()
    if everybody == 0:
        yield Finding("people", "look", "there are none yet", "Run `whose import people.csv tokens.csv`.")
    elif reachable == everybody:
        yield Finding("people", "ok", f"all {everybody} can be reached in chat")
    else:
        yield Finding(
            "people",
            "look",
            f"{reachable} of {everybody} can be reached in chat; what the others own goes to the next person",
            "Accounts are matched by e-mail address when the worker runs; see that the addresses are the same.",
        )


def clocks_agree(ours: datetime, theirs: datetime | None, whose: str) -> Iterable[Finding]:
    """Our clock against somebody else's; nothing where theirs is not known."""
    if theirs is None:
        return
    skew = abs(ours - theirs)
    if skew <= MOST_SKEW:
        yield Finding("clock", "ok", f"agrees with {whose} to within {MOST_SKEW.seconds} s")
    else:
        advice = "Set this machine's clock (NTP); Slack's requests are refused as too old or too new otherwise."
        yield Finding("clock", "wrong", f"differs from {whose} by {skew.total_seconds():.0f} s", advice)


def database_clock(database: Database) -> datetime | None:
    """The database server's time, UTC; None where it has no clock of its own (SQLite)."""
    if database.is_sqlite:
        return None
    with database.read_engine.connect() as connection:
        moment = connection.execute(text("SELECT now()")).scalar_one()
        assert isinstance(moment, datetime)
        return moment

"""What must hold at the end of the simulated year, asked of the database and of the workspace, not of the bot."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
from sqlalchemy import func, select

from benchmarks.lookup import percentile
from benchmarks.year.crowd import Post
from benchmarks.year.world import HOMES, home_of
from storage.database import Database
from storage.ledger.verify import verify_log
from storage.requests import DECISION, OPEN_STATES, REQUEST

_OPENS, _CLOSES = time(9), time(17, 30)
"""Of the policy that ships."""
_POLICY_HOURS = HOMES[-1]
"""The security channel's: the policy's own."""
_MOST_SHOWN = 5


class Check(NamedTuple):
    """Something that must hold, and what speaks against it."""

    name: str
    against: Sequence[str]


def every_check(database: Database, posts: Iterable[Post], known_leavers_written_to: Sequence[int]) -> list[Check]:
    """All that must hold."""
    return [
        Check("every request ended", unended(database)),
        Check("no message outside its reader's working hours", at_wrong_hours(posts)),
        Check("no message to somebody known to have left", [f"person {one}" for one in known_leavers_written_to]),
        Check("at most one open request a token", at_once(database)),
        Check("one settling decision a request", settled_twice(database)),
        Check("the ledger verifies", ledger_findings(database)),
    ]


def unended(database: Database) -> list[str]:
    """Requests that are neither settled nor withdrawn."""
    query = select(REQUEST.c.id, REQUEST.c.state, REQUEST.c.step, REQUEST.c.next_step_at)
    with database.read() as session:
        rows = session.connection().execute(query.where(REQUEST.c.state.in_(OPEN_STATES)).order_by(REQUEST.c.id))
        return [f"request {row.id}: {row.state}, step {row.step}, next {row.next_step_at}" for row in rows]


def at_wrong_hours(posts: Iterable[Post]) -> list[str]:
    """Worked out with the standard library and the list of holidays, without the bot's calendar."""
    return [f"person {one.person} at {one.at:%a %Y-%m-%d %H:%M} UTC" for one in posts if not _at_work(*one)]


def _at_work(person: int, at: datetime) -> bool:
    home = home_of(person) if person else _POLICY_HOURS
    local = at.astimezone(_zone(home.zone))
    free = _holidays(home.country, home.subdivision)
    return local.weekday() in home.week and _OPENS <= local.time() < _CLOSES and local.date() not in free


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name or "UTC")


@lru_cache
def _holidays(country: str, subdivision: str) -> frozenset[date]:
    if not country:
        return frozenset()
    years = range(2026, 2030)
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=years))


def at_once(database: Database) -> list[str]:
    """Requests that were opened while an earlier one about the same token had not ended."""
    before = func.lag(REQUEST.c.settled_at).over(partition_by=REQUEST.c.token_id, order_by=REQUEST.c.id)
    earlier = func.lag(REQUEST.c.id).over(partition_by=REQUEST.c.token_id, order_by=REQUEST.c.id)
    pairs = select(REQUEST.c.id, REQUEST.c.opened_at, before.label("ended"), earlier.label("earlier")).subquery()
    wrong = pairs.c.earlier.is_not(None) & (pairs.c.ended.is_(None) | (pairs.c.ended > pairs.c.opened_at))
    with database.read() as session:
        rows = session.connection().execute(select(pairs).where(wrong))
        return [f"request {row.id} beside {row.earlier}" for row in rows]


def settled_twice(database: Database) -> list[str]:
    query = select(DECISION.c.request_id).where(DECISION.c.settles).group_by(DECISION.c.request_id)
    with database.read() as session:
        rows = session.connection().execute(query.having(func.count() > 1))
        return [f"request {row.request_id}" for row in rows]


def ledger_findings(database: Database) -> list[str]:
    with database.read() as session:
        verdict = verify_log(session, in_processes=2)
    print(f"  the ledger has {verdict.size:,} records")
    return [str(one) for one in verdict.findings]


def show(checks: Iterable[Check]) -> bool:
    """Print them; whether all hold."""
    held = True
    for one in checks:
        held &= not one.against
        said = "held" if not one.against else f"MISSED {len(one.against):,} times"
        print(f"  {one.name}: {said}")
        for line in one.against[:_MOST_SHOWN]:
            print(f"    {line}")
    return held


def show_messages(posts: Sequence[Post], owners: int, since: datetime, until: datetime) -> None:
    """Messages per owner and week of the year, over all weeks of all owners; those to the channel by themselves."""
    weeks = (until - since) // timedelta(days=7)
    per_week = Counter((one.person, (one.at - since) // timedelta(days=7)) for one in posts if one.person)
    within = sorted(count for (_, week), count in per_week.items() if week < weeks)
    every = [0] * (owners * weeks - len(within)) + within
    per_day = Counter((one.person, one.at.astimezone(_zone(home_of(one.person).zone)).date()) for one in posts)
    a_day = max((count for (person, _), count in per_day.items() if person), default=0)
    for name, counts in (("all weeks", every), ("weeks with any", within)):
        if counts:
            p99 = percentile([*map(float, counts)], 0.99)
            print(
                f"  messages per owner and week, {name}: median {statistics.median(counts):g}  "
                f"p99 {p99:g}  max {counts[-1]}  mean {statistics.fmean(counts):.2f}"
            )
    to_channel = sum(not one.person for one in posts)
    print(f"  most to one owner on one day {a_day}; {to_channel:,} messages to the security channel")

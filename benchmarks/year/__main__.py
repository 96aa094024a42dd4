"""A year of a large company, simulated over the real code: sweeps, ladders, delivery and answers on a real database.

``python -m benchmarks.year [--owners N] [--tokens N] [--days N] [--seed N] [--high D] [--others D] [--quick]``.

Real are the database (an SQLite file, as durable as ever), ``sweep``, ``climb_ladder``, ``deliver`` with its cards,
``record_decision``, ``go_away`` and the directory sync. The chat platform is one in memory (``crowd.py``) that keeps
who got what and when, and the people are made up: they answer after hours or days, overlook, never answer, are away,
leave. The policy is the one that ships with other cadences, and a security team.

Time is pushed by the hour: each hour ladders climb and what is due is delivered; each day there is a sweep and a sync,
each week an import. Answers come at moments of their own in between. After the year nothing new is asked, and it goes
on until every request has ended.

It prints messages per owner and week, requests, decisions by kind, what took the time, and memory. Exit code 1: a
check of ``checks.py`` did not hold, or it took longer than ten minutes.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import func, select, text

from benchmarks.harness import measured, peak_mb
from benchmarks.places import place
from benchmarks.year import checks, world
from benchmarks.year.crowd import Crowd, Workspace
from bot.operations.climb_ladder import climb_ladder
from bot.operations.compose import composer, refusal_handler
from bot.operations.context import Context
from bot.operations.deliver import deliver
from bot.operations.sweep import sweep
from bot.operations.sync_directory import sync_directory
from storage.database import Database
from storage.requests import DECISION, OPEN_STATES, REQUEST

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_LONGEST_AFTER = timedelta(days=400)
"""How long the last requests may take to end after the year."""
_AIM_SECONDS = 600.0
Result = TypeVar("Result")


@dataclass
class Clock:
    """A time of day that stands still until it is set; never back."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def push(self, to: datetime) -> None:
        self.at = max(self.at, to)


class Spent:
    """Seconds and turns by what they went into."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.turns: Counter[str] = Counter()

    def on(self, name: str, work: Callable[[], Result]) -> Result:
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[name] += time.perf_counter() - start
            self.turns[name] += 1


class Year:
    """One run: the clock, the bot's jobs and the people."""

    def __init__(self, ctx: Context, clock: Clock, workspace: Workspace, crowd: Crowd) -> None:
        self.ctx, self.clock, self.workspace, self.crowd = ctx, clock, workspace, crowd
        self.spent = Spent()
        self.left: frozenset[int] = frozenset()
        """Who was known to have left at the last sync."""
        self.written_to_leavers: list[int] = []
        """Those of them whom a message was meant for later on."""
        self._compose, self._on_refused = composer(ctx), refusal_handler(ctx)

    def run(self, until: datetime, *, asking: bool) -> None:
        """Hour by hour until ``until``; without ``asking``, until nothing is open."""
        while self.clock.at < until and (asking or still_open(self.ctx.database)):
            self._hour(asking=asking)

    def _hour(self, *, asking: bool) -> None:
        tick = self.clock.at.replace(minute=0, second=0, microsecond=0) + _HOUR
        while (at := self.crowd.next_at()) is not None and at < tick:
            self.clock.push(at)
            self.spent.on("answers", self.crowd.act)
        self.clock.push(tick)
        if tick.hour == 0:
            self._new_day(asking=asking)
        self.spent.on("climb", lambda: climb_ladder(self.ctx))
        self.spent.on("deliver", self._deliver)

    def _new_day(self, *, asking: bool) -> None:
        gone = frozenset(self.workspace.closed)
        self.spent.on("directory", lambda: sync_directory(self.ctx, self.workspace))
        self.left = gone
        if not asking:
            return
        if self.clock.at.weekday() == 0:
            rotated, self.crowd.rotated = self.crowd.rotated, set()
            self.spent.on("import", lambda: world.import_again(self.ctx.database, self.clock.at, rotated))
        self.spent.on("sweep", lambda: sweep(self.ctx))

    def _deliver(self) -> None:
        self.workspace.turned_away.clear()
        wait: float | None = 0.0
        while wait == 0.0:
            report = deliver(self.ctx, self.workspace, self._compose, on_refused=self._on_refused, limit=10_000)
            if report.trouble or report.unknown:
                raise RuntimeError(f"a delivery in memory did not end well: {report}")
            wait = report.wait
        self.written_to_leavers += [one for one in self.workspace.turned_away if one in self.left]


def still_open(database: Database) -> int:
    query = select(func.count()).where(REQUEST.c.state.in_(OPEN_STATES))
    with database.read() as session:
        return int(session.connection().execute(query).scalar_one())


def show_requests(year: Year, seconds: float) -> None:
    """Requests and decisions by kind, and what the time went into."""
    database = year.ctx.database
    by_end = select(REQUEST.c.state, REQUEST.c.outcome, func.count()).group_by(REQUEST.c.state, REQUEST.c.outcome)
    by_kind = select(DECISION.c.kind, DECISION.c.role == "policy", func.count()).group_by(DECISION.c.kind, text("2"))
    with database.read() as session:
        ends = session.connection().execute(by_end.order_by(func.count().desc())).all()
        kinds = session.connection().execute(by_kind.order_by(func.count().desc())).all()
    print(f"  {sum(one[2] for one in ends):,} requests: " + ", ".join(f"{s} {o or '–'} {n:,}" for s, o, n in ends))
    named = [f"{kind}{' by the policy' if default else ''} {count:,}" for kind, default, count in kinds]
    print(f"  {sum(one[2] for one in kinds):,} decisions: " + ", ".join(named))
    refused = ", ".join(f"{code} {count:,}" for code, count in year.crowd.refusals.most_common())
    print(f"  answers that were refused: {refused or 'none'}")
    print(
        f"  {len(year.left):,} people left, {year.crowd.absences:,} told of an absence; "
        f"{len(year.workspace.readers):,} messages, {year.workspace.updates:,} updates of messages"
    )
    for name, spent in sorted(year.spent.seconds.items(), key=lambda one: -one[1]):
        turns = year.spent.turns[name]
        print(f"  {name:<10} {spent:8.1f} s  {spent / seconds:5.0%}  {turns:>8,} turns, {spent / turns * 1e3:8.2f} ms")


def simulate(database: Database, options: argparse.Namespace) -> bool:
    """Whether every check held, in time."""
    rules = world.policy(options.high, options.others)
    world.found(database, options.tokens, options.owners)
    clock = Clock(world.START)
    ctx = world.context(database, clock.now, rules)
    workspace = Workspace(world.PLATFORM, world.TEAM, clock.now, options.owners)
    until = world.START + options.days * _DAY
    with measured() as all_of_it:
        year = Year(ctx, clock, workspace, Crowd(ctx, workspace, options.owners, until, options.seed))
        year.run(until, asking=True)
        open_then = still_open(database)
        year.run(until + _LONGEST_AFTER, asking=False)
    print(f"{options.tokens:,} tokens, {options.owners:,} owners, {options.days} days, seed {options.seed}")
    print(f"  {open_then:,} requests were open at the end; the last ended {(clock.at - until).days} days later")
    show_requests(year, all_of_it.seconds)
    posts = list(workspace.posts())
    checks.show_messages(posts, options.owners, world.START, until)
    held = checks.show(checks.every_check(database, posts, year.written_to_leavers))
    in_time = all_of_it.seconds <= _AIM_SECONDS
    print(
        f"a year of {options.owners:,} owners: {all_of_it.seconds:.0f} s (processor {all_of_it.processor:.0f} s), "
        f"peak {peak_mb():.0f} MB; aim ≤ {_AIM_SECONDS:.0f} s ratio: {'held' if in_time else 'MISSED'}"
    )
    return held and in_time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--owners", type=int, default=10_000)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--high", type=int, default=180, help="days between two attestations at high risk")
    parser.add_argument("--others", type=int, default=365, help="the same for all other tokens")
    parser.add_argument("--quick", action="store_true", help="100 owners, 1,000 tokens, 120 days")
    options = parser.parse_args()
    if options.quick:
        options.owners, options.tokens, options.days = 100, 1_000, 120
    logging.disable(logging.ERROR)  # a message that a leaver cannot get any more is logged
    with place(postgres=False) as where:
        database = where.make("year")
        held = simulate(database, options)
        where.remove(database, "year")
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()

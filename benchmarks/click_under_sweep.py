"""From a signed click to its acknowledgement while a sweep opens 100,000 requests beside it, on PostgreSQL.

``python -m benchmarks.click_under_sweep [--requests N] [--owners N] [--every MS]``.

The web application, called in this process, takes a signed click on Re-attest every so many milliseconds, whether or
not the one before was answered, as people do; each is a decision that is committed before the acknowledgement. The
sweep is a process of its own: it looks for what is due, plans, and opens everything without a cap. Clicks before
it begins are shown for comparison. Aim: p99 under 100 ms during the sweep.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from sqlalchemy import func, insert, select
from starlette.types import ASGIApp

from benchmarks.click import SECRET, TEAM, click, click_on
from benchmarks.harness import peak_mb
from benchmarks.inventory import NOW, fill
from benchmarks.lookup import percentile
from benchmarks.places import place
from bot.operations.context import Context
from bot.operations.directory import People
from bot.operations.opening import Planner, open_requests, plan_all
from bot.operations.record_decision import record_decision
from bot.operations.sweep import sweep
from bot.operations.tiering import bring_tiers_up_to_date
from bot.rules.due import due_parameters
from bot.rules.policy_file import default_policy_text, load_policy
from bot.slack.app import SlackEdge, SlackSettings
from bot.slack.desk import Services
from bot.web import create_web_app
from messages.action_ref import ActionRef, Verb
from storage.database import Database
from storage.due import due_rows
from storage.people import CHAT_IDENTITY
from storage.requests import DECISION, REQUEST

AIM_MS = 100.0
_BEFORE = 200
_AHEAD = 3_000
"""Requests that are open before the sweep: what there is to click on."""


def context(database: Database) -> Context:
    """The shipped policy without caps, at the moment of the made-up inventory."""
    text = re.sub(r"(first_run_\w+|per_person_per_day|total_per_day): \d+", r"\1: 1000000", default_policy_text())
    return Context(database, lambda: NOW, load_policy(text, "the benchmark's policy"), f"slack:{TEAM}")


def prepare(database: Database, requests: int, owners: int) -> list[bytes]:
    """An inventory in which everything is due, and a click on each of the requests that are open already."""
    fill(database, requests + _AHEAD, owners, all_due=True)
    ctx = context(database)
    account = {"platform": "slack", "workspace": TEAM, "deactivated": False, "dm_channel": ""}
    with database.write() as session:
        session.connection().execute(
            insert(CHAT_IDENTITY),
            [account | {"person_id": one, "user_id": f"U{one:09d}"} for one in range(1, owners + 1)],
        )
        policy_hash = bring_tiers_up_to_date(session, ctx)
        people = People(session, ctx, NOW)
        people.load_all()
        # Without a form: a token at high risk is attested with a reason.
        due = [row for row in due_rows(session, due_parameters(ctx.policy), NOW) if row.tier == "low"][:_AHEAD]
        openings = plan_all(session, ctx, people, Planner(ctx.policy, people, NOW), due)
        open_requests(session, ctx, people, openings, policy_hash=policy_hash, now=NOW, read_at=NOW)
    query = select(REQUEST.c.id, REQUEST.c.version, REQUEST.c.waiting_on_id)
    with database.read() as session:
        rows = session.connection().execute(query).all()
    return [click_on(ActionRef(Verb.ATTEST, one.id, one.version), f"U{one.waiting_on_id:09d}") for one in rows]


async def press(app: ASGIApp, bodies: Iterator[bytes], every: float, while_true: Callable[[int], bool]) -> list[float]:
    """A click every so many seconds as long as ``while_true`` (given how many there were); the milliseconds of each."""
    pressed: list[asyncio.Task[float]] = []
    start = time.perf_counter()
    while while_true(len(pressed)):
        body = next(bodies, None)
        if body is None:
            break
        pressed.append(asyncio.create_task(click(app, body)))
        await asyncio.sleep(max(0.0, start + len(pressed) * every - time.perf_counter()))
    return list(await asyncio.gather(*pressed))


async def run(database: Database, url: str, bodies: list[bytes], every: float) -> bool:
    """Whether the aim held."""
    api = "http://127.0.0.1:9/api/"  # nobody listens there: what follows an acknowledgement is not measured
    edge = SlackEdge(context(database), SlackSettings("xoxb-x", SECRET, api_url=api), Services(record_decision))
    app = create_web_app(lambda: [], slack=edge.asgi())
    rest = iter(bodies)
    await press(app, rest, every, lambda count: count < _BEFORE // 4)
    calm = await press(app, rest, every, lambda count: count < _BEFORE)
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "benchmarks.click_under_sweep", "--sweep", url]) as process:
        busy = await press(app, rest, every, lambda _: process.poll() is None)
    took = time.perf_counter() - started
    await edge.replies.finish()
    if process.returncode:
        raise RuntimeError(f"the sweep ended with {process.returncode}")
    with database.read() as session:
        decided, opened = (session.connection().execute(select(func.count(c))).scalar_one() for c in _COUNTED)
    print(f"a sweep to {opened:,} requests took {took:.0f} s; {decided:,} decisions; peak {peak_mb():.0f} MB")
    return report("click before it", calm) and report("click to acknowledgement during it", busy, aim=AIM_MS)


_COUNTED = (DECISION.c.id, REQUEST.c.id)


def report(name: str, times: list[float], aim: float | None = None) -> bool:
    """Print how long the clicks took; whether their p99 is within the aim."""
    times = sorted(times)
    p99 = percentile(times, 0.99)
    held = aim is None or p99 <= aim
    said = "" if aim is None else f"  aim p99 ≤ {aim:.0f} ms: {'held' if held else 'MISSED'}"
    print(
        f"{len(times):,} × {name:<40} p50 {percentile(times, 0.5):6.1f} ms  p99 {p99:6.1f} ms"
        f"  longest {times[-1]:6.1f} ms{said}",
        flush=True,
    )
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000, help="that the sweep opens")
    parser.add_argument("--owners", type=int, default=10_000)
    parser.add_argument("--every", type=float, default=50.0, help="milliseconds between two clicks")
    parser.add_argument("--sweep", metavar="URL", help="only sweep the database that is there")
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    if options.sweep:
        database = Database(options.sweep)
        sweep(context(database))
        database.close()
        return
    with place(postgres=True) as where:
        database = where.make("clicked")
        bodies = prepare(database, options.requests, options.owners)
        held = asyncio.run(run(database, where.url("clicked"), bodies, options.every / 1000))
        where.remove(database, "clicked")
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()

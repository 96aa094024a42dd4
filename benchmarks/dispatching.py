"""How near the dispatcher keeps to the pace that a workspace permits, without ever being told that it is too fast.

``python -m benchmarks.dispatching [--seconds N] [--per-minute N]``.

The real worker with its pace sends over real HTTP to the strict workspace, which is a process of its own and counts:
more than the permitted posts in any 60 seconds, or two within a second in one place, and it answers 429. The permitted
posts a minute are what a pace may be set to less its burst, since a burst comes on top in the first minute. Every
message goes to somebody else, each is claimed, composed, sent and marked as ever; the database is an SQLite file.

Counted by the workspace's own log, after the first five seconds: posts a minute. Aims: at least 97 % of what is
permitted, and no 429.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import insert

from benchmarks.harness import peak_mb
from benchmarks.inventory import NOW, fill
from benchmarks.places import place
from bot.clock import AdjustableClock
from bot.operations.context import Context
from bot.operations.pace import Pacer
from bot.operations.sweep import sweep
from bot.rules.policy import Policy
from bot.rules.policy_file import default_policy_text, load_policy
from bot.sandbox.faults import RateLimiter
from bot.slack.directory import SlackDirectory
from bot.slack.sender import SlackSender
from bot.wiring.slack import Worker
from storage.database import Database
from storage.people import CHAT_IDENTITY
from tests.servers.workspace import BOT_TOKEN, running_workspace

AIM = 0.97
TEAM = "T000000001"
BURST = 5
_WARM_UP = 5.0
_FEWEST_OWNERS = 101
"""The made-up inventory's vendors have that many relationship owners."""


def policy() -> Policy:
    """The shipped one, without caps, and with working hours around the clock."""
    text = re.sub(r"(first_run_\w+|per_person_per_day|total_per_day): \d+", r"\1: 1000000", default_policy_text())
    text = text.replace("start: 09:00", "start: 00:00").replace("end: 17:30", "end: 23:59")
    return load_policy(text, "the benchmark's policy")


def _serve(pipe: Connection, people: int, per_minute: int) -> None:
    """A workspace with so many people, until told to stop; then says when it was posted to, and how often in vain."""
    with running_workspace(AdjustableClock(NOW).now) as slack:
        slack.workspace.limiter = RateLimiter(time.monotonic, per_minute=per_minute)
        slack.workspace.add_channel("security")
        users = [
            slack.workspace.add_user(f"Owner {one}", email=f"owner{one}@example.com", tz="UTC").id
            for one in range(1, people + 1)
        ]
        pipe.send((slack.url, users))
        pipe.recv()
        calls = slack.workspace.calls
        pipe.send(([one.time for one in calls.all("chat.postMessage", ok=True)], calls.count(ok=False)))


@contextmanager
def workspace(people: int, per_minute: int) -> Iterator[tuple[Connection, str, list[str]]]:
    """In a process of its own: its pipe, its address and its users."""
    processes = multiprocessing.get_context("spawn")
    here, there = processes.Pipe()
    server = processes.Process(target=_serve, args=(there, people, per_minute))
    server.start()
    try:
        url, users = here.recv()
        yield here, url, users
    finally:
        server.join(10)
        if server.is_alive():
            server.terminate()
            server.join()


def ask_everybody(database: Database, people: int, users: list[str], ctx: Context) -> None:
    """One token that is due, and so one message that waits, for each person."""
    fill(database, people, people, all_due=True)
    account: dict[str, Any] = {"platform": "slack", "workspace": TEAM, "deactivated": False, "dm_channel": ""}
    with database.write() as session:
        rows = [account | {"person_id": one, "user_id": user} for one, user in enumerate(users, start=1)]
        session.connection().execute(insert(CHAT_IDENTITY), rows)
    sweep(ctx)


def run(database: Database, seconds: float, per_minute: int) -> bool:
    """Whether both aims held."""
    people = max(_FEWEST_OWNERS, int(per_minute * (seconds + 2 * _WARM_UP) / 60) + BURST)
    ctx = Context(database, AdjustableClock(NOW).now, policy(), f"slack:{TEAM}")
    with workspace(people, per_minute) as (pipe, url, users):
        ask_everybody(database, people, users, ctx)
        pacer = Pacer(time.monotonic, per_minute={"post": per_minute - BURST, "update": 50.0}, burst=BURST)
        sender = SlackSender(ctx.lane, BOT_TOKEN, url)
        worker = Worker(ctx, sender, SlackDirectory(TEAM, BOT_TOKEN, url), pacer)
        end = threading.Timer(seconds + _WARM_UP, worker.stopping.set)
        on_processor = time.process_time()
        end.start()
        worker.deliver()
        end.cancel()
        on_processor = time.process_time() - on_processor
        pipe.send("stop")
        times, refused = pipe.recv()
    return report(times, refused, per_minute, on_processor)


def report(times: list[float], refused: int, per_minute: int, on_processor: float) -> bool:
    steady = [one for one in times if one >= times[0] + _WARM_UP]
    pace = (len(steady) - 1) / (steady[-1] - steady[0]) * 60
    busiest = max(sum(start <= one < start + 60 for one in times) for start in times[::10])
    held = pace >= AIM * per_minute and not refused
    took = steady[-1] - steady[0]
    print(
        f"dispatching, of {per_minute} a minute permitted              kept {pace:6.1f} over {took:.0f} s"
        f"  ratio {pace / per_minute:.3f}  aim ≥ {AIM}: {'held' if held else 'MISSED'}\n"
        f"  refused as too fast, or otherwise: {refused}; most within 60 s: {busiest};"
        f" {on_processor / len(times) * 1000:.1f} ms on the processor a message; peak {peak_mb():.0f} MB",
        flush=True,
    )
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=130.0, help="after a warm-up of five")
    parser.add_argument("--per-minute", type=int, default=300, help="what the workspace permits")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with place(postgres=False) as where:
        database = where.make("dispatching")
        held = run(database, options.seconds, options.per_minute)
        where.remove(database, "dispatching")
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()

"""From a signed click to its acknowledgement, with the decision committed in between, against the barest such app.

``python -m benchmarks.click --clicks 500``. Both sides are ASGI applications called in this process, with the same
signed ``block_actions`` payloads. The floor is Bolt with a handler that commits one row with fsync; ours verifies,
finds out who clicked and by what authority, and commits request, decision, ledger record and outbox rows.

The clicks come one at a time and eight at a time, in passes that alternate with the floor's. Ours then tells the
person what was recorded, in a message that begins with the acknowledgement. One at a time, that is waited for between
the clicks and measured by itself, since it is no part of the way to the acknowledgement; eight at a time it is part of
the work, beside the clicks that follow.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import logging
import random
import re
import sqlite3
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from sqlalchemy import func, insert, select
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.harness import Measured, measured, peak_mb, show_passes
from benchmarks.lookup import percentile, row
from bot.operations.context import Context
from bot.operations.record_decision import record_decision
from bot.operations.sweep import sweep
from bot.rules.policy import Policy
from bot.rules.policy_file import default_policy_text, load_policy
from bot.slack.app import SlackEdge, SlackSettings
from bot.slack.desk import Services
from messages.action_ref import ActionRef, Verb
from storage.database import Database
from storage.inventory import OWNERSHIP, TOKEN
from storage.people import CHAT_IDENTITY, PERSON
from storage.requests import DECISION, REQUEST
from storage.schema import create_all

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SECRET = "benchmark-signing-secret"
TEAM = "T000000001"
PASSES = 10
AIM = 1 / 0.6
"""Ours may take this many times the floor: at least 0.6 of its clicks."""


Settle = Callable[[], Awaitable[None]]
"""Ends what was begun after an acknowledgement."""


@dataclass
class Pass:
    """Some clicks: all together, each in milliseconds, and what followed their acknowledgements."""

    clicks: Measured = field(default_factory=Measured)
    times: list[float] = field(default_factory=list)
    after: Measured = field(default_factory=Measured)


def policy() -> Policy:
    """The shipped one, without a cap on the first run."""
    text = re.sub(r"(first_run_\w+|per_person_per_day|total_per_day): \d+", r"\1: 1000000", default_policy_text())
    return load_policy(text, "the benchmark's policy")


def office(database: Database, clicks: int) -> Context:
    """As many open requests as there will be clicks, ten to an owner."""
    draw = random.Random(20261123)
    create_all(database)
    since = NOW - timedelta(days=400)
    people = max(1, clicks // 10)
    empty = {"country": "", "subdivision": "", "workweek": "", "timezone": ""}
    with database.write() as session:
        connection = session.connection()
        made = {"active": True, "by_mention": False, "created_at": since, "updated_at": since}
        connection.execute(
            insert(PERSON),
            [person(one) | empty | made for one in range(1, people + 1)],
        )
        account = {"platform": "slack", "workspace": TEAM, "deactivated": False, "dm_channel": ""}
        connection.execute(
            insert(CHAT_IDENTITY),
            [{"person_id": one, "user_id": f"U{one:09d}", **account} for one in range(1, people + 1)],
        )
        tokens = [
            row(draw, number)
            | {
                "id": number + 1,
                "environment": "development",
                "data_classification": "internal",
                "service_owner_id": number % people + 1,
                "created_at": since,
            }
            for number in range(clicks)
        ]
        connection.execute(insert(TOKEN), tokens)
        held = {"role": "service_owner", "from_at": since, "source": "import"}
        owners = [{"token_id": one["id"], "person_id": one["service_owner_id"], **held} for one in tokens]
        connection.execute(insert(OWNERSHIP), owners)
    ctx = Context(database, lambda: NOW, policy(), f"slack:{TEAM}")
    sweep(ctx)
    return ctx


def person(number: int) -> dict[str, Any]:
    return {"id": number, "ref": f"p_{number:024x}", "email": f"o{number}@example.com", "name": f"Owner {number}"}


def payloads(database: Database) -> list[bytes]:
    """One signed-to-be click on Re-attest for each open request, by its owner."""
    query = select(REQUEST.c.id, REQUEST.c.version, REQUEST.c.waiting_on_id).where(REQUEST.c.state == "open")
    with database.read() as session:
        rows = session.connection().execute(query).all()
    return [click_on(ActionRef(Verb.ATTEST, one.id, one.version), f"U{one.waiting_on_id:09d}") for one in rows]


def click_on(action: ActionRef, user: str) -> bytes:
    text = {"type": "section", "text": {"type": "mrkdwn", "text": "Do you still stand behind it? " * 20}}
    message = {"type": "message", "ts": "1764000000.000100", "text": "…", "blocks": [text] * 4, "user": "UBOT"}
    pressed = {
        "type": "button",
        "action_id": action.action_id,
        "block_id": "b",
        "value": action.encode(),
        "action_ts": f"1764000001.{action.subject:06d}",
    }
    body = {
        "type": "block_actions",
        "team": {"id": TEAM, "domain": "example"},
        "user": {"id": user, "team_id": TEAM},
        "api_app_id": "A1",
        "container": {"type": "message", "message_ts": message["ts"], "channel_id": "D000000001"},
        "channel": {"id": "D000000001", "name": "directmessage"},
        "trigger_id": "1.2.3",
        "response_url": "http://127.0.0.1:9/nobody-listens-here",
        "message": message,
        "actions": [pressed],
    }
    return urlencode({"payload": json.dumps(body)}).encode()


def bare_app(path: Path) -> ASGIApp:
    """Bolt, and one row committed with fsync."""
    local = threading.local()

    def connection() -> sqlite3.Connection:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(path, isolation_level=None, timeout=5)
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                local.connection.execute(f"PRAGMA {pragma}")
        return local.connection  # type: ignore[no-any-return]

    connection().execute("CREATE TABLE clicked (id INTEGER PRIMARY KEY, value TEXT)")

    def commit(value: str) -> None:
        connection().execute("BEGIN IMMEDIATE")
        connection().execute("INSERT INTO clicked (value) VALUES (?)", (value,))
        connection().execute("COMMIT")

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token="xoxb-x", bot_user_id="UBOT")

    app = AsyncApp(authorize=authorize, signing_secret=SECRET, process_before_response=True)

    @app.action(re.compile("^whose:"))
    async def on_click(ack: Callable[..., Any], body: dict[str, Any]) -> None:
        await asyncio.to_thread(commit, body["actions"][0]["value"])
        await ack()

    handler = AsyncSlackRequestHandler(app)

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handler.handle(Request(scope, receive))
        await response(scope, receive, send)

    return asgi


async def click(app: ASGIApp, body: bytes) -> float:
    """Send one click; the milliseconds until its acknowledgement."""
    timestamp = str(int(time.time()))
    signed = hmac.new(SECRET.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/slack/events",
        "raw_path": b"/slack/events",
        "query_string": b"",
        "headers": [
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"x-slack-request-timestamp", timestamp.encode()),
            (b"x-slack-signature", b"v0=" + signed.encode()),
        ],
    }
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    start = time.perf_counter()
    await app(scope, receive, send)
    took = (time.perf_counter() - start) * 1000
    if status != 200:
        raise RuntimeError(f"a click was answered with {status}")
    return took


async def one_by_one(app: ASGIApp, bodies: Sequence[bytes], settle: Settle) -> Pass:
    """Click, and let what follows an acknowledgement end before the next click."""
    result = Pass()
    for body in bodies:
        with measured() as one:
            result.times.append(await click(app, body))
        with measured() as after:
            await settle()
        for total, part in ((result.clicks, one), (result.after, after)):
            total.seconds += part.seconds
            total.processor += part.processor
    return result


async def eight_at_once(app: ASGIApp, bodies: Sequence[bytes], settle: Settle) -> Pass:
    """Eight hands, each of which clicks on as soon as it is answered."""
    result = Pass()
    rest = iter(bodies)

    async def hand() -> None:
        for body in rest:
            result.times.append(await click(app, body))

    with measured() as result.clicks:
        await asyncio.gather(*(hand() for _ in range(8)))
        await settle()
    return result


async def nothing_follows() -> None:
    """The floor says nothing after its acknowledgement."""


async def run(folder: Path, count: int) -> bool:
    """Whether the aim held."""
    each = max(8, count // PASSES)
    database = Database(f"sqlite:///{folder / 'whose.db'}")
    ctx = office(database, (2 * PASSES + 1) * each)
    bodies = payloads(database)
    edge = SlackEdge(ctx, SlackSettings("xoxb-x", SECRET, api_url="http://127.0.0.1:9/api/"), Services(record_decision))
    ours, floor = edge.asgi(), bare_app(folder / "bare.db")
    parts = [bodies[at : at + each] for at in range(0, len(bodies), each)]
    held = True
    for play in (one_by_one, eight_at_once):
        mine, bare = [], []
        if play is one_by_one:  # neither side is measured while it is new
            await play(floor, parts[0], nothing_follows)
            await play(ours, parts.pop(0), edge.replies.finish)
        for _ in range(PASSES):
            bare.append(await play(floor, parts[0], nothing_follows))
            mine.append(await play(ours, parts.pop(0), edge.replies.finish))
        held &= report(f"{PASSES * each} clicks, {play.__name__.replace('_', ' ')}", mine, bare)
    with database.read() as session:
        settled = session.connection().execute(select(func.count(DECISION.c.id))).scalar()
    print(f"{settled:,} decisions are in the database; peak memory {peak_mb():.0f} MB")
    database.close()
    return held


def report(name: str, ours: Sequence[Pass], floor: Sequence[Pass]) -> bool:
    """Print what the passes took; whether the aim held."""
    held = show_passes(name, [one.clicks for one in ours], [one.clicks for one in floor], peak=peak_mb(), aim=AIM)
    for side, passes in (("ours", ours), ("floor", floor)):
        times = sorted(time for one in passes for time in one.times)
        print(f"  {side:<6} p50 {percentile(times, 0.5):6.2f} ms  p99 {percentile(times, 0.99):6.2f} ms")
    after = sum(one.after.seconds for one in ours) / sum(len(one.times) for one in ours)
    if after:
        print(f"  after an acknowledgement of ours {after * 1000:.2f} ms, in which nobody waits")
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=500)
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="whose-click-") as folder:
        held = asyncio.run(run(Path(folder), options.clicks))
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()

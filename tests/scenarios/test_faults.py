"""A fault proxy on both ways: calls are dropped, cut, delayed and refused, clicks come twice. Nothing gets lost."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from bot.operations.compose import composer, refusal_handler
from bot.operations.deliver import deliver
from bot.slack.sender import SlackSender
from messages.action_ref import Verb
from storage.database import Database
from storage.outbox import OUTBOX
from tests.servers.fake_clock import FakeClock
from tests.servers.fault_proxy import FaultProxy, Trouble
from tests.servers.office import Office, open_office_in_trouble

SEED = int(os.environ.get("WHOSE_CRASH_SEED", "20260105"))


def test_days_of_trouble(database: Database, clock: FakeClock, tmp_path: Path) -> None:
    with open_office_in_trouble(database, clock, tmp_path, random.Random(SEED)) as (office, out, back):
        out.rate = back.rate = 0.25
        until(office, out, lambda: bool(office.inbox("omar")) and bool(office.inbox("ana")))
        back.rate = 1.0
        attest(office, out, "omar", "ledger-sync")
        attest(office, out, "ana", "drift-dev")
        back.kinds = [Trouble.TWICE]
        attest(office, out, "ana", "drift-stage")
        for _ in range(3 * 12):
            clock.advance(timedelta(hours=2))
            tick(office, out)
        out.rate = back.rate = 0.0
        until(office, out, lambda: not in_work(office))

        assert sum(out.made.values()) > 10
        assert back.made[Trouble.TWICE] > 0
        for token in ("ledger-sync", "drift-dev", "drift-stage"):
            assert len(office.decisions(token)) == 1, token
        assert delivered(office) == Counter(sent_keys(office))


def tick(office: Office, out: FaultProxy) -> None:
    """A sweep, the ladders, and one pass over the outbox: a worker would wait for a clock that stands still."""
    office.worker.sweep()
    office.worker.climb()
    sender = SlackSender(office.ctx.lane, office.slack.bot_token, f"{out.url}/api/")
    deliver(office.ctx, sender, composer(office.ctx), on_refused=refusal_handler(office.ctx))


def attest(office: Office, out: FaultProxy, who: str, token: str) -> None:
    """Press until it is done, as people do who see that nothing happens."""
    for _ in range(40):
        message = office.inbox(who)[-1]
        button = f"whose:{Verb.ATTEST.value}:{office.request(token).id}"
        if button in str(message.blocks):
            office.slack.driver.click(office.accounts[who], message.channel, message.ts, button)
        if office.request(token).state == "settled":
            return
        tick(office, out)
        office.clock.advance(timedelta(minutes=2))
    raise AssertionError(f"{who} could not attest {token}")


def until(office: Office, out: FaultProxy, done: Callable[[], bool]) -> None:
    for _ in range(60):
        tick(office, out)
        if done():
            return
        office.clock.advance(timedelta(minutes=2))
    raise AssertionError("it does not come to an end")


def in_work(office: Office) -> bool:
    query = select(OUTBOX.c.id).where(OUTBOX.c.state.in_(["pending", "sending", "unknown"]))
    with office.database.read() as session:
        return bool(session.connection().execute(query.where(OUTBOX.c.not_before <= office.clock.now())).first())


def delivered(office: Office) -> Counter[str]:
    """How often each delivery key is in the workspace."""
    with office.slack.workspace.lock:
        channels = list(office.slack.workspace.channels.values())
        metadata = [one.metadata for channel in channels for one in channel.messages.values() if one.metadata]
    return Counter(one["event_payload"]["delivery_key"] for one in metadata)


def sent_keys(office: Office) -> list[str]:
    query = select(OUTBOX.c.delivery_key).where(OUTBOX.c.action == "post", OUTBOX.c.state == "sent")
    with office.database.read() as session:
        return list(session.connection().execute(query).scalars())

"""The watchdog at work: what it finds, whom it tells and how often, and when the heartbeat stops. On both databases."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

from bot.operations.climb_ladder import climb_ladder
from bot.operations.compose import composer, refusal_handler
from bot.operations.deliver import deliver
from bot.rules.watchdog import JobState, Kind
from bot.settings import Settings, load_settings
from bot.wiring.watch import Watchdog
from storage.database import Database
from storage.outbox_enqueue import enqueue
from tests.contract.sweep_kit import LANE, Inventory
from tests.servers.fake_clock import FakeClock
from tests.servers.recording_port import RecordingPort

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass
class Post:
    """A watchdog that has run for an hour, over an inventory, with a chat platform that answers as it is told to."""

    inventory: Inventory
    settings: Settings = field(default_factory=lambda: load_settings({}, env_file=None))
    jobs: list[JobState] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.port = RecordingPort(LANE, self.inventory.clock.now)
        self.dog = Watchdog(self.inventory.ctx, self.settings, lambda: self.jobs, clock=lambda: self.seconds)
        self.seconds = 3600.0

    def kinds(self) -> list[Kind]:
        return [one.kind for one in self.dog.watch()]

    def deliver(self, *plan: str) -> None:
        self.port.plan += plan
        ctx = self.inventory.ctx
        deliver(ctx, self.port, composer(ctx), on_refused=refusal_handler(ctx))

    def alerts(self) -> list[str]:
        with self.inventory.database.read() as session:
            rows = session.connection().execute(text("SELECT dedupe_key FROM outbox WHERE card = 'trouble'"))
            return [row.dedupe_key for row in rows]

    def told(self) -> list[tuple[str, str]]:
        return [(one.to.channel, one.view.summary) for one in self.port.posted if one.to.channel]


@pytest.fixture
def inventory(database: Database, clock: FakeClock) -> Inventory:
    made = Inventory(database, clock)
    made.person("bob")
    return made


def lie_still(inventory: Inventory) -> None:
    """A request whose next step nobody takes."""
    inventory.token(backup="bob", last_attested_at=None)
    inventory.sweep()


def test_all_is_well(inventory: Inventory) -> None:
    post = Post(inventory)
    lie_still(inventory)
    post.deliver("sent")
    assert (post.kinds(), post.alerts()) == ([], [])


def test_a_stuck_ladder_is_told_of_once_a_day_while_it_lasts(inventory: Inventory) -> None:
    post = Post(inventory)
    lie_still(inventory)
    post.deliver("sent")
    step_at = inventory.request().next_step_at
    assert step_at is not None
    inventory.clock.advance(step_at - inventory.clock.now() + 29 * MINUTE)
    assert post.kinds() == []
    inventory.clock.advance(2 * MINUTE)
    assert [post.kinds() for _ in range(3)] == [[Kind.STUCK_LADDERS]] * 3
    assert len(post.alerts()) == 1
    post.deliver()
    inventory.clock.advance(24 * HOUR)
    post.kinds()
    assert len(post.alerts()) == 2
    post.deliver()
    (channel, said), (_, again) = post.told()
    assert channel == inventory.policy.channels.security
    assert "1 request should have gone to the next person" in said
    assert again == said
    climb_ladder(inventory.ctx)
    assert post.kinds() == []


def test_undelivered_messages_are_told_of_in_the_channel_of_the_settings(inventory: Inventory) -> None:
    post = Post(inventory, load_settings({"WHOSE_OPERATORS_CHANNEL": "#operations"}, env_file=None))
    lie_still(inventory)
    post.deliver("refused:restricted_action")
    assert post.kinds() == [Kind.UNDELIVERED]
    post.deliver()
    [(channel, said)] = post.told()
    assert channel == "#operations"
    assert "does not let the app post there" in said


def test_an_alert_that_cannot_be_delivered_makes_no_further_one(inventory: Inventory) -> None:
    post = Post(inventory)
    lie_still(inventory)
    post.deliver("refused:restricted_action")
    for _ in range(3):
        post.kinds()
        post.deliver("refused:not_in_channel")
    assert len(post.alerts()) == 1


def test_whoever_has_no_account_is_no_trouble(inventory: Inventory) -> None:
    """The next person is asked: that is the ladder at work."""
    post = Post(inventory)
    lie_still(inventory)
    post.deliver("refused:user_disabled")
    assert post.kinds() == []


@pytest.mark.parametrize("state", ["never tried", "put off again and again"])
def test_messages_that_do_not_leave(inventory: Inventory, state: str) -> None:
    post = Post(inventory)
    now = inventory.clock.now()
    with inventory.database.write() as session:
        same = {"lane": LANE, "channel": "audit", "created_at": now, "params": {"note": "a", "size": 1}}
        enqueue(session, dedupe_key="a", card="checkpoint", not_before=now, **same)  # type: ignore[arg-type]
        tomorrow = {**same, "not_before": now + 24 * HOUR}
        enqueue(session, dedupe_key="tomorrow", card="checkpoint", **tomorrow)  # type: ignore[arg-type]
    for _ in range(0 if state == "never tried" else 14):
        post.deliver("not_sent")
        inventory.clock.advance(5 * MINUTE)
    if state == "never tried":
        assert post.kinds() == []
        inventory.clock.advance(61 * MINUTE)
    assert post.kinds() == [Kind.LATE_MESSAGES]
    [found] = post.dog.watch()
    assert found.number == 1


def test_after_a_start_nobody_is_told_until_the_backlog_had_its_time(inventory: Inventory) -> None:
    post = Post(inventory)
    lie_still(inventory)
    post.deliver("refused:restricted_action")
    post.seconds = 14 * 60.0
    assert (post.kinds(), post.alerts()) == ([Kind.UNDELIVERED], [])
    post.seconds = 15 * 60.0
    post.kinds()
    assert len(post.alerts()) == 1


def test_two_watchdogs_tell_once(inventory: Inventory) -> None:
    one, other = Post(inventory), Post(inventory)
    lie_still(inventory)
    one.deliver("refused:restricted_action")
    assert one.kinds() == other.kinds()
    assert len(one.alerts()) == 1


def test_a_silent_job_is_logged_with_what_to_do(inventory: Inventory, caplog: pytest.LogCaptureFixture) -> None:
    post = Post(inventory, jobs=[JobState("sweep", MINUTE, HOUR, running=False, last_error="OSError")])
    post.kinds()
    post.kinds()
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "looking for what is due" in record.message
    assert "`whose doctor`" in record.message


# ------------------------------------------------------------------ the heartbeat


@contextmanager
def listening(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """An address that counts who calls it."""
    called: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/ping/hunter2", called
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def one_inventory(sqlite_database: Database, clock: FakeClock) -> Inventory:
    made = Inventory(sqlite_database, clock)
    made.person("bob")
    return made


def test_the_heartbeat_beats_only_while_all_is_well(one_inventory: Inventory) -> None:
    with listening() as (url, called):
        post = Post(one_inventory, load_settings({"WHOSE_HEARTBEAT_URL": url}, env_file=None))
        post.kinds()
        assert called == ["/ping/hunter2"]
        lie_still(one_inventory)
        post.deliver("refused:restricted_action")
        post.kinds()
        assert len(called) == 1
        post.seconds = 0.0
        post.kinds()
        assert len(called) == 1, "in the time after a start, too"


def test_a_heartbeat_that_does_not_answer_harms_nothing_and_is_kept_secret(
    one_inventory: Inventory, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(503) as (url, _):
        Post(one_inventory, load_settings({"WHOSE_HEARTBEAT_URL": url}, env_file=None)).kinds()
    Post(one_inventory, load_settings({"WHOSE_HEARTBEAT_URL": url}, env_file=None)).kinds()
    said = [record.getMessage() for record in caplog.records if record.name == "bot.wiring.watch"]
    assert ["503" in said[0], "ConnectError" in said[1]] == [True, True]
    assert "hunter2" not in " ".join(said)

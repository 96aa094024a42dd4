"""One dispatcher a lane, and another one soon after it died or stopped."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.operations.deliver import deliver
from bot.operations.lane_lease import HANDED_ON, LANE_LEASE, LaneLease
from bot.operations.pace import FASTER, Pacer
from bot.operations.ports import TOO_FAST, Destination, NotSent, Outcome
from messages.view import View
from storage.database import Database
from storage.lanes import holder_of, pace_of
from tests.contract.delivery_kit import Office
from tests.servers.fake_clock import FakeClock
from tests.servers.recording_port import RecordingPort

A_SECOND = timedelta(seconds=1)


def test_one_at_a_time_and_the_next_when_it_is_not_heard_of(database: Database, clock: FakeClock) -> None:
    ctx = Office(database, clock).ctx
    first, second = LaneLease("first"), LaneLease("second")
    assert first.hold(ctx)
    assert not second.hold(ctx)
    clock.advance(LANE_LEASE - A_SECOND)
    assert first.hold(ctx)  # renewed
    clock.advance(LANE_LEASE - A_SECOND)
    assert not second.hold(ctx)
    clock.advance(A_SECOND)
    assert second.hold(ctx)
    assert not first.hold(ctx)
    with database.read() as session:
        assert holder_of(session, ctx.lane) == "second"


def test_whoever_stops_hands_it_on(database: Database, clock: FakeClock) -> None:
    ctx = Office(database, clock).ctx
    first, second = LaneLease("first"), LaneLease("second")
    assert first.hold(ctx)
    second.release(ctx)  # is not its own to give away
    assert not second.hold(ctx)
    first.release(ctx)
    assert not second.hold(ctx)  # a place that just had a message needs a moment
    clock.advance(HANDED_ON)
    assert second.hold(ctx)


def test_nothing_is_sent_on_a_lane_that_another_holds(database: Database, clock: FakeClock) -> None:
    office = Office(database, clock)
    for name in ("ana", "ben", "cleo"):
        person = office.person(name, f"U{name}")
        office.request(person)
        office.ask(person)
    port = RecordingPort(office.ctx.lane, clock.now)
    mine, other = LaneLease("mine"), LaneLease("other")
    assert other.hold(office.ctx)

    def run() -> int:
        deliver(office.ctx, port, office.compose, on_refused=office.on_refused, lease=mine)
        return len(port.posted)

    assert run() == 0
    clock.advance(LANE_LEASE)
    assert run() == 3


def test_a_dispatcher_that_was_frozen_stops_at_the_next_message(database: Database, clock: FakeClock) -> None:
    office = Office(database, clock)
    for name in ("ana", "ben", "cleo"):
        person = office.person(name, f"U{name}")
        office.request(person)
        office.ask(person)
    mine, other = LaneLease("mine"), LaneLease("other")

    class Freezes(RecordingPort):
        def post(self, *args, **more):  # type: ignore[no-untyped-def]
            outcome = super().post(*args, **more)
            clock.advance(LANE_LEASE)
            assert other.hold(office.ctx)
            return outcome

    port = Freezes(office.ctx.lane, clock.now)
    deliver(office.ctx, port, office.compose, on_refused=office.on_refused, lease=mine)
    assert len(port.posted) == 1
    assert office.states() == ["sent", "pending", "pending"]


# ------------------------------------------------------------------ the pace outlives its dispatcher


class TooFast(RecordingPort):
    """Says the first time that it is too fast, and for how long to wait."""

    asked = 0

    def post(self, to: Destination, view: View, delivery_key: str) -> Outcome:
        self.asked += 1
        return NotSent(TOO_FAST, 90.0) if self.asked == 1 else super().post(to, view, delivery_key)


class Dispatcher:
    """A process with a pace of its own; its seconds begin at some number that no other process has."""

    def __init__(self, office: Office, port: RecordingPort, name: str = "", since: float = 0.0) -> None:
        start = office.clock.now()
        self.pacer = Pacer(lambda: since + (office.clock.now() - start).total_seconds())
        self._office, self._port = office, port
        self._lease = LaneLease(name) if name else None

    def run(self) -> int:
        office = self._office
        kept = {"on_refused": office.on_refused, "pacer": self.pacer, "lease": self._lease}
        return deliver(office.ctx, self._port, office.compose, **kept).posted  # type: ignore[arg-type]


def two_to_write_to(database: Database, clock: FakeClock) -> Office:
    office = Office(database, clock)
    for name in ("ana", "ben"):
        person = office.person(name, f"U{name}")
        office.request(person)
        office.ask(person)
    return office


@pytest.mark.parametrize("names", [("first", "second"), ("", "")])
def test_whoever_takes_over_waits_as_long_as_the_platform_asked_for(
    database: Database, clock: FakeClock, names: tuple[str, str]
) -> None:
    """With leases, and with the one process that an SQLite file has."""
    office = two_to_write_to(database, clock)
    port = TooFast(office.ctx.lane, clock.now)
    first = Dispatcher(office, port, names[0])
    assert first.run() == 0
    clock.advance(LANE_LEASE)  # it has died
    second = Dispatcher(office, port, names[1], since=5_000.0)
    for _ in range(3):
        assert second.run() == 0
    assert port.asked == 1, "the platform was not called again"
    clock.advance(timedelta(seconds=59))
    assert second.run() == 0
    clock.advance(A_SECOND)
    assert second.run() == 2
    assert second.pacer.pace("post") == pytest.approx(4.0 * (0.5 + 1.5 * FASTER))
    assert second.pacer.pace("update") == pytest.approx(50 / 60)
    assert second.pacer.gap(("person", 1)) == pytest.approx(1.0 / (0.5 + 1.5 * FASTER))
    assert second.pacer.gap(("person", 2)) == 1.0


def test_a_dispatcher_that_comes_back_knows_what_the_other_one_learned(database: Database, clock: FakeClock) -> None:
    office = two_to_write_to(database, clock)
    port = TooFast(office.ctx.lane, clock.now)
    first, second = Dispatcher(office, port, "first"), Dispatcher(office, port, "second")
    assert first._lease is not None
    assert first._lease.hold(office.ctx)
    clock.advance(LANE_LEASE)  # it is frozen
    assert second.run() == 0
    assert port.asked == 1
    clock.advance(LANE_LEASE)
    assert first.run() == 0
    assert port.asked == 1
    assert first.pacer.pace("post") < 4.0


def test_nothing_is_kept_while_nothing_is_learned(database: Database, clock: FakeClock) -> None:
    office = two_to_write_to(database, clock)
    assert Dispatcher(office, RecordingPort(office.ctx.lane, clock.now), "first").run() == 2
    with database.read() as session:
        assert pace_of(session, office.ctx.lane) is None


def test_a_platform_that_cannot_be_reached_is_not_remembered_as_too_fast(database: Database, clock: FakeClock) -> None:
    office = two_to_write_to(database, clock)
    port = RecordingPort(office.ctx.lane, clock.now, plan=["not_sent"])
    assert Dispatcher(office, port, "first").run() == 0
    with database.read() as session:
        assert pace_of(session, office.ctx.lane) is None

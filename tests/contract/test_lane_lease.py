"""One dispatcher a lane, and another one soon after it died or stopped."""

from __future__ import annotations

from datetime import timedelta

from bot.operations.deliver import deliver
from bot.operations.lane_lease import HANDED_ON, LANE_LEASE, LaneLease
from storage.database import Database
from storage.lanes import holder_of
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

"""Routine messages spread over the first hour of everybody's day: each person has a minute of theirs, what is urgent
does not wait for it, and nobody has less time to answer. On both databases."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from bot.operations.asking import enqueue_asks
from bot.operations.climb_ladder import climb_ladder
from bot.operations.compose import composer, refusal_handler
from bot.operations.deliver import deliver
from bot.operations.directory import People
from storage.database import Database
from storage.outbox import OUTBOX
from storage.people import PERSON
from storage.requests import REQUEST
from tests.contract.sweep_kit import LANE, SHIPPED, Inventory
from tests.servers.fake_clock import FakeClock
from tests.servers.recording_port import RecordingPort

MINUTE = timedelta(minutes=1)
NIGHT = datetime(2026, 1, 6, 3, 0, tzinfo=UTC)
NINE = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)


@pytest.fixture
def inventory(database: Database, clock: FakeClock) -> Inventory:
    clock.advance(NIGHT - clock.now())
    return Inventory(database, clock, SHIPPED)


def minute_of(inventory: Inventory, who: str) -> timedelta:
    return inventory.people[who] % 60 * MINUTE


def due_tokens(inventory: Inventory, count: int) -> None:
    for number in range(count):
        inventory.person(f"p{number}")
        inventory.token(f"k{number}", owner=f"p{number}", last_attested_at=None)


def test_mornings_are_spread_evenly_and_always_alike(inventory: Inventory) -> None:
    due_tokens(inventory, 130)
    inventory.sweep()
    with inventory.database.read() as session:
        rows = session.connection().execute(select(OUTBOX.c.person_id, OUTBOX.c.not_before)).all()
    assert {row.person_id: row.not_before for row in rows} == {
        number: NINE + minute_of(inventory, name) for name, number in inventory.people.items() if name != "ana"
    }
    a_minute = Counter(at for _, at in rows)
    assert set(a_minute) == {NINE + number * MINUTE for number in range(60)}
    assert set(a_minute.values()) == {2, 3}


def test_nobody_has_less_time_to_answer(inventory: Inventory) -> None:
    """The deadlines run from the minute in which the message comes: five and two working days later, to the minute."""
    due_tokens(inventory, 3)
    inventory.sweep()
    for name in ("p0", "p1", "p2"):
        with inventory.database.read() as session:
            query = select(REQUEST.c.due_at, REQUEST.c.next_step_at).where(
                REQUEST.c.waiting_on_id == inventory.people[name]
            )
            due_at, next_step_at = session.connection().execute(query).one()
        heard = NINE + minute_of(inventory, name)
        assert (due_at, next_step_at) == (heard + timedelta(days=7), heard + timedelta(days=2))
    inventory.clock.advance(NINE + 2 * timedelta(days=1) - NIGHT)
    assert climb_ladder(inventory.ctx) == 0  # nobody's two days are over yet
    inventory.clock.advance(59 * MINUTE)
    assert climb_ladder(inventory.ctx) == 3


def test_what_is_urgent_does_not_wait_for_the_minute(inventory: Inventory) -> None:
    inventory.person("ben")
    inventory.token("urgent", owner="ben", expires_at=inventory.days(0.9))
    inventory.token("routine", last_attested_at=None)
    inventory.sweep()
    with inventory.database.read() as session:
        rows = session.connection().execute(select(OUTBOX.c.person_id, OUTBOX.c.not_before)).all()
    assert {row.person_id: row.not_before for row in rows} == {
        inventory.people["ben"]: NINE,
        inventory.people["ana"]: NINE + minute_of(inventory, "ana"),
    }


def test_a_message_in_the_day_comes_at_once(inventory: Inventory) -> None:
    inventory.clock.advance(timedelta(hours=9))
    inventory.token(last_attested_at=None)
    inventory.sweep()
    with inventory.database.read() as session:
        assert session.connection().execute(select(OUTBOX.c.not_before)).scalar_one() == inventory.clock.now()


def test_a_worker_that_was_away_overnight_does_not_catch_up_at_nine(inventory: Inventory) -> None:
    """What should have left yesterday leaves in its reader's minute, not with everybody's at the opening."""
    inventory.clock.advance(timedelta(hours=9))
    due_tokens(inventory, 3)
    inventory.sweep()
    inventory.clock.advance(timedelta(hours=9))
    port = RecordingPort(LANE, inventory.clock.now)

    def pass_over() -> int:
        deliver(inventory.ctx, port, composer(inventory.ctx), on_refused=refusal_handler(inventory.ctx))
        return len(port.posted)

    assert pass_over() == 0
    first, *_, last = sorted(minute_of(inventory, name) for name in ("p0", "p1", "p2"))
    inventory.clock.advance(NINE + timedelta(days=1) + first - inventory.clock.now())
    assert pass_over() == 1
    inventory.clock.advance(last - first)
    assert pass_over() == 3


def test_it_never_comes_after_the_working_day(inventory: Inventory) -> None:
    """The spread is longer than the day of half an hour that is left to everybody: it is spread over that."""
    hours = inventory.policy.working_hours.model_copy(update={"end": datetime(2026, 1, 1, 9, 30).time()})
    attention = inventory.policy.attention.model_copy(update={"spread_mornings_over": 2})
    inventory.policy = inventory.policy.model_copy(update={"working_hours": hours, "attention": attention})
    for number in range(120):
        inventory.person(f"p{number}")
    ctx, now = inventory.ctx, inventory.clock.now()
    with inventory.database.write() as session:
        people = People(session, ctx, now)
        enqueue_asks(session, ctx, people, inventory.people.values(), now=now)
        moments = session.connection().execute(select(OUTBOX.c.not_before)).scalars().all()
    assert set(moments) == {NINE + number * MINUTE for number in range(30)}
    assert set(Counter(moments).values()) == {4, 5}  # 121 people


def test_a_move_to_another_zone_shortens_nothing(inventory: Inventory) -> None:
    inventory.token(last_attested_at=None)
    inventory.sweep()
    before = inventory.request("key")
    with inventory.database.write() as session:
        session.connection().execute(update(PERSON).values(timezone="America/New_York"))
    assert before.next_step_at is not None
    inventory.clock.advance(before.next_step_at - inventory.clock.now())
    climb_ladder(inventory.ctx)
    after = inventory.request("key")
    heard = datetime(2026, 1, 6, 14, 0, tzinfo=UTC) + minute_of(inventory, "ana")
    assert after.step == 0
    assert after.next_step_at == heard + timedelta(days=2)
    assert after.due_at == heard + timedelta(days=7)

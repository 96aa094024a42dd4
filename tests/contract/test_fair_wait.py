"""Whoever moves to another zone, country or working week keeps the time they were given: a deadline may move later,
never earlier. On both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.operations.climb_ladder import climb_ladder
from bot.operations.directory import People
from bot.rules.calendar import add_business
from bot.rules.durations import BusinessDuration
from bot.rules.policy_parts import Ladder
from messages.action_ref import Verb
from storage.database import Database
from storage.people import PERSON
from storage.requests import AttestationRequest
from tests.contract.sweep_kit import DAY, Inventory
from tests.servers.fake_clock import FakeClock

HOUR = timedelta(hours=1)
ONE_DAY = BusinessDuration(1, "bd")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def furnished(database: Database, clock: FakeClock, at: str, **ana: Any) -> Inventory:
    """Ana, who is asked about a token at this moment and has a working day before Bob is."""
    clock.advance(utc(at) - clock.now())
    inventory = Inventory(database, clock)
    ladder = Ladder.model_validate(
        {"steps": [{"after": 0, "tell": ["owner"]}, {"after": "1bd", "tell": "backup_owner"}]}
    )
    ladders = dict.fromkeys(inventory.policy.ladders, ladder)
    inventory.policy = inventory.policy.model_copy(update={"ladders": ladders})
    inventory.person("bob")
    move(inventory, "ana", **ana)
    inventory.token(backup="bob", last_attested_at=None)
    inventory.sweep()
    return inventory


def move(inventory: Inventory, who: str, **values: Any) -> None:
    if values:
        with inventory.database.write() as session:
            row = update(PERSON).where(PERSON.c.id == inventory.people[who])
            session.connection().execute(row.values(**values))


def climb_at(inventory: Inventory, moment: str | datetime) -> AttestationRequest:
    at = utc(moment) if isinstance(moment, str) else moment
    inventory.clock.advance(at - inventory.clock.now())
    climb_ladder(inventory.ctx)
    return inventory.request()


def waits_for(inventory: Inventory, who: str) -> bool:
    return inventory.request().waiting_on_id == inventory.people[who]


def test_moving_west_moves_the_deadline_along(database: Database, clock: FakeClock) -> None:
    """Asked on Monday 09:30 in London: by Tuesday 09:30. In New York that is in the middle of the night; there the
    question came at half past four, so her day is over on Tuesday at nine, 14:00 UTC."""
    inventory = furnished(database, clock, "2026-01-05T09:30")
    before = inventory.request()
    assert before.next_step_at == utc("2026-01-06T09:30")
    move(inventory, "ana", timezone="America/New_York")
    after = climb_at(inventory, "2026-01-06T09:30")
    assert waits_for(inventory, "ana")
    assert after.next_step_at == utc("2026-01-06T14:00")
    assert after.due_at > before.due_at
    assert after.version == before.version, "her card is brought up to date, and still answers"
    climb_at(inventory, "2026-01-06T13:59")
    assert waits_for(inventory, "ana")
    climb_at(inventory, "2026-01-06T14:00")
    assert waits_for(inventory, "bob")


def test_a_holiday_in_the_new_country_counts(database: Database, clock: FakeClock) -> None:
    """Asked on Monday; Tuesday 6 January is Epiphany in Bavaria, where she has moved."""
    inventory = furnished(database, clock, "2026-01-05T09:30")
    move(inventory, "ana", timezone="Europe/Berlin", country="DE", subdivision="BY")
    assert climb_at(inventory, "2026-01-06T09:30").next_step_at == utc("2026-01-07T09:30")


def test_a_deadline_that_would_be_earlier_now_stays(database: Database, clock: FakeClock) -> None:
    """Asked on Maundy Thursday in England: by Tuesday. She moves to where Easter is no holiday; it is still Tuesday."""
    inventory = furnished(database, clock, "2026-04-02T09:30", country="GB", subdivision="ENG")
    promised = utc("2026-04-07T09:30")
    assert inventory.request().next_step_at == promised
    move(inventory, "ana", country="", subdivision="")
    for moment in ("2026-04-03T12:00", "2026-04-06T12:00", "2026-04-07T09:29"):
        assert climb_at(inventory, moment).next_step_at == promised
        assert waits_for(inventory, "ana")
    climb_at(inventory, promised)
    assert waits_for(inventory, "bob")


ELSEWHERE = [
    {"timezone": "Asia/Tokyo", "country": "JP"},
    {"timezone": "Pacific/Kiritimati"},
    {"timezone": "Pacific/Honolulu"},
    {"timezone": "Asia/Riyadh", "country": "SA"},
    {"timezone": "Asia/Kathmandu", "workweek": "sun-fri"},
    {"timezone": "Australia/Lord_Howe"},
    {"workweek": "fri"},
]


@pytest.mark.parametrize("start", ["2026-01-05T09:30", "2026-03-27T16:45", "2026-10-23T11:00"])
@pytest.mark.parametrize("place", ELSEWHERE, ids=[str(next(iter(one.values()))) for one in ELSEWHERE])
def test_wherever_somebody_moves_they_lose_nothing(
    sqlite_database: Database, clock: FakeClock, start: str, place: dict[str, str]
) -> None:
    inventory = furnished(sqlite_database, clock, start)
    asked_at, promised = clock.now(), inventory.request().next_step_at
    assert promised is not None
    move(inventory, "ana", **place)
    while waits_for(inventory, "ana"):
        climb_at(inventory, clock.now() + HOUR)
    with inventory.database.read() as session:
        there = People(session, inventory.ctx, clock.now()).working_time(inventory.people["ana"])
    owed = add_business(asked_at, ONE_DAY, there)
    assert clock.now() >= max(promised, owed)
    assert clock.now() <= max(promised, owed) + HOUR


def test_whoever_is_to_take_over_keeps_their_time_too(database: Database, clock: FakeClock) -> None:
    inventory = furnished(database, clock, "2026-01-05T09:30")
    inventory.decide(Verb.DISOWN, new_owner_id=inventory.people["bob"])
    assert inventory.request().next_step_at == utc("2026-01-06T09:30")
    move(inventory, "bob", timezone="America/New_York")
    assert climb_at(inventory, "2026-01-06T09:30").next_step_at == utc("2026-01-06T14:00")
    assert inventory.request().state == "handover"
    assert climb_at(inventory, "2026-01-06T14:00").state == "open"


def test_an_absence_without_a_stand_in_brings_nothing_forward(database: Database, clock: FakeClock) -> None:
    inventory = furnished(database, clock, "2026-01-05T09:30")
    move(inventory, "ana", away_until=inventory.days(30))
    assert climb_at(inventory, "2026-01-06T09:29").next_step_at == utc("2026-01-06T09:30")
    assert waits_for(inventory, "ana")


def test_a_stand_in_gets_a_whole_wait_of_their_own(database: Database, clock: FakeClock) -> None:
    """An hour before Ana's time is over she is away; Bob's cousin in Tokyo has a working day there."""
    inventory = furnished(database, clock, "2026-01-05T09:30")
    inventory.person("cho")
    move(inventory, "cho", timezone="Asia/Tokyo")
    move(inventory, "ana", away_until=inventory.days(30), delegate_id=inventory.people["cho"])
    assert climb_at(inventory, "2026-01-06T08:30").next_step_at == utc("2026-01-08T00:00")
    assert waits_for(inventory, "cho")


def test_what_was_put_off_wakes_when_it_should(database: Database, clock: FakeClock) -> None:
    """A snooze names a day: moving away does not put it off further."""
    inventory = furnished(database, clock, "2026-01-05T09:30")
    inventory.decide(Verb.SNOOZE, snooze_until=(clock.now() + 2 * DAY).date())
    wakes = inventory.request().next_step_at
    assert wakes is not None
    move(inventory, "ana", timezone="Pacific/Honolulu")
    assert climb_at(inventory, wakes).step == 0

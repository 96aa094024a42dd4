"""How much of a day the bot takes: messages, new questions, and what is urgent among them. On both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.operations.asking import enqueue_asks
from bot.operations.directory import People
from bot.operations.sweep import sweep
from bot.rules.policy_parts import OpeningCap
from messages.action_ref import Verb
from storage.database import Database
from storage.outbox import OUTBOX
from tests.contract.sweep_kit import DAY, Inventory
from tests.servers.fake_clock import FakeClock

MONDAY, TUESDAY = datetime(2026, 1, 5, 9, 30, tzinfo=UTC), datetime(2026, 1, 6, 9, 0, tzinfo=UTC)


@pytest.fixture
def inventory(database: Database, clock: FakeClock) -> Inventory:
    return Inventory(database, clock)


def ask(inventory: Inventory, *, urgent: bool = False) -> list[datetime]:
    """Ask Ana once more; when all her messages go or went out."""
    ctx, ana = inventory.ctx, inventory.people["ana"]
    with inventory.database.write() as session:
        people = People(session, ctx, ctx.now())
        enqueue_asks(session, ctx, people, [ana], now=ctx.now(), urgent={ana: False} if urgent else {})
        rows = session.connection().execute(OUTBOX.select().order_by(OUTBOX.c.id)).all()
    return [row.not_before for row in rows]


def send_everything(inventory: Inventory) -> None:
    with inventory.database.write() as session:
        session.connection().execute(OUTBOX.update().values(state="sent"))


def test_what_is_over_the_cap_waits_for_the_next_working_day(inventory: Inventory) -> None:
    for number in range(3):
        assert len(ask(inventory)) == number + 1
        send_everything(inventory)
    assert ask(inventory) == [MONDAY, MONDAY, MONDAY, TUESDAY]
    assert len(ask(inventory)) == 4  # one that waits will show everything; no second one is needed


def test_urgent_messages_count_and_are_not_held_back(inventory: Inventory) -> None:
    for _ in range(4):
        ask(inventory, urgent=True)
        send_everything(inventory)
    assert ask(inventory, urgent=True)[-1] == MONDAY
    send_everything(inventory)
    assert ask(inventory)[-1] == TUESDAY


def test_one_urgent_message_is_enough_while_it_waits(inventory: Inventory, clock: FakeClock) -> None:
    clock.advance(timedelta(hours=10))
    assert ask(inventory, urgent=True) == ask(inventory, urgent=True) == [TUESDAY]


def test_a_waiting_routine_message_does_not_stand_for_an_urgent_one(inventory: Inventory) -> None:
    for _ in range(3):
        ask(inventory)
        send_everything(inventory)
    ask(inventory)
    assert ask(inventory, urgent=True)[-2:] == [TUESDAY, MONDAY]


def test_urgent_questions_pass_the_caps_and_count(inventory: Inventory) -> None:
    caps = OpeningCap(first_run_per_person=1, first_run_total=1)
    inventory.policy = inventory.policy.model_copy(update={"cap": caps})
    inventory.token("grave", last_attested_at=None, data_classification="restricted")
    inventory.token("ordinary", last_attested_at=None, data_classification="confidential")
    inventory.token("last-day", last_attested_at=None, expires_at=inventory.days(0.5))
    inventory.token("incident", last_attested_at=None, tags=",incident,")
    inventory.token("other-case", last_attested_at=None, tags=",INCIDENT,")
    report = inventory.sweep()
    assert (report.opened, report.deferred) == (3, 2)
    for name in ("grave", "last-day", "incident"):
        inventory.request(name)
    inventory.clock.advance(DAY)
    # A second day like the first: two more of hers would be one too many.
    after = OpeningCap(per_person_per_day=1, total_per_day=10)
    inventory.policy = inventory.policy.model_copy(update={"cap": after})
    inventory.token("another-last-day", last_attested_at=None, expires_at=inventory.days(0.5))
    assert inventory.sweep().opened == 2  # the riskiest by the caps, and the urgent one
    assert inventory.sweep().opened == 0


def test_let_it_lapse_is_quiet_through_every_later_reason(inventory: Inventory, clock: FakeClock) -> None:
    """Neither the next notices nor the expiry, nor an overdue attestation, asks again; another expiry date does."""
    inventory.token(expires_at=inventory.days(10))
    inventory.sweep()
    inventory.decide(Verb.LET_LAPSE)
    for _ in range(80):
        clock.advance(5 * DAY)
        assert sweep(inventory.ctx, dry_run=True).due == []
    inventory.change("key", expires_at=inventory.days(400))
    assert inventory.due()["key"] == ["attestation_overdue"]

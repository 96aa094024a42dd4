"""What cannot be delivered: what follows for the ladder, and how operators look after it. On both databases."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from bot.errors import NotFoundError
from bot.operations.climb_ladder import climb_ladder
from bot.operations.compose import composer, refusal_handler
from bot.operations.deliver import DeliveryReport, deliver
from bot.operations.outbox_keeping import OutboxError, drop, list_outbox, outbox_is_clear, retry, what_follows
from bot.operations.ports import Destination, NotSent, Sent, Unknown
from bot.rules.undelivered import Consequence
from storage.database import Database
from storage.ledger.record import RecordKind
from storage.ledger.verify import verify_log
from storage.outbox import OUTBOX
from storage.outbox_enqueue import enqueue
from storage.requests import LADDER_STEP
from tests.contract.sweep_kit import LANE, Inventory
from tests.contract.test_climb_ladder import climbs
from tests.servers.fake_clock import FakeClock
from tests.servers.recording_port import RecordingPort

HOURS = timedelta(hours=1)


@dataclass
class Blind(RecordingPort):
    """Cannot be read back from for as long as ``blind``."""

    blind: bool = True

    def find(self, to: Destination, delivery_key: str, since: object) -> list[Sent] | NotSent | Unknown:
        return Unknown("timeout") if self.blind else super().find(to, delivery_key, since)  # type: ignore[arg-type]


@dataclass
class Desk:
    inventory: Inventory
    port: Blind = field(init=False)

    def __post_init__(self) -> None:
        self.port = Blind(LANE, self.inventory.clock.now)

    @property
    def database(self) -> Database:
        return self.inventory.database

    def deliver(self, *plan: str) -> DeliveryReport:
        self.port.plan += plan
        ctx = self.inventory.ctx
        return deliver(ctx, self.port, composer(ctx), on_refused=refusal_handler(ctx))

    def rows(self) -> list[tuple[int, str, str]]:
        with self.database.read() as session:
            query = select(OUTBOX.c.id, OUTBOX.c.state, OUTBOX.c.error).order_by(OUTBOX.c.id)
            return [tuple(row) for row in session.connection().execute(query)]

    def handled(self) -> list[tuple[str, list[int]]]:
        records = self.inventory.records(RecordKind.DELIVERY_HANDLED)
        return [(one.fields["reason"], one.fields["details"]["messages"]) for one in records]

    def to_channel(self, *keys: str) -> None:
        now = self.inventory.clock.now()
        with self.database.write() as session:
            for key in keys:
                params = {"note": "a\nb", "size": 2}
                same = {"lane": LANE, "channel": key, "not_before": now, "created_at": now, "params": params}
                enqueue(session, dedupe_key=key, card="checkpoint", **same)  # type: ignore[arg-type]


@pytest.fixture
def desk(database: Database, clock: FakeClock) -> Desk:
    inventory = Inventory(database, clock)
    inventory.person("bob")
    return Desk(inventory)


def ask_ana(desk: Desk) -> None:
    desk.inventory.token(backup="bob", last_attested_at=None)
    desk.inventory.sweep()


# ------------------------------------------------------------------ what follows


def test_who_cannot_be_reached_is_passed_over_at_once_and_was_not_silent(desk: Desk) -> None:
    climbs(desk.inventory, "owner", "backup_owner")
    ask_ana(desk)
    assert desk.deliver("refused:user_disabled").refused == 1
    assert climb_ladder(desk.inventory.ctx) == 1
    assert desk.inventory.request().waiting_on_id == desk.inventory.people["bob"]
    [failed] = desk.inventory.records(RecordKind.DELIVERY_FAILED)
    assert failed.fields["details"]["then"] == "next_rung"
    assert desk.inventory.records(RecordKind.NO_RESPONSE) == []
    with desk.database.read() as session:
        query = select(LADDER_STEP.c.outcome).order_by(LADDER_STEP.c.id)
        assert list(session.connection().execute(query).scalars()) == ["unreachable", "waiting"]


@pytest.mark.parametrize("code", ["restricted_action", "msg_too_long", "a_word_of_next_year"])
def test_where_the_reader_is_not_the_trouble_the_ladder_keeps_its_pace(desk: Desk, code: str) -> None:
    ask_ana(desk)
    before = desk.inventory.request().next_step_at
    assert desk.deliver(f"refused:{code}").refused == 1
    assert desk.inventory.request().next_step_at == before
    assert climb_ladder(desk.inventory.ctx) == 0
    [finding] = outbox_is_clear(desk.database)
    assert finding.level == "look"


def test_who_was_reached_before_and_not_the_second_time_was_silent(desk: Desk) -> None:
    ask_ana(desk)
    assert desk.deliver("sent").posted == 1
    desk.inventory.clock.advance(timedelta(minutes=1))
    desk.inventory.token("another", last_attested_at=None)
    desk.inventory.sweep()
    desk.deliver("refused:restricted_action")
    desk.inventory.clock.advance(timedelta(days=10))
    climb_ladder(desk.inventory.ctx)
    silent = desk.inventory.records(RecordKind.NO_RESPONSE)
    assert {one.token_id for one in silent} == {desk.inventory.tokens["key"]}


def test_no_failure_is_silent(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.to_channel("audit")
    desk.deliver("refused:not_in_channel")
    [record] = [one for one in caplog.records if "cannot be delivered" in one.message]
    assert record.levelno == logging.ERROR
    assert "/invite" in record.message
    [finding] = outbox_is_clear(desk.database)
    assert (finding.level, "not in the channel" in finding.said) == ("look", True)


def test_the_list_says_what_follows(desk: Desk) -> None:
    desk.to_channel("one")
    desk.deliver("refused:is_archived")
    ask_ana(desk)
    desk.inventory.clock.advance(timedelta(minutes=1))
    desk.deliver("refused:user_disabled")
    listed = list_outbox(desk.database)
    assert listed.total == 2
    assert [(one.to, one.error, what_follows(one)) for one in listed.letters] == [
        ("ana@example.com", "user_disabled", Consequence.NEXT_RUNG),
        ("#one", "is_archived", Consequence.OPERATOR),
    ]
    assert [one.to for one in list_outbox(desk.database, limit=1).letters] == ["ana@example.com"]
    assert list_outbox(desk.database, "pending").total == 0


# ------------------------------------------------------------------ again


def test_what_is_mended_is_sent_again_once_and_recorded(desk: Desk) -> None:
    ask_ana(desk)
    desk.deliver("refused:restricted_action")
    [(number, _, _)] = desk.rows()
    assert retry(desk.database, desk.inventory.clock.now).again == [number]
    assert retry(desk.database, desk.inventory.clock.now).again == []
    assert desk.deliver().posted == 1
    assert len(desk.port.posted) == 1
    assert desk.handled() == [("retry", [number])]
    [clear] = outbox_is_clear(desk.database)
    assert clear.level == "ok"
    with desk.database.read() as session:
        assert verify_log(session).ok


def test_all_leaves_out_those_whose_place_somebody_took(desk: Desk) -> None:
    ask_ana(desk)
    desk.deliver("refused:user_disabled")
    desk.to_channel("one", "two")
    desk.deliver("refused:is_archived", "refused:msg_too_long")
    done = retry(desk.database, desk.inventory.clock.now)
    assert [state for _, state, _ in desk.rows()] == ["dead", "pending", "pending"]
    assert len(done.again) == 2
    named = retry(desk.database, desk.inventory.clock.now, [desk.rows()[0][0]])
    assert len(named.again) == 1, "by its number any of them"


def test_what_may_have_arrived_is_looked_for_and_not_sent_again(desk: Desk) -> None:
    ask_ana(desk)
    desk.deliver("lost")
    for _ in range(8):
        desk.inventory.clock.advance(HOURS)
        desk.deliver()
    [(number, state, error)] = desk.rows()
    assert (state, error) == ("dead", "outcome_unknown")
    desk.port.blind = False
    done = retry(desk.database, desk.inventory.clock.now)
    assert (done.again, done.looked_for) == ([], [number])
    assert desk.deliver().found == 1
    assert len(desk.port.posted) == 1
    assert desk.rows()[0][1] == "sent"


def test_what_turns_out_not_to_have_arrived_is_sent(desk: Desk) -> None:
    ask_ana(desk)
    desk.deliver("gone")
    for _ in range(8):
        desk.inventory.clock.advance(HOURS)
        desk.deliver()
    desk.port.blind = False
    desk.inventory.clock.advance(16 * HOURS)  # the next morning: nobody is written to at night
    retry(desk.database, desk.inventory.clock.now)
    for _ in range(4):
        desk.inventory.clock.advance(timedelta(minutes=1))
        desk.deliver()
    assert (len(desk.port.posted), desk.rows()[0][1]) == (1, "sent")


def test_a_first_copy_is_still_looked_for_after_a_retry(desk: Desk) -> None:
    """Missed by two read-backs, sent again and refused: the first copy may yet turn up."""
    desk.port.blind = False
    ask_ana(desk)
    desk.deliver("gone")
    for _ in range(2):
        desk.inventory.clock.advance(timedelta(minutes=1))
        desk.deliver("refused:restricted_action")
    desk.port.plan.clear()
    assert desk.rows()[0][1] == "dead"
    with desk.database.read() as session:
        before = session.connection().execute(select(OUTBOX.c.first_attempt_at)).scalar_one()
    retry(desk.database, desk.inventory.clock.now)
    with desk.database.read() as session:
        row = session.connection().execute(select(OUTBOX.c.first_attempt_at, OUTBOX.c.absent_reads)).one()
    assert tuple(row) == (before, 2)


# ------------------------------------------------------------------ dropped


def test_what_is_dropped_is_not_sent_and_recorded_with_the_reason(desk: Desk) -> None:
    desk.to_channel("one")
    desk.deliver("refused:is_archived")
    [(number, _, _)] = desk.rows()
    assert drop(desk.database, desk.inventory.clock.now, [number, number], "Settled by telephone.") == [number]
    assert desk.rows() == [(number, "cancelled", "dropped")]
    assert desk.deliver().posted == 0
    [record] = desk.inventory.records(RecordKind.DELIVERY_HANDLED)
    assert record.disclosures["why"] == "Settled by telephone."
    assert b"telephone" not in record.body


def test_nothing_is_changed_where_one_was_not_given_up(desk: Desk) -> None:
    desk.to_channel("one", "two")
    desk.deliver("refused:is_archived", "sent")
    (first, _, _), (second, _, _) = desk.rows()
    before, now = desk.rows(), desk.inventory.clock.now
    with pytest.raises(OutboxError, match="was delivered"):
        retry(desk.database, now, [first, second])
    with pytest.raises(OutboxError, match="was delivered"):
        drop(desk.database, now, [first, second], "why not")
    with pytest.raises(NotFoundError):
        retry(desk.database, now, [first, 999])
    with pytest.raises(OutboxError, match="--why"):
        drop(desk.database, now, [first], "  ")
    assert (desk.rows(), desk.handled()) == (before, [])


def test_many_are_recorded_in_few_records(desk: Desk) -> None:
    desk.to_channel(*(f"c{number}" for number in range(2_100)))
    with desk.database.write() as session:
        at = {"at": "2026-01-05 09:00:00"}
        session.connection().execute(text("UPDATE outbox SET state = 'dead', error = 'is_archived', done_at = :at"), at)
    assert len(retry(desk.database, desk.inventory.clock.now).again) == 2_100
    assert [len(numbers) for _, numbers in desk.handled()] == [1_000, 1_000, 100]


def test_what_was_given_up_is_found_by_its_index(desk: Desk) -> None:
    if not desk.database.is_sqlite:
        pytest.skip("PostgreSQL chooses by the size of the table")
    with desk.database.read() as session:
        plan = session.connection().execute(
            text("EXPLAIN QUERY PLAN SELECT error, count(*) FROM outbox WHERE outbox.state = 'dead' GROUP BY error")
        )
        assert "ix_outbox_dead" in str(plan.all())

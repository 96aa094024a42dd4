"""Urgent messages: what makes one, and that none comes outside working hours unless the policy says so. On both
databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.operations.climb_ladder import climb_ladder
from bot.operations.compose import composer, refusal_handler
from bot.operations.deliver import deliver
from bot.rules.policy_attention import Urgent, UrgentCause
from bot.rules.policy_file import PolicyError, default_policy_text, load_policy
from bot.rules.urgency import may_come_at_any_hour, urgent_causes
from storage.database import Database
from storage.outbox import OUTBOX
from storage.outbox_enqueue import ROUTINE, URGENT
from tests.contract.sweep_kit import LANE, Inventory
from tests.servers.fake_clock import FakeClock
from tests.servers.recording_port import RecordingPort

NIGHT = datetime(2026, 1, 9, 22, 0, tzinfo=UTC)  # Friday; Ana in London works again on Monday at nine
MONDAY = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
EXPIRY, INCIDENT = UrgentCause.EXPIRY, UrgentCause.INCIDENT


def with_urgent(written: str) -> str:
    """The shipped policy with other rules about what is urgent, and one opening of the day for everybody."""
    at_once = default_policy_text().replace("spread_mornings_over: 1h", "spread_mornings_over: 0")
    return at_once.partition("\nurgent:")[0] + f"\nurgent: {written}\n"


# ------------------------------------------------------------------ the rule


@pytest.mark.parametrize(
    ("hours", "tags", "causes"),
    [
        (None, "", set()),
        (24.01, "", set()),
        (24, "", {EXPIRY}),
        (0.5, "", {EXPIRY}),
        (0, "", set()),  # it has expired; nothing is gained by hurry
        (-5, "", set()),
        (None, ",crm,incident,", {INCIDENT}),
        (None, ",incidents,", set()),
        (3, ",incident,", {EXPIRY, INCIDENT}),
    ],
)
def test_what_is_urgent(hours: float | None, tags: str, causes: set[UrgentCause]) -> None:
    rules = Urgent(incident_tags=("incident",))
    expires = None if hours is None else NIGHT + hours * HOUR
    assert urgent_causes(rules, expires, tags, NIGHT) == causes


@pytest.mark.parametrize(
    ("written", "allowed"),
    [
        ("false", ()),
        ("true", (EXPIRY, INCIDENT)),
        ("[]", ()),
        ("expiry", (EXPIRY,)),
        ("[incident]", (INCIDENT,)),
        ("[incident, expiry, expiry]", (EXPIRY, INCIDENT)),
    ],
)
def test_the_policy_says_what_may_come_at_any_hour(written: str, allowed: tuple[UrgentCause, ...]) -> None:
    urgent = load_policy(with_urgent(f"{{ignore_working_hours: {written}}}"), "p").urgent
    assert urgent.ignore_working_hours == allowed
    for cause in UrgentCause:
        assert may_come_at_any_hour(urgent, frozenset({cause})) is (cause in allowed)
    assert not may_come_at_any_hour(urgent, frozenset())


@pytest.mark.parametrize(
    ("written", "where", "said"),
    [
        ("{ignore_working_hours: [expiery]}", "urgent.ignore_working_hours", "expiry"),
        ("{ignore_working_hours: at night}", "urgent.ignore_working_hours", "expiry, incident"),
        ("{expiry_within: 2bd}", "urgent.expiry_within", "36h"),
        ("{incident_tags: [3]}", "urgent.incident_tags", ""),
        ("{incidents: [x]}", "urgent.incidents", "incident_tags"),
    ],
)
def test_a_mistake_is_named_with_its_place(written: str, where: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(with_urgent(written), "p")
    assert where in str(caught.value)
    assert said in str(caught.value)


def test_the_shipped_policy_wakes_nobody() -> None:
    urgent = load_policy(default_policy_text(), "p").urgent
    assert (urgent.expiry_within, urgent.incident_tags, urgent.ignore_working_hours) == (24, ("incident",), ())


# ------------------------------------------------------------------ what becomes of it


@pytest.fixture
def inventory(database: Database, clock: FakeClock) -> Inventory:
    clock.advance(NIGHT - clock.now())
    return Inventory(database, clock)


def messages(inventory: Inventory) -> list[tuple[int, datetime]]:
    """Priority and earliest moment of every message."""
    with inventory.database.read() as session:
        columns = select(OUTBOX.c.priority, OUTBOX.c.not_before).where(OUTBOX.c.action == "post")
        return [(row.priority, row.not_before) for row in session.connection().execute(columns.order_by(OUTBOX.c.id))]


SOON: dict[str, Any] = {"expires_at": NIGHT + 10 * HOUR}
TAGGED: dict[str, Any] = {"tags": ",crm,incident,", "last_attested_at": None}
ORDINARY: dict[str, Any] = {"last_attested_at": None}


@pytest.mark.parametrize(
    ("allowed", "token", "priority", "at_night"),
    [
        ("false", SOON, URGENT, False),
        ("false", TAGGED, URGENT, False),
        ("[expiry]", SOON, URGENT, True),
        ("[expiry]", TAGGED, URGENT, False),
        ("[incident]", SOON, URGENT, False),
        ("[incident]", TAGGED, URGENT, True),
        ("true", SOON, URGENT, True),
        ("true", TAGGED, URGENT, True),
        ("true", ORDINARY, ROUTINE, False),
    ],
)
def test_only_what_the_policy_names_comes_at_night(
    inventory: Inventory, allowed: str, token: dict[str, Any], priority: int, at_night: bool
) -> None:
    rules = f"{{incident_tags: [incident], ignore_working_hours: {allowed}}}"
    inventory.policy = load_policy(with_urgent(rules), "p")
    inventory.token(**token)
    assert inventory.sweep().opened == 1
    assert messages(inventory) == [(priority, NIGHT if at_night else MONDAY)]
    port = RecordingPort(LANE, inventory.clock.now)
    deliver(inventory.ctx, port, composer(inventory.ctx), on_refused=refusal_handler(inventory.ctx))
    assert len(port.posted) == (1 if at_night else 0)


def test_what_is_no_longer_urgent_waits_for_the_morning(inventory: Inventory) -> None:
    """A message was let out at any hour; until it is sent somebody renews the token."""
    inventory.policy = load_policy(with_urgent("{ignore_working_hours: [expiry]}"), "p")
    inventory.token(**SOON | ORDINARY)
    inventory.sweep()
    inventory.change("key", expires_at=inventory.days(200))
    port = RecordingPort(LANE, inventory.clock.now)
    deliver(inventory.ctx, port, composer(inventory.ctx), on_refused=refusal_handler(inventory.ctx))
    assert port.posted == []
    inventory.clock.advance(MONDAY - NIGHT)
    deliver(inventory.ctx, port, composer(inventory.ctx), on_refused=refusal_handler(inventory.ctx))
    assert len(port.posted) == 1


def test_an_incident_is_urgent_for_whoever_is_next_too(inventory: Inventory) -> None:
    inventory.policy = load_policy(with_urgent("{incident_tags: [incident], ignore_working_hours: [incident]}"), "p")
    inventory.person("bob")
    inventory.token(backup="bob", **TAGGED)
    inventory.sweep()
    with inventory.database.write() as session:
        session.connection().exec_driver_sql("UPDATE person SET active = FALSE WHERE email = 'ana@example.com'")
    assert climb_ladder(inventory.ctx) == 1
    assert messages(inventory) == [(URGENT, NIGHT), (URGENT, NIGHT)]

"""The sweep on both databases: every reason, the notices, who is asked first, the caps, and that it may run again."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rules.policy import OpeningCap
from messages.action_ref import Verb
from storage.database import Database
from storage.ledger.record import RecordKind
from tests.contract.sweep_kit import DAY, Inventory
from tests.servers.fake_clock import FakeClock


@pytest.fixture
def inventory(database: Database, clock: FakeClock) -> Inventory:
    return Inventory(database, clock)


# ------------------------------------------------------------------ reasons

#: What is changed about a harmless token, in days from now, and the reasons that it then has.
ALONE: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"last_attested_at": None}, ["never_attested"]),
    ({"last_attested_at": -365}, ["attestation_overdue"]),
    ({"last_attested_at": -364.99}, []),
    ({"last_attested_at": -180, "environment": "production"}, ["attestation_overdue"]),
    ({"last_attested_at": -90, "data_classification": "restricted"}, ["attestation_overdue"]),
    ({"expires_at": 14}, ["expiring"]),
    ({"expires_at": 14.01}, []),
    ({"expires_at": 30, "environment": "production"}, ["expiring"]),
    ({"expires_at": 0.01}, ["expiring"]),
    ({"expires_at": 0}, ["expired"]),
    ({"expires_at": -800}, ["expired"]),
    ({"expires_at": None}, ["no_expiry"]),
    ({"vendor": "brief"}, ["outlives_contract"]),
    ({"vendor": "brief", "expires_at": 100}, []),
    ({"vendor": "soon", "expires_at": None}, ["no_expiry", "outlives_contract"]),
    ({"vendor": "brief", "expires_at": None}, ["no_expiry"]),
    ({"vendor": "leaving"}, ["contract_ended"]),
    ({"vendor": "over"}, ["outlives_contract", "contract_ended"]),
    ({"vendor": "endless"}, []),
    ({"owner": ""}, ["owner_missing"]),
    ({"owner": "leo"}, ["owner_left"]),
    ({"last_used_at": -90, "environment": "production"}, ["unused"]),
    ({"last_used_at": -89.9, "environment": "production"}, []),
    ({"last_used_at": None, "created_at": -90, "environment": "production"}, ["unused"]),
    ({"last_used_at": None, "created_at": None, "environment": "production"}, []),
    ({"last_used_at": -800}, []),  # the lowest tier does not ask about that
    ({"last_attested_at": None, "expires_at": -1, "owner": "", "state": "revoked"}, []),
]
TOGETHER: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"last_attested_at": None, "expires_at": -1, "vendor": "gone", "owner": "", "last_used_at": -100},
        ["never_attested", "expired", "outlives_contract", "contract_ended", "owner_missing", "unused"],
    ),
    (
        {"last_attested_at": -400, "expires_at": 7, "vendor": "over", "owner": "leo", "last_used_at": None},
        ["attestation_overdue", "expiring", "outlives_contract", "contract_ended", "owner_left", "unused"],
    ),
    (
        {"last_attested_at": None, "expires_at": None, "vendor": "over", "owner": "leo", "last_used_at": -91},
        ["never_attested", "no_expiry", "outlives_contract", "contract_ended", "owner_left", "unused"],
    ),
]


def add(inventory: Inventory, name: str, changed: dict[str, Any]) -> None:
    numbers = {key: value for key, value in changed.items() if key.endswith("_at") and value is not None}
    inventory.token(name, **(changed | {key: inventory.days(value) for key, value in numbers.items()}))


def test_every_reason_alone_and_together(inventory: Inventory) -> None:
    inventory.person("leo", active=False)
    for name, ends in (("brief", 100), ("soon", 30), ("over", -1), ("gone", -700), ("endless", None)):
        inventory.vendor(name, contract_ends_at=None if ends is None else inventory.days(ends))
    inventory.vendor("leaving", status="offboarding")
    cases = ALONE + [(changed | {"environment": "production"}, reasons) for changed, reasons in TOGETHER]
    for number, (changed, _) in enumerate(cases):
        add(inventory, f"{number:02}", changed)
    expected = {f"{number:02}": reasons for number, (_, reasons) in enumerate(cases) if reasons}
    assert inventory.due() == expected


def test_lines_are_sorted_and_say_who_and_when(inventory: Inventory) -> None:
    inventory.person("leo", active=False)
    for system, name, owner in (("github", "b", "ana"), ("aws", "z", "leo"), ("aws", "Z", "ana"), ("github", "a", "")):
        inventory.token(name, owner=owner, issuing_system=system, last_attested_at=None)
    found = [(one.issuing_system, one.external_id, one.tier, one.reviewer) for one in inventory.sweep().due]
    assert found == [
        ("aws", "Z", "low", "ana@example.com"),
        ("aws", "z", "low", "security"),
        ("github", "a", "low", "security"),
        ("github", "b", "low", "ana@example.com"),
    ]


def test_an_answer_is_wanted_before_the_expiry(inventory: Inventory) -> None:
    inventory.token("long", last_attested_at=None)
    inventory.token("short", expires_at=inventory.days(2))
    due_at = {one.external_id: one.due_at for one in inventory.sweep().due}
    assert due_at["long"] == inventory.days(7)  # five working days of Ana's
    assert due_at["short"] == inventory.days(2)


# ------------------------------------------------------------------ notices


def test_a_notice_fires_once_a_threshold(inventory: Inventory, clock: FakeClock) -> None:
    inventory.token(expires_at=inventory.days(14))
    fired = []
    for _ in range(14):
        if inventory.sweep().opened:
            assert inventory.request().reasons == ["expiring"]
            fired.append((inventory.days(0), inventory.request().id))
            inventory.decide(Verb.ATTEST)
        clock.advance(DAY)
    start = inventory.days(-14)
    assert [when for when, _ in fired] == [start, start + 11 * DAY]  # 14 and 3 days before


def test_a_new_expiry_date_is_a_new_question(inventory: Inventory, clock: FakeClock) -> None:
    inventory.token(expires_at=inventory.days(14))
    inventory.sweep()
    inventory.decide(Verb.ATTEST)
    clock.advance(DAY)
    assert inventory.sweep().opened == 0
    inventory.change("key", expires_at=inventory.days(12))
    assert inventory.sweep().opened == 1


def test_the_next_notice_reminds_whoever_has_not_answered(inventory: Inventory, clock: FakeClock) -> None:
    """Once, and about the same request; the message that is waiting to go out counts."""
    inventory.token(expires_at=inventory.days(14))
    inventory.sweep()
    with inventory.database.write() as session:
        session.connection().exec_driver_sql("UPDATE outbox SET state = 'sent'")
    for _ in range(24):
        clock.advance(DAY / 2)
        assert inventory.sweep().opened == 0
    assert inventory.asked() == {"ana": 2}


def test_thresholds_longer_than_the_tokens_life_are_skipped(inventory: Inventory, clock: FakeClock) -> None:
    inventory.token("brief", created_at=inventory.days(0), expires_at=inventory.days(10))
    inventory.token("long", created_at=inventory.days(-5), expires_at=inventory.days(10))
    assert inventory.due() == {"long": ["expiring"]}
    clock.advance(7 * DAY)
    assert inventory.due() == {"brief": ["expiring"], "long": ["expiring"]}


def test_what_was_not_swept_in_time_is_named_by_the_tightest_notice(inventory: Inventory, clock: FakeClock) -> None:
    inventory.token(expires_at=inventory.days(14))
    clock.advance(12 * DAY)
    assert inventory.sweep().opened == 1
    inventory.decide(Verb.ATTEST)
    clock.advance(DAY)
    assert inventory.due() == {}  # the notice of 14 days is not made up for


# ------------------------------------------------------------------ what an answer quiets


def test_an_attestation_answers_what_it_was_asked_and_nothing_else(inventory: Inventory, clock: FakeClock) -> None:
    """No expiry was asked about: quiet until the cadence is over. That the contract ends later was not."""
    inventory.vendor("driftly", contract_ends_at=inventory.days(60))
    inventory.token(vendor="driftly", expires_at=None)
    assert inventory.due() == {"key": ["no_expiry"]}
    inventory.sweep()
    inventory.decide(Verb.ATTEST)
    assert inventory.due() == {}
    clock.advance(30 * DAY)
    assert inventory.due() == {"key": ["outlives_contract"]}
    clock.advance(30 * DAY)
    assert inventory.due() == {"key": ["outlives_contract", "contract_ended"]}
    clock.advance(305 * DAY)
    assert "no_expiry" in inventory.due()["key"]


def test_whoever_stood_behind_it_is_asked_again_once_it_has_expired(inventory: Inventory, clock: FakeClock) -> None:
    inventory.token(expires_at=inventory.days(3))
    inventory.sweep()
    inventory.decide(Verb.ATTEST)
    clock.advance(3 * DAY)
    assert inventory.due() == {"key": ["expired"]}


def test_a_rotation_is_an_answer_too(inventory: Inventory) -> None:
    inventory.token(expires_at=None, last_attested_at=None)
    inventory.sweep()
    inventory.decide(Verb.ROTATE)
    inventory.decide(Verb.DONE, evidence="OPS-1", result="accepted_unverified")
    assert inventory.due() == {}


def test_another_contract_end_is_another_question(inventory: Inventory) -> None:
    vendor = inventory.vendor("driftly", contract_ends_at=inventory.days(60))
    inventory.token(vendor="driftly")
    inventory.sweep()
    inventory.decide(Verb.ATTEST)
    assert inventory.due() == {}
    with inventory.database.write() as session:
        session.connection().exec_driver_sql(f"UPDATE vendor SET status = 'offboarding' WHERE id = {vendor}")
    assert inventory.due() == {"key": ["contract_ended"]}


# ------------------------------------------------------------------ who is asked first


@pytest.mark.parametrize(
    ("owner", "reviewer", "why"),
    [
        ({}, "ana", ""),
        ({"active": False}, "bob", "left"),
        ({"away_until": 30}, "bob", "away"),
        ({"account": False}, "bob", "no_account"),
        ({"away_until": 30, "delegate": "bob"}, "bob", ""),
        ({"away_until": -1, "delegate": "bob"}, "own", ""),
        ({"away_until": 30, "delegate": "leo"}, "bob", "away"),
        (None, "bob", "missing"),
    ],
)
def test_an_owner_who_cannot_be_reached_is_passed_over_with_the_reason(
    inventory: Inventory, owner: dict[str, Any] | None, reviewer: str, why: str
) -> None:
    inventory.person("leo", active=False)
    inventory.person("bob")
    if owner:
        away = {"away_until": inventory.days(owner["away_until"])} if "away_until" in owner else {}
        inventory.person("own", **(owner | away))
    name = "" if owner is None else ("own" if owner else "ana")
    inventory.token(owner=name, backup="bob", last_attested_at=None)
    [line] = inventory.sweep().due
    assert line.reviewer == f"{reviewer}@example.com"
    assert inventory.asked() == {reviewer: 1}
    [record] = inventory.records(RecordKind.REQUEST_OPENED)
    passed = [f"owner:{why}", f"owner:{why}", "vendor_relationship_owner:missing"] if why else []
    assert record.fields["details"].get("passed", []) == passed
    assert record.fields["details"]["step"] == (2 if why else 0)


def test_with_nobody_left_the_security_channel_is_asked(inventory: Inventory) -> None:
    inventory.token(owner="", last_attested_at=None)
    [line] = inventory.sweep().due
    assert line.reviewer == "security"
    assert inventory.asked() == {"security": 1}


def test_one_message_a_person_whatever_is_due(inventory: Inventory) -> None:
    inventory.person("bob")
    for number in range(5):
        inventory.token(f"a{number}", last_attested_at=None)
    inventory.token("b", owner="bob", last_attested_at=None)
    assert inventory.sweep().opened == 6
    assert inventory.asked() == {"ana": 1, "bob": 1}


# ------------------------------------------------------------------ how much at once


def test_the_first_day_is_capped_and_the_riskiest_come_first(inventory: Inventory, clock: FakeClock) -> None:
    for number in range(8):
        inventory.token(f"low{number}", last_attested_at=None)
    inventory.token("soon", last_attested_at=None, expires_at=inventory.days(3))
    inventory.token("grave", last_attested_at=None, data_classification="restricted")
    report = inventory.sweep()
    assert (report.opened, report.deferred, report.already_open) == (5, 5, 0)
    inventory.request("grave")
    inventory.request("soon")
    assert [inventory.sweep().opened for _ in range(3)] == [0, 0, 0]
    clock.advance(DAY)
    report = inventory.sweep()
    assert (report.opened, report.deferred, report.already_open) == (5, 0, 5)


def test_the_cap_of_all_and_of_one(inventory: Inventory) -> None:
    inventory.person("bob")
    limits = OpeningCap(first_run_per_person=3, first_run_total=4)
    inventory.policy = inventory.policy.model_copy(update={"cap": limits})
    for number in range(5):
        inventory.token(f"a{number}", last_attested_at=None)
        inventory.token(f"b{number}", owner="bob", last_attested_at=None)
    report = inventory.sweep()
    assert (report.opened, report.deferred) == (4, 6)
    inventory.decide(Verb.ATTEST, "a0")
    assert inventory.sweep().opened == 0  # answering does not make room for more on the same day


# ------------------------------------------------------------------ again and again


def test_the_second_sweep_changes_nothing(inventory: Inventory) -> None:
    inventory.token("a", last_attested_at=None)
    inventory.token("b", expires_at=inventory.days(10))
    inventory.token("c", owner="", expires_at=None)
    first = inventory.sweep()
    before = inventory.everything()
    second = inventory.sweep()
    assert (second.opened, second.already_open) == (0, first.opened)
    assert second.due == first.due
    assert inventory.everything() == before


def test_a_dry_run_writes_nothing_and_finds_the_same(inventory: Inventory) -> None:
    inventory.token("a", last_attested_at=None)
    inventory.token("b", owner="", expires_at=inventory.days(10))
    before = inventory.everything()
    dry = inventory.sweep(dry_run=True)
    assert dry.opened == 0
    assert inventory.everything() == before
    assert inventory.sweep().due == dry.due


def test_what_is_no_longer_due_is_withdrawn(inventory: Inventory, clock: FakeClock) -> None:
    inventory.token(expires_at=None)
    inventory.sweep()
    inventory.change("key", expires_at=inventory.days(300))
    clock.advance(DAY)
    assert inventory.sweep().withdrawn == 1
    assert inventory.request().state == "withdrawn"
    [record] = inventory.records(RecordKind.REQUEST_WITHDRAWN)
    assert record.request_id == inventory.request().id
    assert inventory.sweep().withdrawn == 0


def test_an_open_request_learns_of_new_reasons(inventory: Inventory, clock: FakeClock) -> None:
    inventory.token(expires_at=inventory.days(2), last_attested_at=None)
    inventory.sweep()
    assert inventory.request().reasons == ["never_attested", "expiring"]
    clock.advance(2 * DAY)
    assert inventory.sweep().opened == 0
    assert inventory.request().reasons == ["never_attested", "expired"]


def test_requests_keep_the_policy_they_were_opened_under(inventory: Inventory) -> None:
    inventory.token("before", last_attested_at=None)
    inventory.sweep()
    inventory.policy = inventory.policy.model_copy(update={"version": "2"})
    inventory.token("after", last_attested_at=None)
    inventory.sweep()
    assert inventory.request("before").policy_hash != inventory.request("after").policy_hash
    assert len(inventory.records(RecordKind.POLICY_CHANGED)) == 2

"""A decision is carried out at its issuing system, move by move, with a second person, a way back and a proof.
On both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.errors import UpstreamError
from bot.operations.carrying_out.journal import FenceLostError, claim, intend
from bot.operations.carrying_out.outcome import Outcome
from bot.operations.carrying_out.turn import write_down
from bot.operations.commands import Done
from bot.rules.issuing import Accepted, KeyState, NotDone, Rejected, Unclear
from bot.rules.remediation import Step
from messages.action_ref import Verb
from messages.cards.facts import Refusal
from storage.database import Database
from storage.ledger.record import RecordKind
from storage.ledger.verify import verify_log
from tests.contract.carrying_kit import REF, Bench
from tests.servers.fake_clock import FakeClock
from tests.servers.issuers.key_office import BLUNT, CHOSEN, FULL, DeathError, Lost

WHY = {"justification": "The contract is over."}


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def approved(bench: Bench, name: str = "key") -> None:
    """Ana has it revoked in production, and Ben agrees."""
    bench.key(name, environment="production")
    assert isinstance(bench.press(Verb.REVOKE, name=name, **WHY), Done)
    bench.turn()
    assert isinstance(bench.press(Verb.APPROVE, "ben", name), Done)


def log_faults(bench: Bench) -> list[str]:
    with bench.database.read() as session:
        return [str(one) for one in verify_log(session).findings]


def steps(bench: Bench) -> list[str]:
    return [str(one.fields["reason"]) for one in bench.records(RecordKind.REMEDIATION_STEP)]


def test_the_whole_way_of_a_revocation(bench: Bench) -> None:
    bench.key(environment="production")
    bench.press(Verb.REVOKE, **WHY)
    assert bench.stage() == "planned"
    bench.turn()
    assert bench.stage() == "notified"
    assert bench.task().assignee_id == bench.people["ben"]
    assert bench.seen_by("ben").offered[0] is Verb.APPROVE
    assert Verb.APPROVE not in bench.seen_by("ana").offered

    bench.press(Verb.APPROVE, "ben")
    bench.turn()
    assert bench.stage() == "disabled"
    assert bench.office.keys["key"].state is KeyState.DISABLED
    bench.turn(3, days=9)
    assert bench.stage() == "disabled"
    bench.turn(4, days=1, hours=1)
    assert "key" not in bench.office.keys
    assert bench.stage() == "verified"
    assert bench.request().state == "settled"
    assert bench.task().result == "confirmed"
    assert bench.row().state == "revoked"

    assert steps(bench) == ["ask", "disable", "observe", "delete", "verify"]
    [agreed] = bench.records(RecordKind.REMEDIATION_AGREED)
    assert agreed.fields["role"]["name"] == "backup_owner"
    [result] = bench.records(RecordKind.REMEDIATION_RESULT)
    assert result.fields["details"]["result"] == "confirmed"
    assert [one.fields["details"].get("issuer_request_id") for one in bench.records(RecordKind.REMEDIATION_STEP)][
        1
    ] == "req-1"
    assert [(one.action, one.outcome) for one in bench.calls()] == [("disable", "accepted"), ("revoke", "accepted")]
    assert not log_faults(bench)


def test_in_development_nobody_else_has_to_agree(bench: Bench) -> None:
    bench.key()
    bench.press(Verb.REVOKE, **WHY)
    bench.turn(2)
    assert bench.stage() == "disabled"


def test_what_cannot_be_undone_needs_a_second_person_anywhere(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, able=BLUNT)
    bench.key()
    bench.press(Verb.REVOKE, **WHY)
    bench.turn(2)
    assert bench.stage() == "notified"
    assert list(bench.seen_by("ben").work.causes) == ["irreversible"]  # type: ignore[union-attr]
    bench.press(Verb.APPROVE, "ben")
    bench.turn(2)
    assert bench.stage() == "verified"
    assert [action for action, _ in bench.office.calls] == ["revoke"]


def test_nobody_agrees_to_what_they_asked_for(bench: Bench) -> None:
    bench.key(environment="production")
    bench.press(Verb.REVOKE, "ben", **WHY)
    bench.turn()
    answer = bench.press(Verb.APPROVE, "ben")
    assert isinstance(answer, Refusal)
    assert answer.code == "no_authority"
    assert "Ben" not in [name for name, _ in answer.who_can]
    assert "Vera" in [name for name, _ in answer.who_can]
    answer = bench.press(Verb.APPROVE, "eve")
    assert isinstance(answer, Refusal)
    bench.turn(3)
    assert bench.stage() == "notified"
    assert bench.office.calls == []


def test_it_is_given_back_while_it_is_disabled(bench: Bench) -> None:
    approved(bench)
    bench.turn()
    assert isinstance(bench.press(Verb.GIVE_BACK, "ana"), Done)
    bench.turn()
    assert bench.stage() == "returned"
    assert bench.office.keys["key"].state is KeyState.ACTIVE
    bench.press(Verb.RESUME, "ana")
    bench.turn()
    assert bench.stage() == "disabled"
    bench.turn(4, days=11)
    assert bench.task().result == "confirmed"
    assert [one.fields["reason"] for one in bench.records(RecordKind.REMEDIATION_AGREED)] == [
        "approve",
        "give_back",
        "resume",
    ]


def test_it_is_called_off(bench: Bench) -> None:
    approved(bench)
    answer = bench.press(Verb.CALL_OFF, "ben", justification="The nightly job still needs it.")
    assert isinstance(answer, Done)
    bench.turn(3)
    assert bench.office.calls == []
    assert bench.request().state == "settled"
    assert bench.task().result == "called_off"
    assert bench.row().state == "active"


def test_calling_it_off_needs_a_reason(bench: Bench) -> None:
    approved(bench)
    answer = bench.press(Verb.CALL_OFF, "ben")
    assert isinstance(answer, Refusal)
    assert answer.code == "invalid"


def test_used_after_the_approval_stops_it_once(bench: Bench) -> None:
    bench.key(environment="production")
    bench.office.keys["key"].last_used_at = bench.days(-40)
    bench.press(Verb.REVOKE, **WHY)
    bench.turn()
    bench.press(Verb.APPROVE, "ben")
    bench.office.keys["key"].last_used_at = bench.clock.now()
    bench.turn()
    assert bench.stage() == "notified"
    assert bench.office.calls == []
    assert "used" in bench.seen_by("ben").work.causes  # type: ignore[union-attr]
    bench.press(Verb.APPROVE, "ben")
    bench.office.keys["key"].last_used_at = bench.clock.now() + timedelta(seconds=1)
    bench.turn()
    assert bench.stage() == "disabled"


def test_without_leave_to_act_it_looks_and_leaves_it_to_a_person(bench: Bench) -> None:
    bench.may(act=False)
    bench.key(environment="production")
    bench.press(Verb.REVOKE, **WHY)
    bench.turn(3)
    assert bench.stage() == "by_hand"
    assert bench.office.calls == []
    facts = bench.seen_by("ana")
    assert list(facts.offered) == [Verb.DONE]
    assert facts.work is not None
    assert facts.work.used_for == "s3 in eu-west-1"
    bench.press(Verb.DONE, result="accepted_unverified", evidence="TICKET-1")
    assert bench.task().result == "accepted_unverified"


def test_leave_to_act_that_is_taken_away_pauses_it(bench: Bench) -> None:
    approved(bench)
    bench.may(act=False)
    bench.turn(2)
    assert bench.stage() == "approved"
    assert bench.run().fault == "paused"
    assert bench.office.calls == []
    bench.may(act=True)
    bench.turn(1, hours=2)
    assert bench.stage() == "disabled"


def test_it_never_touches_what_it_authenticates_with(bench: Bench) -> None:
    bench.key()
    bench.connector.ours.add("key")
    bench.press(Verb.REVOKE, **WHY)
    bench.turn(3)
    assert (bench.stage(), bench.run().fault) == ("halted", "ours")
    assert bench.office.calls == []


def test_it_never_touches_what_authenticates_us_at_another_system(bench: Bench) -> None:
    bench.key()
    bench.sink.named.add("key")
    bench.press(Verb.REVOKE, **WHY)
    bench.turn(3)
    assert (bench.stage(), bench.run().fault) == ("halted", "ours")


@pytest.mark.parametrize("stage", ["approved", "observed"])
def test_what_authenticates_us_is_looked_at_before_every_call(bench: Bench, stage: str) -> None:
    approved(bench)
    if stage == "observed":
        bench.turn()
    before = list(bench.office.calls)
    bench.connector.ours.add("key")
    bench.turn(3, days=11)
    assert bench.run().fault == "ours"
    assert bench.office.calls == before


@pytest.mark.parametrize(
    "fault",
    [
        NotDone("too fast", 30),
        Unclear("no answer"),
        Lost(),
        Lost(NotDone("it says so, and is wrong")),
        UpstreamError("The system is down."),
    ],
    ids=["not done", "not done, unclear", "done, unclear", "done, denied", "raised"],
)
@pytest.mark.parametrize("method", ["look", "disable", "revoke", "verify"])
def test_whatever_gets_lost_on_the_way_it_comes_to_its_end_once(bench: Bench, method: str, fault: Any) -> None:
    approved(bench)
    bench.connector.fail(method, fault)
    bench.settle()
    assert bench.stage() == "disabled"
    bench.clock.advance(timedelta(days=10))
    bench.settle()
    assert bench.task().result == "confirmed"
    assert bench.office.calls == [("disable", "key"), ("revoke", "key")]
    assert not [one for one in bench.calls() if one.ended_at is None]


def test_a_definite_no_halts_and_is_tried_again_when_a_person_says_so(bench: Bench) -> None:
    approved(bench)
    bench.connector.fail("disable", Rejected("AccessDenied", "our role may not do that"))
    bench.turn(3)
    assert (bench.stage(), bench.run().fault) == ("halted", "rejected")
    assert "may not" in bench.run().fault_detail
    assert set(bench.seen_by("ana").offered) == {Verb.RETRY, Verb.CALL_OFF, Verb.DONE}
    assert bench.asked()["security"] == 1
    bench.press(Verb.RETRY)
    bench.turn()
    assert bench.stage() == "disabled"


def test_accepted_without_effect_is_not_believed(bench: Bench) -> None:
    approved(bench)
    bench.connector.fail("disable", *[Accepted("req-x")] * 20)
    bench.settle(24)
    assert (bench.stage(), bench.run().fault) == ("halted", "no_effect")
    assert bench.request().state == "remediating"


def test_given_back_without_effect_is_not_believed(bench: Bench) -> None:
    approved(bench)
    bench.turn()
    bench.press(Verb.GIVE_BACK)
    bench.connector.fail("enable", *[Accepted("req-x")] * 20)
    bench.settle(24)
    assert (bench.stage(), bench.run().fault) == ("halted", "no_effect")
    assert bench.office.keys["key"].state is KeyState.DISABLED


def test_deleted_and_still_honoured_is_a_failure(bench: Bench) -> None:
    """As verdaccio does: it answers 200, lists the token no more, and accepts it all the same."""
    bench.office.honours_the_dead = True
    approved(bench)
    bench.turn()
    bench.clock.advance(timedelta(days=11))
    bench.settle()
    assert (bench.stage(), bench.run().fault) == ("halted", "still_works")
    assert bench.task().result == "failed"
    assert bench.row().state == "active"
    [result] = bench.records(RecordKind.REMEDIATION_RESULT)
    assert (result.fields["details"]["result"], result.fields["details"]["proof"]) == ("failed", "probe")


def test_an_end_that_cannot_be_checked_is_said_to_be_unverified(bench: Bench) -> None:
    approved(bench)
    bench.connector.fail("verify", *[Unclear("502")] * 20)
    bench.turn()
    bench.clock.advance(timedelta(days=11))
    bench.settle(36)
    assert bench.task().result == "accepted_unverified"
    assert "502" in bench.task().evidence


def test_somebody_elses_hand_at_the_issuing_system(bench: Bench) -> None:
    approved(bench)
    bench.turn()
    bench.office.keys["key"].state = KeyState.ACTIVE
    bench.turn(3, days=11)
    assert (bench.stage(), bench.run().fault) == ("halted", "enabled_elsewhere")
    assert "key" in bench.office.keys


def test_what_is_gone_already_is_checked_and_settled(bench: Bench) -> None:
    approved(bench)
    del bench.office.keys["key"]
    bench.turn(3)
    assert bench.task().result == "confirmed"
    assert bench.office.calls == []


def test_an_incident_has_no_grace(bench: Bench) -> None:
    bench.key(tags=",incident,")
    bench.press(Verb.REVOKE, **WHY)
    bench.turn(6)
    assert bench.task().result == "confirmed"


def test_no_more_than_the_policy_says_in_a_day(bench: Bench) -> None:
    bench.may(most_per_day=2, most_percent_per_day=0)
    for name in ("a", "b", "c"):
        bench.key(name)
        bench.press(Verb.REVOKE, name=name, **WHY)
    bench.turn(4)
    assert sorted(bench.stage(one) for one in "abc") == ["approved", "disabled", "disabled"]
    assert bench.run("c").fault == "cap"
    bench.turn(2, days=1, hours=1)
    assert bench.stage("c") == "disabled"


def test_rotations_count_among_those_of_a_day(bench: Bench) -> None:
    bench.may(most_per_day=1, most_percent_per_day=0)
    for name in ("a", "b"):
        bench.key(name)
        assert isinstance(bench.press(Verb.ROTATE, name=name), Done)
    bench.turn(3)
    assert (bench.stage("a"), bench.stage("b"), bench.run("b").fault) == ("proven", "approved", "cap")
    bench.turn(3, days=1, hours=1)
    assert bench.stage("b") == "proven"


def test_a_system_that_says_too_fast_is_left_alone_for_the_turn(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.key(name)
        bench.press(Verb.REVOKE, name=name, **WHY)
    bench.turn()
    bench.connector.fail("disable", NotDone("429", 60), NotDone("429", 60))
    bench.turn()
    assert [bench.stage(one) for one in "abc"] == ["approved"] * 3
    assert len(bench.connector.faults["disable"]) == 1
    bench.settle()
    assert [bench.stage(one) for one in "abc"] == ["disabled"] * 3


def test_a_second_worker_takes_over_and_the_frozen_one_changes_nothing(bench: Bench) -> None:
    """A worker claims, is frozen past its lease, and wakes up when another one has gone on."""
    approved(bench)
    request_id = bench.request().id or 0
    frozen = claim(bench.ctx, request_id)
    assert frozen is not None
    assert claim(bench.ctx, request_id) is None
    bench.turn(minutes=11)
    assert bench.stage() == "disabled"
    with pytest.raises(FenceLostError):
        intend(bench.ctx, frozen, "disable", "key")
    assert not write_down(bench.ctx, frozen, Outcome(Step.HALT, fault="rejected"))
    assert bench.stage() == "disabled"


# ------------------------------------------------------------------ rotation


def rotating(bench: Bench) -> None:
    bench.key(rotation_method="by Whose")
    assert isinstance(bench.press(Verb.ROTATE), Done)


def test_the_whole_way_of_a_rotation(bench: Bench) -> None:
    rotating(bench)
    bench.turn(2)
    assert bench.stage() == "delivered"
    assert bench.sink.now[REF] == "secret of key"
    bench.turn()
    assert bench.stage() == "proven"
    assert bench.sink.now[REF] == "secret of key-new1"
    assert bench.row().external_id == "key-new1"
    bench.office.keys["key"].last_used_at = bench.clock.now()
    bench.turn(2, hours=20)
    assert bench.office.keys["key"].state is KeyState.ACTIVE
    bench.turn(2, hours=6)
    assert bench.stage() == "disabled"
    bench.turn(4, days=11)
    assert list(bench.office.keys) == ["key-new1"]
    assert bench.task().result == "confirmed"
    assert bench.row().state == "active"
    assert bench.row().last_rotated_at is not None
    assert [action for action, _ in bench.office.calls] == ["create", "disable", "revoke"]
    assert not log_faults(bench)


@pytest.mark.parametrize(
    "fault",
    [NotDone("too fast", 30), Unclear("no answer"), UpstreamError("down")],
    ids=["not done", "unclear", "raised"],
)
@pytest.mark.parametrize("method", ["siblings", "create", "works", "look", "disable", "revoke", "verify"])
def test_a_rotation_survives_what_gets_lost_and_happens_once(bench: Bench, method: str, fault: Any) -> None:
    rotating(bench)
    bench.connector.fail(method, fault)
    bench.settle(30)
    bench.clock.advance(timedelta(days=10))
    bench.settle()
    assert bench.task().result == "confirmed", (bench.stage(), bench.run().fault)
    assert [action for action, _ in bench.office.calls] == ["create", "disable", "revoke"]
    assert bench.office.accepts(bench.sink.now[REF])


def test_a_new_secret_that_nobody_got_is_left_to_a_person(bench: Bench) -> None:
    rotating(bench)
    bench.connector.fail("create", Lost())
    bench.settle()
    assert (bench.stage(), bench.run().fault) == ("halted", "orphan")
    assert "key-new1" in bench.run().fault_detail
    assert bench.office.accepts(bench.sink.now[REF])
    assert [action for action, _ in bench.office.calls] == ["create"]
    del bench.office.keys["key-new1"]
    bench.press(Verb.RETRY)
    bench.turn(3)
    assert bench.stage() == "proven"


def test_a_sink_that_cannot_be_written_stops_it_before_anything_is_made(bench: Bench) -> None:
    bench.sink.writable = False
    rotating(bench)
    bench.turn(3)
    assert (bench.stage(), bench.run().fault) == ("halted", "sink")
    assert bench.office.calls == []


def test_a_sink_that_fails_in_the_end_leaves_nothing_behind(bench: Bench) -> None:
    bench.sink.fails = True
    rotating(bench)
    bench.turn(3)
    assert (bench.stage(), bench.run().fault) == ("halted", "sink")
    assert list(bench.office.keys) == ["key"]


def test_a_new_secret_that_is_refused_never_comes_into_use(bench: Bench) -> None:
    rotating(bench)
    bench.connector.fail("works", *[False] * 20)
    bench.settle(24)
    assert (bench.stage(), bench.run().fault) == ("halted", "canary")
    assert bench.sink.now[REF] == "secret of key"
    assert bench.office.keys["key"].state is KeyState.ACTIVE


@pytest.mark.parametrize(
    "fault",
    [None, NotDone("too fast", 30), Unclear("no answer"), Lost(), UpstreamError("down")],
    ids=["calm", "not done", "unclear", "done, unclear", "raised"],
)
def test_a_chosen_secret_is_kept_before_it_is_set(database: Database, clock: FakeClock, fault: Any) -> None:
    bench = Bench(database, clock, able=CHOSEN)
    rotating(bench)
    if fault is not None:
        bench.connector.fail("replace", fault)
    bench.turn()
    assert bench.stage() == "notified"  # it cannot be undone
    bench.press(Verb.APPROVE, "ben")
    bench.settle()
    assert bench.task().result == "confirmed", (bench.stage(), bench.run().fault)
    assert bench.office.accepts(bench.sink.now[REF])
    assert bench.sink.now[REF] != "secret of key"
    assert bench.row().external_id == "key"


# ------------------------------------------------------------------ cut short, and cut short again


def die(bench: Bench, method: str, *, done: bool) -> None:
    """The worker dies in the call of ``method``, after it reached the issuing system or before; its lease runs out."""
    bench.connector.fail(method, DeathError(done=done))
    with pytest.raises(ExceptionGroup):
        bench.turn()
    bench.clock.advance(timedelta(minutes=11))


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("method", ["disable", "revoke"])
def test_however_often_the_worker_dies_no_call_is_left_without_an_end(bench: Bench, method: str, done: bool) -> None:
    approved(bench)
    if method == "revoke":
        bench.turn()
        bench.turn(days=11)
    for _ in range(1 if method == "revoke" and done else 3):
        die(bench, method, done=done)
    bench.settle(1)
    assert not [one for one in bench.calls() if one.ended_at is None]
    if method == "disable":
        assert isinstance(bench.press(Verb.GIVE_BACK), Done)


def test_a_disable_that_was_cut_short_is_made_again_though_it_shows(bench: Bench) -> None:
    """A database's sessions are ended in a second step, which a worker that died has not come to."""
    approved(bench)
    die(bench, "disable", done=True)
    bench.turn()
    assert bench.office.calls == [("disable", "key"), ("disable", "key")]
    assert bench.stage() == "disabled"


def replacing(database: Database, clock: FakeClock) -> Bench:
    """A chosen secret is about to be set."""
    bench = Bench(database, clock, able=CHOSEN)
    rotating(bench)
    bench.turn()
    assert isinstance(bench.press(Verb.APPROVE, "ben"), Done)
    return bench


@pytest.mark.parametrize("then", [Rejected("InvalidPassword"), NotDone("too fast", 30)], ids=["rejected", "not done"])
def test_a_secret_that_may_be_the_one_in_use_is_never_thrown_away(
    database: Database, clock: FakeClock, then: Rejected | NotDone
) -> None:
    """The first call was carried out and its answer lost; the second one is refused."""
    bench = replacing(database, clock)
    bench.connector.fail("replace", Lost(), then)
    bench.turn()
    bench.turn(minutes=5)
    assert bench.office.accepts(bench.sink.next[REF])
    if bench.stage() == "halted":
        assert Verb.CALL_OFF not in bench.seen_by("ana").offered
        assert isinstance(bench.press(Verb.RETRY), Done)
    bench.settle()
    assert bench.task().result == "confirmed"
    assert bench.office.accepts(bench.sink.now[REF])


def test_a_rotation_that_has_replaced_the_secret_is_not_called_off(database: Database, clock: FakeClock) -> None:
    bench = replacing(database, clock)
    bench.connector.fail("works", *[False] * 20)
    bench.settle(12)
    assert (bench.stage(), bench.run().fault) == ("halted", "canary")
    assert Verb.CALL_OFF not in bench.seen_by("ana").offered
    bench.connector.faults.clear()
    bench.press(Verb.RETRY)
    bench.settle(1)
    assert bench.office.accepts(bench.sink.now[REF])


def test_an_unknown_end_of_a_creation_can_be_retried_by_a_person(bench: Bench) -> None:
    """Where nothing is heard for long, a call has no end while the work has halted; that must not lock people out."""
    rotating(bench)
    bench.connector.fail("create", *[Unclear("502")] * 20)
    bench.settle(24)
    assert (bench.stage(), bench.run().fault) == ("halted", "unreachable")
    assert Verb.RETRY in bench.seen_by("ana").offered
    bench.connector.faults.clear()
    bench.press(Verb.RETRY)
    bench.settle(1)
    assert bench.stage() == "proven"
    assert [action for action, _ in bench.office.calls] == ["create"]


def test_taking_back_what_cannot_be_kept_is_written_down_before(bench: Bench) -> None:
    bench.sink.fails = True
    rotating(bench)
    bench.turn(2)
    assert [(one.action, one.external_id, one.outcome) for one in bench.calls()] == [
        ("create", "key", "accepted"),
        ("revoke", "key-new1", "accepted"),
    ]


def test_a_worker_that_dies_while_it_takes_back_leaves_an_orphan_with_a_name(bench: Bench) -> None:
    bench.sink.fails = True
    rotating(bench)
    bench.turn()
    die(bench, "revoke", done=False)
    bench.settle(1)
    assert (bench.stage(), bench.run().fault_detail) == ("halted", "key-new1")
    assert not [one for one in bench.calls() if one.ended_at is None]


def test_what_a_rotation_retires_and_gives_back_is_retired_again_not_rotated_again(bench: Bench) -> None:
    rotating(bench)
    bench.turn(3)
    bench.turn(hours=25)
    assert bench.stage() == "disabled"
    bench.press(Verb.GIVE_BACK)
    bench.turn()
    assert bench.stage() == "returned"
    assert isinstance(bench.press(Verb.RESUME), Done)
    assert bench.stage() == "proven"
    bench.turn(hours=25)
    bench.turn(3, days=11)
    assert bench.task().result == "confirmed"
    assert [action for action, _ in bench.office.calls] == ["create", "disable", "enable", "disable", "revoke"]


def test_without_a_connector_it_is_a_persons_work_as_ever(bench: Bench) -> None:
    bench.key("other", issuing_system="gitea")
    bench.press(Verb.REVOKE, name="other", **WHY)
    bench.turn(2)
    assert bench.task("other").connector == "manual"
    assert list(bench.seen_by("ana", "other").offered) == [Verb.DONE]


def test_what_a_connector_cannot_do_is_a_persons_work(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, able=BLUNT)
    rotating(bench)
    assert bench.task().connector == "manual"


def test_full_declares_what_the_others_leave_out() -> None:
    assert FULL.words() == [
        "list",
        "expiry",
        "last_used",
        "usage",
        "disable",
        "reversible",
        "revoke",
        "rotate{overlap}",
        "verify{relist, probe}",
    ]

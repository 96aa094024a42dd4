"""A token that several people use: each answers for their own use, silence is each one's, and nobody speaks for others.
On both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.operations.climb_ladder import climb_ladder
from bot.operations.commands import Command, Done
from bot.operations.compose import ask_for_person, composer, refusal_handler, request_for_reader
from bot.operations.deliver import deliver
from bot.operations.look_up import EVERYTHING, history, who
from bot.operations.record_decision import record_decision
from bot.rules.policy_acting import Shared
from bot.rules.shared import addresses_in
from messages.action_ref import Verb
from messages.cards.ask import card
from messages.cards.facts import AccountableFacts, Refusal, RequestFacts
from messages.cards.who import who as who_card
from messages.plain_text import render
from messages.wording.recording import happened
from storage.database import Database
from storage.inventory import TOKEN
from storage.ledger.record import RecordKind
from storage.ledger.verify import verify_log
from storage.requests import DECISION
from storage.shared_use import USE
from tests.contract.sweep_kit import LANE, Inventory
from tests.servers.fake_clock import FakeClock
from tests.servers.recording_port import RecordingPort

CONSUMERS = "Cyd@example.com; billing job, dan@example.com; someone@elsewhere.example"


class House(Inventory):
    """Ana owns ``key``, Ben is her backup, Cyd and Dan use it as well. It is Monday, 5 January 2026, 09:30; an answer
    is wanted by the 12th."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("mia", "ben", "cyd", "dan", "eve"):
            self.person(name)
        self.change_person("ana", manager_id=self.people["mia"])
        self.port = RecordingPort(LANE, self.clock.now)

    def shared(self, name: str = "key", **values: Any) -> None:
        given = {"backup": "ben", "consumers": CONSUMERS, "last_attested_at": None} | values
        self.token(name, **given)
        self.sweep()

    def press(self, verb: Verb, who: str, name: str = "key", key: str = "", **values: Any) -> Done | Refusal:
        request = self.request(name)
        key = key or f"{verb}-{request.id}-{who}-{self.clock.now().isoformat()}"
        command = Command(verb, request.id or 0, 0, self.people[who], key, "slack", **values)
        return record_decision(self.ctx, command)

    def said(self, verb: Verb, who: str, **values: Any) -> None:
        answer = self.press(verb, who, **values)
        assert isinstance(answer, Done), answer

    def go_on(self, **later: float) -> None:
        self.clock.advance(timedelta(**later))
        climb_ladder(self.ctx)

    def send(self) -> None:
        deliver(self.ctx, self.port, composer(self.ctx), on_refused=refusal_handler(self.ctx), limit=100)

    def uses(self) -> dict[str, str]:
        names = {number: name for name, number in self.people.items()}
        with self.database.read() as session:
            rows = session.connection().execute(select(USE).order_by(USE.c.id)).all()
        return {names[row.person_id]: row.outcome for row in rows}

    def seen_by(self, who: str) -> RequestFacts:
        with self.database.read() as session:
            facts = request_for_reader(session, self.ctx, self.request().id or 0, self.people[who])
        assert facts is not None
        return facts

    def reasons(self, kind: RecordKind) -> list[str]:
        return [str(one.fields["reason"]) for one in self.records(kind)]

    def settling(self) -> list[Any]:
        with self.database.read() as session:
            return list(session.connection().execute(select(DECISION).where(DECISION.c.settles)))

    def who_says(self) -> AccountableFacts:
        with self.database.read() as session:
            found = who(session, self.ctx, EVERYTHING, self.tokens["key"], self.clock.now())
        assert isinstance(found, AccountableFacts)
        return found

    def last_attested(self) -> Any:
        with self.database.read() as session:
            query = select(TOKEN.c.last_attested_at).where(TOKEN.c.id == self.tokens["key"])
            return session.connection().scalar(query)


@pytest.fixture
def house(database: Database, clock: FakeClock) -> House:
    return House(database, clock)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("ana@example.com; billing job", ["ana@example.com"]),
        ("Ana <Ana@Example.com>, ben@example.com.", ["ana@example.com", "ben@example.com"]),
        ("mailto:cy@example.com|x\ncy@example.com", ["cy@example.com"]),
        ("billing job, @here, a@, @b", []),
        ("", []),
    ],
)
def test_whom_a_list_of_consumers_names(written: str, found: list[str]) -> None:
    assert addresses_in(written) == found


def test_everybody_is_asked_for_their_own_use(house: House) -> None:
    house.shared()
    assert house.uses() == {"cyd": "waiting", "dan": "waiting", "ben": "waiting"}
    assert house.asked() == {"ana": 1, "ben": 1, "cyd": 1, "dan": 1}
    facts = house.seen_by("cyd")
    assert (facts.why, list(facts.offered)) == ("user", [Verb.STILL_USED, Verb.NOT_USED])
    text = render(card(facts), 100, buttons=True)
    assert "Do you still use key?" in text
    assert "[Still needed] [No longer needed…]" in text
    assert Verb.STILL_USED not in house.seen_by("ana").offered
    assert "Cyd: not answered yet" in render(card(house.seen_by("ana")), 100)
    house.send()
    assert {one.to.user_id for one in house.port.posted} == {"Uana", "Uben", "Ucyd", "Udan"}


def test_the_owner_attests_and_everybody_answers(house: House) -> None:
    house.shared()
    house.said(Verb.STILL_USED, "cyd")
    house.said(Verb.ATTEST, "ana")
    attested_at = house.clock.now()
    assert house.request().state == "open"
    assert house.settling() == []
    assert house.last_attested() is None
    house.clock.advance(timedelta(hours=1))
    assert "2 users still to answer" in render(card(house.seen_by("ana")), 100)
    house.said(Verb.NOT_USED, "dan")
    assert house.request().state == "open"
    house.said(Verb.STILL_USED, "ben")
    assert (house.request().state, house.request().outcome) == ("settled", "attest")
    [decision] = house.settling()
    assert (decision.actor_id, decision.kind) == (house.people["ana"], "attest")
    assert house.last_attested() == attested_at
    assert house.reasons(RecordKind.USE_ANSWERED) == ["needed", "not_needed", "needed"]
    assert house.reasons(RecordKind.DECISION) == ["attest"]
    assert house.records(RecordKind.NO_RESPONSE) == []
    text = render(card(house.seen_by("ana")), 100)
    assert "Dan: no longer needs it" in text
    assert "Cyd: still needs it" in render(who_card(house.who_says()), 200)
    with house.database.read() as session:
        assert verify_log(session).ok
        told = history(session, house.ctx, EVERYTHING, house.tokens["key"])
    assert not isinstance(told, Refusal)
    lines = [happened(one) for one in told.lines]
    assert "Dan (user) said that it is no longer needed." in lines
    assert any("Cyd" in line and "asked" in line for line in lines), lines


def test_one_needs_it_and_does_not_speak_for_the_others(house: House) -> None:
    house.shared()
    house.said(Verb.ATTEST, "ana")
    house.said(Verb.STILL_USED, "cyd")
    house.go_on(days=6)
    assert house.request().state == "open"
    house.go_on(days=1)
    assert (house.request().state, house.request().outcome) == ("settled", "attest")
    assert house.uses() == {"cyd": "needed", "dan": "no_response", "ben": "no_response"}
    silent = house.records(RecordKind.NO_RESPONSE)
    assert [one.fields["details"]["rung"] for one in silent] == ["user", "user"]
    text = render(card(house.seen_by("ana")), 200)
    assert "Dan: did not answer" in text
    assert ("Dan", "no_response") in house.who_says().users


def test_the_policy_may_let_one_speak_for_all(house: House) -> None:
    house.policy = house.policy.model_copy(update={"shared": Shared(one_speaks_for_all=True)})
    house.shared()
    house.said(Verb.STILL_USED, "cyd")
    assert house.uses() == {"cyd": "needed", "dan": "spoken_for", "ben": "spoken_for"}
    house.said(Verb.ATTEST, "ana")
    assert house.request().state == "settled"


def test_everybody_answered_before_the_owner(house: House) -> None:
    house.shared()
    for name in ("ben", "cyd", "dan"):
        house.said(Verb.STILL_USED, name)
    assert house.request().state == "open"
    house.said(Verb.ATTEST, "ana")
    assert house.request().state == "settled"


def test_after_the_day_only_the_attestation_is_waited_for(house: House) -> None:
    """The ladder goes on without the owner; whoever was silent by the day is on record, and nobody waits for them."""
    house.shared()
    for _ in range(9):
        house.go_on(days=1)
    assert house.uses() == {"cyd": "no_response", "dan": "no_response", "ben": "no_response"}
    house.said(Verb.ATTEST, "ben")
    assert house.request().state == "settled"
    assert house.uses()["ben"] == "needed"


def test_nobody_answers_for_somebody_else(house: House) -> None:
    house.shared()
    refused = house.press(Verb.STILL_USED, "eve")
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.who_can) == ("no_authority", [("Cyd", "user"), ("Dan", "user"), ("Ben", "user")])
    assert house.reasons(RecordKind.REFUSED) == ["no_authority"]
    assert isinstance(house.press(Verb.STILL_USED, "ana"), Refusal)
    assert isinstance(house.press(Verb.ATTEST, "cyd"), Refusal)


def test_a_delegate_answers_for_whoever_is_away(house: House) -> None:
    house.change_person("cyd", away_until=house.days(20), delegate_id=house.people["eve"])
    house.shared()
    assert house.asked()["eve"] == 1
    assert "Does Cyd still use key?" in render(card(house.seen_by("eve")), 100)
    house.said(Verb.NOT_USED, "eve")
    assert house.uses()["cyd"] == "not_needed"
    [record] = house.records(RecordKind.USE_ANSWERED)
    assert record.fields["authority"]["delegated_from"]
    with house.database.read() as session:
        told = history(session, house.ctx, EVERYTHING, house.tokens["key"])
    assert not isinstance(told, Refusal)
    assert "Eve (user) said that it is no longer needed for Cyd." in [happened(one) for one in told.lines]


def test_whoever_cannot_be_asked_has_not_been_silent(house: House) -> None:
    house.change_person("dan", away_until=house.days(20))
    house.change_person("cyd", active=False)
    house.shared()
    assert house.uses() == {"dan": "unreachable", "ben": "waiting"}
    house.said(Verb.ATTEST, "ana")
    house.go_on(days=7)
    assert house.request().state == "settled"
    assert len(house.records(RecordKind.NO_RESPONSE)) == 1


def test_a_question_that_never_arrived_is_no_silence(house: House) -> None:
    house.shared()
    house.port.plan = ["sent", "sent", "refused:user_disabled", "sent"]
    house.send()
    house.said(Verb.ATTEST, "ana")
    house.go_on(days=7)
    assert sorted(house.uses().values()) == ["no_response", "no_response", "unreachable"]


def test_a_user_who_leaves_is_not_waited_for(house: House) -> None:
    house.shared(backup="")
    house.said(Verb.ATTEST, "ana")
    house.said(Verb.STILL_USED, "dan")
    house.change_person("cyd", active=False)
    house.go_on(hours=1)
    assert (house.request().state, house.uses()["cyd"]) == ("settled", "unreachable")


def test_the_same_click_twice_and_another_mind(house: House) -> None:
    house.shared()
    house.said(Verb.STILL_USED, "cyd", key="one")
    house.said(Verb.STILL_USED, "cyd", key="one")
    house.said(Verb.STILL_USED, "cyd", key="two")
    assert house.reasons(RecordKind.USE_ANSWERED) == ["needed"]
    assert list(house.seen_by("cyd").offered) == [Verb.NOT_USED]
    house.said(Verb.NOT_USED, "cyd", key="three")
    house.said(Verb.STILL_USED, "cyd", key="one")  # the first click, delivered late
    assert house.uses()["cyd"] == "not_needed"
    assert house.reasons(RecordKind.USE_ANSWERED) == ["needed", "not_needed"]


def test_who_no_longer_needs_it_is_not_asked_again_while_the_inventory_says_the_same(house: House) -> None:
    house.shared()
    house.said(Verb.NOT_USED, "cyd")
    house.said(Verb.STILL_USED, "dan")
    house.said(Verb.STILL_USED, "ben")
    house.said(Verb.ATTEST, "ana")
    house.clock.advance(timedelta(days=399))
    house.sweep()
    assert house.request().state == "open"
    assert [name for name, _ in house.seen_by("ana").use.users] == ["Dan", "Ben"]  # type: ignore[union-attr]
    house.said(Verb.STILL_USED, "dan")
    house.said(Verb.STILL_USED, "ben")
    house.said(Verb.LET_LAPSE, "ana")
    house.clock.advance(timedelta(days=1))
    house.change("key", consumers=CONSUMERS + "; eve@example.com", expires_at=house.days(700), last_attested_at=None)
    house.sweep()
    assert [name for name, _ in house.seen_by("ana").use.users] == ["Cyd", "Dan", "Eve", "Ben"]  # type: ignore[union-attr]


def test_while_it_waits_for_users_others_find_it_attested_and_may_still_revoke(house: House) -> None:
    house.shared()
    house.said(Verb.ATTEST, "ana")
    again = house.press(Verb.ATTEST, "ben")
    assert isinstance(again, Refusal)
    assert again.code == "already_decided"
    assert again.settled is not None
    assert again.settled.by == "Ana"
    assert isinstance(house.press(Verb.SNOOZE, "ana"), Refusal)
    assert {Verb.ROTATE, Verb.REVOKE} <= set(house.seen_by("ana").offered)
    assert Verb.ATTEST not in house.seen_by("ana").offered
    house.said(Verb.REVOKE, "ana", justification="Nobody needs it after all.")
    assert house.request().state == "remediating"
    assert [one.kind for one in house.settling()] == ["revoke"]
    assert set(house.uses().values()) == {"closed"}
    assert isinstance(house.press(Verb.STILL_USED, "cyd"), Refusal)
    house.go_on(days=10)
    assert house.request().state == "remediating"


def test_the_ladder_stands_still_while_it_waits_for_users(house: House) -> None:
    house.shared()
    house.said(Verb.ATTEST, "ana")
    for _ in range(6):
        house.go_on(days=1)
    assert house.records(RecordKind.ASKED) == []
    assert house.asked()["mia"] == 0


def test_a_proposal_is_answered_and_users_still_answer(house: House) -> None:
    house.shared()
    house.said(Verb.DISOWN, "ana", new_owner_id=house.people["eve"], justification="It is hers.")
    house.said(Verb.STILL_USED, "cyd")
    assert house.request().state == "handover"
    house.said(Verb.ACCEPT, "eve")
    house.said(Verb.ATTEST, "eve")
    assert house.request().state == "open"
    house.said(Verb.STILL_USED, "dan")
    house.said(Verb.STILL_USED, "ben")
    assert house.request().state == "settled"


def test_what_is_not_shared_costs_and_offers_nothing(house: House) -> None:
    house.token(last_attested_at=None, backup="ben", consumers="billing job; nobody@elsewhere.example")
    house.sweep()
    assert house.uses() == {}
    refused = house.press(Verb.STILL_USED, "ben")
    assert isinstance(refused, Refusal)
    assert refused.code == "not_offered"
    assert house.seen_by("ana").use is None
    house.said(Verb.ATTEST, "ana")
    assert house.request().state == "settled"


def test_a_user_has_one_message_with_all_of_it(house: House) -> None:
    house.token("own", owner="cyd", last_attested_at=None)
    house.token("other", consumers="cyd@example.com", last_attested_at=None)
    house.shared(consumers="cyd@example.com")
    assert house.asked()["cyd"] == 1
    with house.database.read() as session:
        digest = ask_for_person(session, house.ctx, house.people["cyd"])
    assert sorted(one.why for one in digest.requests) == ["owner", "user", "user"]
    house.send()
    house.press(Verb.STILL_USED, "cyd", name="other")
    house.send()
    assert house.port.updates >= 1

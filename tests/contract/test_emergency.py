"""Access for an emergency: two people, for a while, on record, and looked at afterwards. On both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.operations.compose import composer, refusal_handler
from bot.operations.deliver import deliver
from bot.operations.directory import People
from bot.operations.emergency.facts import grant_facts
from bot.operations.emergency.granting import Granted, Wanted, agree, ask_for_access, end, refuse
from bot.operations.emergency.grants import read_grant
from bot.operations.emergency.looking_after import look_after_grants
from bot.operations.emergency.reviewing import question, review
from bot.operations.erase_person import erase_person
from bot.operations.look_up import EVERYTHING, find, history, who
from bot.rules.calendar import is_working
from bot.rules.policy_acting import Emergency
from bot.rules.policy_parts import Role
from messages.action_ref import Verb
from messages.cards.emergency import emergency
from messages.cards.emergency_facts import EmergencyFacts
from messages.cards.facts import AccountableFacts, Refusal
from messages.cards.who import who as who_card
from messages.plain_text import render
from messages.wording.recording import happened
from storage.database import Database
from storage.inventory import TOKEN
from storage.ledger.record import RecordKind
from storage.ledger.verify import verify_log
from storage.outbox import OUTBOX
from tests.contract.sweep_kit import LANE, Inventory
from tests.servers.fake_clock import FakeClock
from tests.servers.recording_port import RecordingPort

WHY = "The sync is down, and Ana is on a plane."


class House(Inventory):
    """Ana owns ``key``; Ben is her backup, Mia her manager, Vera looks after the vendor, Sam is security. Eve has
    nothing to do with it. It is Monday, 5 January 2026, 09:30."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("mia", "ben", "vera", "sam", "eve"):
            self.person(name)
        self.change_person("ana", manager_id=self.people["mia"])
        self.vendor("driftly", owner="vera")
        self.policy = self.policy.model_copy(update={"roles": {"security": ("sam@example.com",)}})
        self.token(backup="ben", vendor="driftly", display_name="drift-prod")
        self.port = RecordingPort(LANE, self.clock.now)

    def ask(self, to: str = "eve", by: str = "ana", **values: Any) -> Granted | Refusal:
        given: dict[str, Any] = {"reason": WHY, "lasts": timedelta(hours=4)} | values
        if "approved_by" in given:
            given["approved_by"] = self.people[given["approved_by"]]
        token_id, person_id = self.tokens["key"], self.people[to]
        return ask_for_access(self.ctx, Wanted(token_id, person_id, requested_by=self.people[by], **given))

    def granted(self, **values: Any) -> int:
        answer = self.ask(**values)
        assert isinstance(answer, Granted), answer
        return answer.grant_id

    def facts(self, grant_id: int, reader: str | None) -> EmergencyFacts:
        with self.database.read() as session:
            found = grant_facts(session, self.ctx, grant_id, None if reader is None else self.people[reader])
        assert found is not None
        return found

    def row(self, grant_id: int) -> Any:
        with self.database.read() as session:
            return read_grant(session, grant_id)

    def reasons(self) -> list[str]:
        return [str(one.fields["reason"]) for one in self.records(RecordKind.EMERGENCY_ACCESS)]

    def told(self, about: str) -> set[str]:
        """Who gets the message about something: names, and ``security`` for the channel."""
        names: dict[int | None, str] = {number: name for name, number in self.people.items()}
        query = select(OUTBOX.c.person_id).where(OUTBOX.c.dedupe_key.like(f"grant:%:{about}:%"))
        with self.database.read() as session:
            return {names.get(one, "security") for one in session.connection().execute(query).scalars()}

    def go_on(self, **later: float) -> None:
        self.clock.advance(timedelta(**later))
        look_after_grants(self.ctx)

    def send(self) -> None:
        deliver(self.ctx, self.port, composer(self.ctx), on_refused=refusal_handler(self.ctx), limit=100)

    def who_says(self) -> AccountableFacts:
        with self.database.read() as session:
            found = who(session, self.ctx, EVERYTHING, self.tokens["key"], self.clock.now())
        assert isinstance(found, AccountableFacts)
        return found


@pytest.fixture
def house(database: Database, clock: FakeClock) -> House:
    return House(database, clock)


def test_from_the_question_to_the_look_afterwards(house: House) -> None:
    grant_id = house.granted()
    assert house.told("asked") == {"ben", "vera", "mia", "security"}
    assert house.who_says().emergencies == []
    assert house.facts(grant_id, "ben").offered == [Verb.GRANT_APPROVE, Verb.GRANT_REFUSE]
    assert house.facts(grant_id, "eve").offered == []

    house.clock.advance(timedelta(minutes=20))
    answer = agree(house.ctx, grant_id, house.people["ben"], version=1, platform="slack")
    assert isinstance(answer, Granted)
    assert answer.ends_at == house.clock.now() + timedelta(hours=4)
    assert house.told("opened") == {"eve", "ana"}
    assert [name for name, _ in house.who_says().emergencies] == ["Eve"]
    assert "Eve, until" in render(who_card(house.who_says()), 100)
    with house.database.read() as session:
        [token] = find(session, house.ctx, EVERYTHING, "drift-prod").tokens
    assert token.emergencies == [("Eve", answer.ends_at)]

    house.go_on(hours=3, minutes=59)
    assert house.row(grant_id).state == "open"
    house.go_on(minutes=5)
    assert house.row(grant_id).state == "ended"
    assert house.row(grant_id).ended_at == answer.ends_at
    assert house.told("ended") == {"eve", "ben"}
    assert house.who_says().emergencies == []

    house.go_on(hours=10)
    assert house.told("review") == set()
    house.go_on(hours=12)
    assert house.told("review") == {"ana"}
    assert house.facts(grant_id, "ana").offered == [Verb.GRANT_REVIEW, Verb.GRANT_WRONG]
    done = review(house.ctx, grant_id, house.people["ana"], note="Two jobs were rerun.", platform="slack")
    assert isinstance(done, Granted)
    house.go_on(days=10)
    assert house.reasons() == ["requested", "opened", "ended", "reviewed"]
    with house.database.read() as session:
        assert verify_log(session).ok
        lines = [happened(one) for one in _lines(house, session)]
    assert lines == [
        f"Ana asked that Eve may use it for an emergency. Reason given: “{WHY}”",
        "Ben (backup owner) gave Eve access for an emergency, until Mon 5 Jan 2026, 13:50 UTC.",
        "The emergency access of Eve ended.",
        "Ana (service owner) looked at what the emergency access of Eve was for. Reason given: “Two jobs were rerun.”",
    ]


def _lines(house: House, session: Any) -> list[Any]:
    found = history(session, house.ctx, EVERYTHING, house.tokens["key"])
    assert not isinstance(found, Refusal)
    return [one for one in found.lines if one.kind == "emergency_access"]


@pytest.mark.parametrize("who_agrees", ["eve", "ana"])
def test_nobody_agrees_to_their_own(house: House, who_agrees: str) -> None:
    """Neither who gets it nor who asks, whatever else they are."""
    house.policy = house.policy.model_copy(update={"roles": {"security": ("sam@example.com", "eve@example.com")}})
    house.policy = house.policy.model_copy(
        update={"authority": house.policy.authority.model_copy(update={"approve": (Role.SERVICE_OWNER, Role.SECURITY)})}
    )
    grant_id = house.granted()
    refused = agree(house.ctx, grant_id, house.people[who_agrees])
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.who_can) == ("no_authority", [("Sam", "security")])
    assert house.row(grant_id).state == "requested"


def test_a_delegate_of_whoever_gets_it_does_not_agree_in_their_name(house: House) -> None:
    house.change_person("ben", away_until=house.days(3), delegate_id=house.people["eve"])
    house.policy = house.policy.model_copy(
        update={"authority": house.policy.authority.model_copy(update={"approve": (Role.BACKUP_OWNER, Role.SECURITY)})}
    )
    grant_id = house.granted(to="ben")
    assert isinstance(agree(house.ctx, grant_id, house.people["eve"]), Refusal)
    other = house.granted(to="mia", by="sam")
    assert isinstance(agree(house.ctx, other, house.people["eve"]), Granted)


def test_where_nobody_else_could_agree_it_says_so(house: House) -> None:
    house.policy = house.policy.model_copy(
        update={"authority": house.policy.authority.model_copy(update={"approve": (Role.SERVICE_OWNER,)})}
    )
    refused = house.ask()
    assert isinstance(refused, Refusal)
    assert "roles: security" in refused.detail


def test_an_urgent_one_begins_at_once_and_is_told_loudly(house: House) -> None:
    grant_id = house.granted(urgent=True)
    assert house.told("opened") == {"eve", "ana", "ben", "vera", "mia", "security"}
    assert [name for name, _ in house.who_says().emergencies] == ["Eve"]
    facts = house.facts(grant_id, "mia")
    assert facts.offered == [Verb.GRANT_APPROVE, Verb.GRANT_REFUSE, Verb.GRANT_END]
    assert isinstance(agree(house.ctx, grant_id, house.people["mia"]), Granted)
    assert house.facts(grant_id, "ben").offered == [Verb.GRANT_END]
    assert isinstance(agree(house.ctx, grant_id, house.people["ben"]), Refusal)
    house.go_on(hours=4)
    assert house.reasons() == ["opened", "agreed", "ended"]
    assert house.told("ended") == {"eve", "mia"}
    [opened, *_] = house.records(RecordKind.EMERGENCY_ACCESS)
    assert opened.fields["details"]["urgent"] is True
    assert opened.disclosures["justification"] == WHY


def test_an_urgent_one_that_nobody_agreed_to_stays_loud(house: House) -> None:
    grant_id = house.granted(urgent=True)
    house.go_on(hours=4)
    assert house.told("ended") == {"eve", "ana", "security"}
    assert "Nobody agreed to it." in render(_card(house, grant_id, None), 100)


def test_only_who_answers_for_the_token_may_hasten(house: House) -> None:
    refused = house.ask(to="ben", by="eve", urgent=True)
    assert isinstance(refused, Refusal)
    assert refused.code == "no_authority"
    assert house.reasons() == []


def test_refused_before_and_after_it_began(house: House) -> None:
    first = house.granted()
    assert isinstance(refuse(house.ctx, first, house.people["ben"], reason=" "), Refusal)
    assert isinstance(refuse(house.ctx, first, house.people["ben"], reason="Use the replica."), Granted)
    assert house.row(first).state == "refused"
    assert house.told("refused") == {"eve", "ana"}
    second = house.granted(urgent=True)
    assert isinstance(refuse(house.ctx, second, house.people["sam"], reason="This is no emergency."), Granted)
    assert house.row(second).state == "ended"
    assert house.who_says().emergencies == []
    assert house.reasons() == ["requested", "refused", "opened", "refused", "ended"]


def test_what_nobody_agrees_to_lapses(house: House) -> None:
    grant_id = house.granted(lasts=timedelta(hours=1))
    house.go_on(hours=7, minutes=59)
    assert house.row(grant_id).state == "requested"
    house.clock.advance(timedelta(minutes=2))
    late = agree(house.ctx, grant_id, house.people["ben"])
    assert isinstance(late, Refusal)
    house.go_on()
    assert house.row(grant_id).state == "lapsed"
    assert house.reasons() == ["requested", "lapsed"]
    house.go_on(days=5)
    assert house.told("review") == set()


def test_said_at_the_command_line_to_be_agreed_it_begins(house: House) -> None:
    assert isinstance(house.ask(approved_by="ana"), Refusal)
    assert isinstance(house.ask(approved_by="eve"), Refusal)
    grant_id = house.granted(approved_by="sam")
    assert house.row(grant_id).state == "open"
    assert house.reasons() == ["requested", "opened"]
    assert house.facts(grant_id, "sam").approved_by == "Sam"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"lasts": timedelta(hours=9)}, "8 hours at most"),
        ({"lasts": timedelta()}, "shorter than a minute"),
        ({"lasts": timedelta(hours=-2)}, "in the past"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 1001}, "1,000"),
        ({"reason": "key AKIAIOSFODNN7EXAMPLE and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, "secret"),
    ],
)
def test_what_cannot_be_asked_for(house: House, values: dict[str, Any], says: str) -> None:
    refused = house.ask(**values)
    assert isinstance(refused, Refusal)
    assert (refused.code, says in refused.detail) == ("invalid", True), refused.detail
    assert house.reasons() == []


def test_until_a_moment_it_ends_then_whenever_it_began(house: House) -> None:
    until = house.clock.now() + timedelta(hours=2)
    grant_id = house.granted(lasts=None, until=until)
    house.clock.advance(timedelta(minutes=90))
    answer = agree(house.ctx, grant_id, house.people["ben"])
    assert isinstance(answer, Granted)
    assert answer.ends_at == until


def test_the_policy_says_for_how_long(house: House) -> None:
    house.policy = house.policy.model_copy(update={"emergency": Emergency(longest="2h")})
    assert isinstance(house.ask(lasts=timedelta(hours=3)), Refusal)
    assert isinstance(house.ask(lasts=timedelta(hours=2)), Granted)


def test_one_at_a_time_for_one_person(house: House) -> None:
    house.granted()
    again = house.ask()
    assert isinstance(again, Refusal)
    assert "already" in again.detail
    assert isinstance(house.ask(to="sam", by="ana"), Granted)


def test_a_token_that_is_gone_and_a_person_who_has_left(house: House) -> None:
    house.change_person("eve", active=False)
    assert isinstance(house.ask(), Refusal)
    house.change_person("eve", active=True)
    with house.database.write() as session:
        session.connection().execute(TOKEN.update().values(state="revoked"))
    assert isinstance(house.ask(), Refusal)


@pytest.mark.parametrize(("who_ends", "may"), [("eve", True), ("ana", True), ("ben", True), ("kim", False)])
def test_who_may_end_it_early(house: House, who_ends: str, may: bool) -> None:
    house.person("kim")
    grant_id = house.granted(approved_by="ben")
    house.clock.advance(timedelta(minutes=30))
    answer = end(house.ctx, grant_id, house.people[who_ends])
    assert isinstance(answer, Granted) is may
    assert house.row(grant_id).state == ("ended" if may else "open")
    if may:
        assert house.row(grant_id).ended_at == house.clock.now()
        assert isinstance(end(house.ctx, grant_id, house.people[who_ends]), Refusal)


def test_whoever_had_it_is_not_who_looks_at_it(house: House) -> None:
    grant_id = house.granted(to="ana", by="mia", approved_by="ben")
    house.go_on(hours=5)
    house.go_on(days=1)
    assert house.told("review") == {"vera"}
    refused = review(house.ctx, grant_id, house.people["ana"], note="All fine.")
    assert isinstance(refused, Refusal)
    assert "Ana" not in [name for name, _ in refused.who_can]


def test_something_wrong_goes_to_security_which_closes_it(house: House) -> None:
    grant_id = house.granted(approved_by="ben")
    house.go_on(hours=5)
    house.go_on(days=1)
    assert isinstance(question(house.ctx, grant_id, house.people["ana"], note=""), Refusal)
    assert isinstance(question(house.ctx, grant_id, house.people["ana"], note="It was used at night."), Granted)
    assert house.told("wrong") == {"security"}
    assert isinstance(review(house.ctx, grant_id, house.people["ana"], note="Never mind."), Refusal)
    assert isinstance(review(house.ctx, grant_id, house.people["sam"], note="A cron job; explained."), Granted)
    assert house.reasons()[-2:] == ["questioned", "reviewed"]


def test_a_look_afterwards_that_stays_away_is_on_record(house: House) -> None:
    grant_id = house.granted(approved_by="ben")
    house.go_on(hours=5)
    house.go_on(days=1)
    house.go_on(days=4)
    assert house.told("overdue") == {"security"}
    assert house.reasons()[-1] == "unreviewed"
    house.go_on(days=30)
    assert house.reasons().count("unreviewed") == 1
    assert isinstance(review(house.ctx, grant_id, house.people["ana"], note="It was fine."), Granted)


def test_a_friday_is_looked_at_on_monday(house: House) -> None:
    house.clock.advance(timedelta(days=4))
    house.granted(approved_by="ben")
    house.go_on(hours=5)
    house.go_on(days=2, hours=15)
    assert house.told("review") == set()
    house.go_on(hours=6)
    assert house.told("review") == {"ana"}


def test_a_worker_that_was_away_ends_it_at_its_time(house: House) -> None:
    grant_id = house.granted(approved_by="ben")
    ends_at = house.row(grant_id).ends_at
    house.clock.advance(timedelta(days=2))
    assert house.who_says().emergencies == []
    house.go_on()
    assert house.row(grant_id).ended_at == ends_at
    ended = house.records(RecordKind.EMERGENCY_ACCESS)[-1]
    assert ended.fields["effective_at"] == int(ends_at.timestamp() * 1000)
    assert look_after_grants(house.ctx) == 0


def test_messages_are_sent_and_follow_what_happens(house: House) -> None:
    """At night the channel reads of it at once, and people in their hours."""
    house.clock.advance(timedelta(hours=14))
    grant_id = house.granted(urgent=True)
    house.send()
    assert [one.to.channel for one in house.port.posted] == ["security"]
    house.clock.advance(timedelta(hours=10))
    look_after_grants(house.ctx)
    house.send()
    with house.database.read() as session:
        people = People(session, house.ctx, house.clock.now())
        for one in house.port.posted[1:]:
            assert is_working(one.at, people.working_time(None)) or not one.to.user_id
    assert {one.to.user_id for one in house.port.posted if one.to.user_id} >= {"Uana", "Ueve"}
    assert isinstance(end(house.ctx, grant_id, house.people["mia"]), Refusal)
    house.send()
    assert house.port.updates


def test_another_version_is_not_agreed_to(house: House) -> None:
    grant_id = house.granted(urgent=True)
    stale = agree(house.ctx, grant_id, house.people["ben"], version=house.row(grant_id).version + 1)
    assert isinstance(stale, Refusal)
    assert stale.code == "stale"


def test_a_card_says_openly_that_it_gives_nothing(house: House) -> None:
    grant_id = house.granted()
    text = render(_card(house, grant_id, "ben"), 200)
    assert "nobody is given the secret" in text
    assert WHY in text
    facts = house.facts(grant_id, "ben")
    hostile = replace(facts, reason="<!channel> *now*", person="{name} {until}")
    assert "<!channel> *now*" in render(emergency(hostile), 200)


def _card(house: House, grant_id: int, reader: str | None) -> Any:
    return emergency(house.facts(grant_id, reader))


def test_erasing_somebody_takes_their_words_from_the_grant(house: House) -> None:
    grant_id = house.granted(by="eve", to="ben")
    erase_person(house.database, house.clock.now, "eve@example.com")
    assert house.row(grant_id).reason == ""
    assert all(WHY not in one.disclosures.values() for one in house.records(RecordKind.EMERGENCY_ACCESS))

"""A vendor's access ends in one plan: two people, every token, children too; what is left over is loud.
On both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.operations.carrying_out.turn import carry_out
from bot.operations.commands import Done
from bot.operations.context import Context
from bot.operations.offboarding.facts import draft_facts, plan_facts
from bot.operations.offboarding.members import Subject, vendor_subject
from bot.operations.offboarding.proposing import Planned, agree, call_off, propose
from bot.operations.offboarding.running import carry_plans
from bot.rules.issuing import Capabilities, Connector, Rejected
from messages.action_ref import Verb
from messages.cards.facts import OffboardingFacts, Refusal
from storage.database import Database
from storage.inventory import TOKEN, VENDOR
from storage.ledger.record import RecordKind
from storage.ledger.verify import verify_log
from storage.outbox import OUTBOX
from storage.remediation import OFFBOARDING, OFFBOARDING_TOKEN
from tests.contract.carrying_kit import Bench
from tests.contract.sweep_kit import LANE
from tests.servers.fake_clock import FakeClock
from tests.servers.issuers.key_office import FULL, KeyOffice
from tests.servers.issuers.key_office import Connector as OfficeConnector

SYSTEMS = ("aws", "github", "gitlab", "okta")


class Company(Bench):
    """Driftly (looked after by Vera, whose manager is Mia) and its child Driftly Labs, at four issuing systems."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.offices = {system: KeyOffice() for system in SYSTEMS}
        self.connectors = {system: OfficeConnector(self.offices[system], system) for system in SYSTEMS}
        self.able_at: dict[str, Capabilities] = dict.fromkeys(SYSTEMS, FULL)
        self.vendor("driftly labs", parent_id=self.vendors["driftly"])

    @property
    def ctx(self) -> Context:
        known = {system: Connector("key_office", able) for system, able in self.able_at.items()}
        return Context(self.database, self.clock.now, self.policy, LANE, known)

    def hand_out(self, number: int, vendor: str = "driftly") -> None:
        for i in range(number):
            system = SYSTEMS[i % len(SYSTEMS)]
            name = f"{vendor}-{i}"
            self.token(name, vendor=vendor, issuing_system=system)
            self.offices[system].add(name)

    def subject(self) -> Subject:
        with self.database.read() as session:
            return vendor_subject(session, self.vendors["driftly"])

    def approved(self) -> int:
        """Vera proposes, Sam agrees."""
        made = propose(self.ctx, self.subject(), self.people["vera"], reason="The contract was terminated.")
        assert isinstance(made, Planned), made
        answer = agree(self.ctx, made.plan_id, self.people["sam"])
        assert isinstance(answer, Planned), answer
        return made.plan_id

    def go_on(self, **later: float) -> None:
        """A turn of everything, after some time."""
        self.clock.advance(timedelta(**later))
        for _ in range(4):
            carry_plans(self.ctx)
            carry_out(self.ctx, self.connectors, self.sink)
            self.clock.advance(timedelta(seconds=5))
        carry_plans(self.ctx)

    def facts(self, plan_id: int, who: str | None = None) -> OffboardingFacts:
        with self.database.read() as session:
            found = plan_facts(session, self.ctx, plan_id, None if who is None else self.people[who])
        assert found is not None
        return found

    def plans(self) -> list[Any]:
        with self.database.read() as session:
            return list(session.connection().execute(select(OFFBOARDING).order_by(OFFBOARDING.c.id)))

    def status(self, vendor: str = "driftly") -> str:
        with self.database.read() as session:
            query = select(VENDOR.c.status).where(VENDOR.c.id == self.vendors[vendor])
            return str(session.connection().scalar(query))

    def messages(self, action: str = "post") -> list[Any]:
        query = select(OUTBOX).where(OUTBOX.c.card == "offboarding", OUTBOX.c.action == action)
        with self.database.read() as session:
            return list(session.connection().execute(query))

    def living(self) -> int:
        return sum(len(office.keys) for office in self.offices.values())


@pytest.fixture
def company(database: Database, clock: FakeClock) -> Company:
    made = Company(database, clock)
    made.change_person("vera", manager_id=made.people["mia"])
    return made


def test_everything_that_a_vendor_and_its_child_hold_is_ended(company: Company) -> None:
    company.hand_out(8)
    company.hand_out(4, "driftly labs")
    company.token("bystander")
    with company.database.read() as session:
        draft = draft_facts(session, company.ctx, company.subject(), company.people["vera"])
    assert (draft.total, draft.state, list(draft.children)) == (12, "draft", ["driftly labs"])
    assert list(draft.offered) == [Verb.OFFBOARD]
    assert company.plans() == []

    plan_id = company.approved()
    assert company.status() == company.status("driftly labs") == "offboarding"
    company.go_on()
    assert company.facts(plan_id).counts == {"running": 12}
    assert company.living() == 12  # disabled, and it can still be given back
    company.go_on(days=10, hours=1)
    assert company.facts(plan_id).counts == {"confirmed": 12}
    assert company.living() == 0
    assert company.facts(plan_id).state == "ended"
    assert company.status() == "offboarded"
    assert company.row("bystander").state == "active"
    assert [one.fields["reason"] for one in company.records(RecordKind.OFFBOARDING)] == [
        "proposed",
        "approved",
        "ended",
    ]
    with company.database.read() as session:
        assert verify_log(session).ok


def test_nothing_happens_before_a_second_person_agrees(company: Company) -> None:
    company.hand_out(4)
    made = propose(company.ctx, company.subject(), company.people["vera"])
    assert isinstance(made, Planned)
    company.go_on(days=30)
    assert company.facts(made.plan_id).counts == {"waiting": 4}
    refused = agree(company.ctx, made.plan_id, company.people["vera"])
    assert isinstance(refused, Refusal)
    assert "Vera" not in [name for name, _ in refused.who_can]
    assert {"Mia", "Sam"} <= {name for name, _ in refused.who_can}
    assert isinstance(agree(company.ctx, made.plan_id, company.people["eve"]), Refusal)
    assert isinstance(agree(company.ctx, made.plan_id, company.people["mia"]), Planned)
    second = agree(company.ctx, made.plan_id, company.people["sam"])
    assert isinstance(second, Refusal)
    assert second.code == "not_offered"


@pytest.mark.parametrize("who", ["ana", "eve"])
def test_only_those_who_answer_for_the_vendor_may_propose(company: Company, who: str) -> None:
    company.hand_out(1)
    refused = propose(company.ctx, company.subject(), company.people[who])
    assert isinstance(refused, Refusal)
    assert refused.code == "no_authority"
    assert company.plans() == []


def test_proposed_twice_it_is_one_plan(company: Company) -> None:
    company.hand_out(2)
    first = propose(company.ctx, company.subject(), company.people["vera"])
    again = propose(company.ctx, company.subject(), company.people["sam"])
    assert isinstance(first, Planned)
    assert isinstance(again, Planned)
    assert first.plan_id == again.plan_id
    assert {one.person_id for one in company.messages()} == {company.people["vera"], None}


def test_what_fails_is_left_over_and_named(company: Company) -> None:
    """Forty tokens at four systems, of which two refuse, and one of them is what we authenticate with."""
    company.hand_out(40)
    company.connectors["github"].fail("disable", Rejected("AccessDenied", "our app may not do that"))
    company.connectors["okta"].ours.add("driftly-3")
    plan_id = company.approved()
    company.go_on()
    company.go_on(days=10, hours=1)
    facts = company.facts(plan_id)
    assert facts.state == "ended"
    assert facts.counts == {"confirmed": 38, "failed": 2}
    assert sorted(one.fault for one in facts.tokens[:2]) == ["ours", "rejected"]
    assert company.status() == "offboarding"
    told = [one for one in company.messages() if one.dedupe_key.startswith(f"plan:{plan_id}:ended")]
    assert {one.person_id for one in told} == {company.people["vera"], company.people["sam"], None}


def test_killed_in_the_middle_it_goes_on_where_it_was(company: Company) -> None:
    company.hand_out(40)
    plan_id = company.approved()
    asked = iter([False] * 17 + [True] * 100)
    carry_plans(company.ctx, stopping=lambda: next(asked))
    with company.database.read() as session:
        begun = (
            session.connection()
            .execute(select(OFFBOARDING_TOKEN).where(OFFBOARDING_TOKEN.c.request_id.is_not(None)))
            .all()
        )
    assert len(begun) == 17
    company.go_on()
    company.go_on(days=10, hours=1)
    assert company.facts(plan_id).counts == {"confirmed": 40}
    for system, office in company.offices.items():
        done = [action for action, _ in office.calls]
        assert done.count("disable") == done.count("revoke") == 10, system


def test_a_token_that_is_being_asked_about_or_revoked_joins_the_plan(company: Company) -> None:
    company.hand_out(2)
    company.token("asked", vendor="driftly", issuing_system="aws", last_attested_at=None)
    company.token("going", vendor="driftly", issuing_system="aws", last_attested_at=None, environment="production")
    company.offices["aws"].add("asked")
    company.offices["aws"].add("going")
    company.sweep()
    assert isinstance(company.press(Verb.REVOKE, name="going", justification="It is over."), Done)
    carry_out(company.ctx, company.connectors, company.sink)
    assert company.stage("going") == "notified"
    plan_id = company.approved()
    company.go_on()
    company.go_on(days=10, hours=1)
    assert company.facts(plan_id).counts == {"confirmed": 4}


def test_where_no_connector_speaks_people_are_given_the_work(company: Company) -> None:
    company.hand_out(2)
    company.token("by-hand", vendor="driftly", issuing_system="fax machine")
    plan_id = company.approved()
    company.go_on()
    company.go_on(days=10, hours=1)
    facts = company.facts(plan_id)
    assert facts.counts == {"confirmed": 2, "by_hand": 1}
    assert facts.state == "ended"
    assert company.asked()["ana"] >= 1
    company.press(Verb.DONE, name="by-hand", result="accepted_unverified", evidence="TICKET-9")
    assert company.facts(plan_id).counts == {"confirmed": 2, "accepted_unverified": 1}


def test_called_off_before_and_in_the_middle(company: Company) -> None:
    company.hand_out(4)
    plan_id = company.approved()
    asked = iter([False, False, True])
    carry_plans(company.ctx, stopping=lambda: next(asked))
    refused = call_off(company.ctx, plan_id, company.people["vera"], reason=" ")
    assert isinstance(refused, Refusal)
    assert refused.code == "invalid"
    answer = call_off(company.ctx, plan_id, company.people["vera"], reason="They renewed the contract.")
    assert isinstance(answer, Planned)
    company.go_on()
    assert company.facts(plan_id).counts == {"waiting": 2, "running": 2}
    assert company.facts(plan_id).state == "called_off"


def test_an_ending_contract_proposes_itself_and_is_told_before(company: Company) -> None:
    company.hand_out(3)
    company.change_vendor("driftly", contract_ends_at=company.days(20))
    company.go_on()
    assert company.plans() == []
    company.go_on(days=7)
    [plan] = company.plans()
    assert (plan.cause, plan.state, plan.requested_by_id) == ("contract_ended", "proposed", None)
    assert isinstance(agree(company.ctx, plan.id, company.people["vera"]), Planned)
    company.go_on(days=1)
    assert company.facts(plan.id).counts == {"waiting": 3}
    company.go_on(days=13)
    assert company.facts(plan.id).counts == {"running": 3}
    company.go_on(days=11)
    assert company.facts(plan.id).state == "ended"
    company.go_on(days=1)
    assert len(company.plans()) == 1


@pytest.mark.parametrize("agreed", [False, True], ids=["proposed", "agreed to"])
def test_a_contract_that_is_renewed_in_time_drops_the_plan(company: Company, agreed: bool) -> None:
    company.hand_out(3)
    company.change_vendor("driftly", contract_ends_at=company.days(10))
    company.go_on()
    [plan] = company.plans()
    if agreed:
        assert isinstance(agree(company.ctx, plan.id, company.people["vera"]), Planned)
    company.change_vendor("driftly", contract_ends_at=company.days(375))
    company.go_on(days=1)
    [plan] = company.plans()
    assert plan.state == "called_off"
    assert company.status() == "active"
    company.go_on(days=30)
    assert company.living() == 3
    assert len(company.plans()) == 1
    company.go_on(days=335)
    assert [one.state for one in company.plans()] == ["called_off", "proposed"]


def test_a_status_of_offboarding_proposes_itself_once(company: Company) -> None:
    company.hand_out(3)
    company.change_vendor("driftly", status="offboarding", updated_at=company.clock.now())
    company.go_on(hours=1)
    [plan] = company.plans()
    assert plan.cause == "status"
    call_off(company.ctx, plan.id, company.people["sam"], reason="A mistake in the export.")
    company.go_on(days=2)
    assert len(company.plans()) == 1


def test_what_a_plan_left_over_is_not_proposed_again(company: Company) -> None:
    """Agreeing made the vendor one that is being offboarded, which alone would be a reason for a plan."""
    company.hand_out(3)
    company.connectors["aws"].fail("disable", Rejected("AccessDenied", "our role may not do that"))
    made = propose(company.ctx, company.subject(), company.people["vera"])
    assert isinstance(made, Planned)
    company.clock.advance(timedelta(hours=1))
    assert isinstance(agree(company.ctx, made.plan_id, company.people["sam"]), Planned)
    company.go_on()
    company.go_on(days=10, hours=1)
    assert company.facts(made.plan_id).counts == {"confirmed": 2, "failed": 1}
    company.go_on(days=1)
    assert [one.state for one in company.plans()] == ["ended"]


@pytest.mark.parametrize(
    ("kind", "name"), [("tag", "drift-integration"), ("consumer", "billing job")], ids=["tag", "consumer"]
)
def test_an_integration_is_retired_by_tag_or_consumer(company: Company, kind: Any, name: str) -> None:
    company.token("a", issuing_system="aws", tags=",crm,drift-integration,", consumers="Billing job; export")
    company.token("b", issuing_system="aws", tags=",drift-integration-2,", consumers="the billing jobs")
    company.offices["aws"].add("a")
    company.offices["aws"].add("b")
    made = propose(company.ctx, Subject(kind, name), company.people["sam"])
    assert isinstance(made, Planned)
    assert made.tokens == 1
    assert isinstance(agree(company.ctx, made.plan_id, company.people["sam"]), Refusal)


def test_a_circle_of_vendors_ends(company: Company) -> None:
    company.change_vendor("driftly", parent_id=company.vendors["driftly labs"])
    company.hand_out(2)
    assert sorted(company.subject().vendor_ids) == sorted([company.vendors["driftly"], company.vendors["driftly labs"]])


def test_a_token_that_was_revoked_meanwhile_is_not_begun_with(company: Company) -> None:
    company.hand_out(2)
    plan_id = company.approved()
    with company.database.write() as session:
        gone = TOKEN.update().where(TOKEN.c.id == company.tokens["driftly-0"]).values(state="revoked")
        session.connection().execute(gone)
    company.go_on()
    company.go_on(days=10, hours=1)
    assert company.facts(plan_id).counts == {"gone": 1, "confirmed": 1}

"""What a card says of a plan that ends many tokens: what it would reach, how far it has come, what is left over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from messages.action_ref import Verb
from messages.cards.facts import OffboardingFacts
from messages.cards.offboarding import offboarding, offboarding_faults, offboarding_form
from messages.view import Row, View
from messages.wording import deciding
from messages.wording.offboarding import recorded
from tests.golden.plan_examples import BY_CONTRACT, BY_STATUS, CLEAN, DRAFT, ENDED, FAILED, PROPOSED, RUNNING
from tests.unit.card_reading import buttons, said, verbs


def told(facts: OffboardingFacts) -> str:
    return said(offboarding(facts))


def names_in(view: View) -> list[str]:
    return [element.text[0].text for element in view.elements if isinstance(element, Row)]  # type: ignore[union-attr]


def test_whoever_is_asked_to_agree_reads_what_ends_and_what_does_not() -> None:
    text = told(PROPOSED)
    for part in (
        "Do you agree to end all access that Drift holds?",
        "Dana Fox proposed it (Tue 4 Mar 2025, 10:00 CET).",
        "aws-prod (20), github (12), gitlab (7), intercom (1)",
        "Drift Analytics",
        "deleted 10 days later",
        "The others are given to people.",
        "As long as nobody agrees, nothing is done.",
        "drift-38",
    ):
        assert part in text
    assert names_in(offboarding(PROPOSED)) == ["drift-38"]


def test_to_agree_is_asked_twice_and_restates_what_is_at_stake() -> None:
    agree = buttons(offboarding(PROPOSED))[0]
    assert agree.confirm is not None
    assert agree.confirm.text.startswith("40 tokens, 12 in production, 5 used in the last 30 days.")
    assert len(agree.confirm.text) <= 300
    assert len(agree.confirm.title) <= 100
    assert (agree.action.subject, agree.action.version) == (3, 1)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (BY_CONTRACT, "The contract with Drift comes to its end: its last day is 31 Mar 2025."),
        (BY_CONTRACT, "It begins Tue 1 Apr 2025, 02:00 CEST at the earliest."),
        (BY_STATUS, "The inventory says that work with Drift is being ended."),
        (BY_STATUS, "each of them is given to a person to end by hand"),
        (DRAFT, "nothing is proposed, and nothing is changed"),
        (replace(PROPOSED, kind="consumer", subject="crm"), "Do you agree to end all access that crm uses?"),
        (replace(DRAFT, total=0, tokens=(), systems=()), "No token that still works is part of it."),
    ],
)
def test_where_a_plan_comes_from(facts: OffboardingFacts, says: str) -> None:
    assert says in told(facts)


def test_the_report_is_loud_about_what_is_left_and_names_it() -> None:
    text = told(ENDED)
    assert text.startswith("Drift: 2 of 40 tokens still work\n")
    assert "These still work, as far as we know." in text
    assert names_in(offboarding(ENDED)) == ["drift-07", "drift-09", "drift-12"]
    assert "github refused it" in text
    assert "403 Resource not accessible" in text
    assert "and it still works" in text
    assert text.index("drift-07") < text.index("drift-12") < text.index("Confirmed as ended")


def test_a_report_without_leftovers_says_so() -> None:
    assert "Drift: all 40 tokens are ended" in told(CLEAN)
    assert "Nothing is left over. Each was seen" in told(CLEAN)
    assert "Each was seen" not in told(replace(CLEAN, counts={"confirmed": 39, "gone": 1}))


def test_many_leftovers_are_counted() -> None:
    many = replace(ENDED, tokens=(FAILED,) * 30, counts={"failed": 33, "confirmed": 7})
    assert sum(isinstance(element, Row) for element in offboarding(many).elements) == 15
    assert "And 18 more." in told(many)


@pytest.mark.parametrize("facts", [DRAFT, PROPOSED, RUNNING, ENDED])
def test_only_what_is_offered_is_a_button(facts: OffboardingFacts) -> None:
    assert verbs(offboarding(facts)) == list(facts.offered)


@pytest.mark.parametrize(
    ("stage", "says"), [("notified", "A second person has to agree."), ("returned", "It was given back")]
)
def test_what_waits_for_a_person_says_for_what(stage: str, says: str) -> None:
    assert says in told(replace(ENDED, tokens=(replace(FAILED, stage=stage, fault=""),)))


@pytest.mark.parametrize("verb", [Verb.OFFBOARD, Verb.PLAN_CALL_OFF])
def test_a_plan_is_proposed_and_called_off_with_a_written_reason(verb: Verb) -> None:
    made = offboarding_form(verb, RUNNING)
    assert [(field.name, field.required) for field in made.fields] == [("justification", True)]
    assert made.action.subject == (RUNNING.vendor_id if verb is Verb.OFFBOARD else RUNNING.plan_id)
    assert offboarding_faults(verb, {"justification": " "}) == {"justification": deciding.NEEDED}
    assert "1,000" in offboarding_faults(verb, {"justification": "x" * 1_001})["justification"]
    assert offboarding_faults(verb, {"justification": "The contract ends."}) == {}


@pytest.mark.parametrize("outcome", ["proposed", "approved", "called_off", "something_new"])
def test_whoever_decides_reads_that_it_is_recorded(outcome: str) -> None:
    sentence = recorded(outcome, "vendor", "{subject}", 3)
    assert sentence.startswith("Recorded")
    assert "{subject}" in sentence

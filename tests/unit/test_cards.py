"""What the messages say: everything that a reader needs, to the reader that it concerns, and only what is so."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from messages.action_ref import Verb
from messages.cards.facts import Settled
from messages.cards.forms import faults, form
from messages.view import ChoiceField, DateField, PersonField, Row, View
from messages.wording import deciding
from tests.golden.card_examples import (
    ATTESTED,
    BACKUP,
    CHANNEL,
    HANDOVER,
    HANDOVER_WATCHED,
    HIGH,
    ORDINARY,
    OWNERLESS,
    REVOKING,
    UNANSWERED,
    WITHDRAWN,
    at,
)
from tests.unit.card_reading import asked, buttons, said, verbs

# ------------------------------------------------------------------ the full card


@pytest.mark.parametrize(
    "part",
    [
        "Do you still stand behind drift-prod?",
        "you are its service owner",
        "Expires Thu 20 Mar 2025.",
        "Last attested Mon 2 Sep 2024, time to look again.",
        "Drift, through Resell Ltd",
        "production, customer data, confidential",
        "Copies chat transcripts into the CRM",
        "contacts:write, transcripts:read",
        "Sat 1 Mar 2025",
        "Please answer by Wed 5 Mar 2025, 17:00 CET.",
        "Ben Okafor (backup owner) is next, Thu 6 Mar 2025, 09:00 CET.",
        "If nobody answers by Fri 14 Mar 2025, 17:00 CET, the policy asks for it to be revoked.",
    ],
)
def test_a_full_card_says_what_why_until_when_and_who_is_next(part: str) -> None:
    assert part in said(asked(HIGH))


def test_buttons_are_those_offered_in_their_order_and_carry_no_more_than_a_reference() -> None:
    view = asked(HIGH)
    assert verbs(view) == list(HIGH.offered)
    assert {button.action.subject for button in buttons(view)} == {41}
    assert {button.action.version for button in buttons(view)} == {1}


def test_what_cannot_be_undone_is_asked_twice_unless_a_form_asks() -> None:
    direct = {b.action.verb: b.confirm for b in buttons(asked(replace(HIGH, needs_form=frozenset())))}
    assert direct[Verb.REVOKE] is not None
    assert direct[Verb.ROTATE] is not None
    assert direct[Verb.ATTEST] is None
    assert all(button.confirm is None for button in buttons(asked(HIGH)))


def test_whoever_attests_an_ownerless_token_is_told_that_they_become_its_owner() -> None:
    attest = buttons(asked(OWNERLESS))[0]
    assert attest.confirm is not None
    assert "you become its service owner" in attest.confirm.text


def test_an_escalated_card_says_who_was_asked_before_and_who_could_not_be() -> None:
    text = said(asked(BACKUP))
    assert "Asked before, no answer so far: Ana Lima (Mon 3 Mar 2025, Wed 5 Mar 2025)." in text
    assert "The business owner is away." in text
    assert "you are its backup owner" in text
    assert "No service owner is named. The backup owner has left." in said(asked(OWNERLESS))
    assert "security team" in said(asked(CHANNEL))


def test_a_handover_asks_the_named_person_and_tells_the_others_who_is_waited_for() -> None:
    assert verbs(asked(HANDOVER)) == [Verb.ACCEPT, Verb.DECLINE]
    assert "Will you take over ci-cache?" in said(asked(HANDOVER))
    assert "The build team moved" in said(asked(HANDOVER))
    assert "waiting for Ben Okafor" in said(asked(HANDOVER_WATCHED))
    assert not verbs(asked(HANDOVER_WATCHED))


def test_a_settled_card_says_who_decided_what_and_can_decide_nothing() -> None:
    assert "Ana Lima (service owner) re-attested it (Tue 4 Mar 2025, 11:00 CET, Slack)." in said(asked(ATTESTED))
    assert verbs(asked(ATTESTED)) == [Verb.SHOW_HISTORY]
    assert "no longer needs an answer" in said(asked(WITHDRAWN))
    assert verbs(asked(WITHDRAWN)) == [Verb.SHOW_HISTORY]


def test_a_decided_revocation_says_that_the_access_still_works_and_how_to_end_it() -> None:
    text = said(asked(REVOKING))
    assert "It still works until somebody removes it." in text
    assert "GitHub, Settings, Installed GitHub Apps, Drift, Uninstall" in text
    assert "Ben Okafor is asked to carry it out." in text
    assert verbs(asked(REVOKING)) == [Verb.DONE]
    assert "Nobody answered, so by policy it is to be revoked" in said(asked(UNANSWERED))


@pytest.mark.parametrize("work", ["revoke", "rotate", "no_response", "something_new"])
@pytest.mark.parametrize(
    ("result", "says"),
    [("confirmed", "confirm"), ("accepted_unverified", "accepted, not verified"), ("failed", "fail")],
)
def test_a_result_is_confirmed_accepted_or_failed_and_never_just_revoked(work: str, result: str, says: str) -> None:
    settled = Settled(work, "Ana Lima", "service_owner", at(4), "slack", result)
    text = said(asked(replace(HIGH, state="settled", settled=settled, offered=())))
    assert says in text
    assert not re.search(r"\brevoked\.|: revoked$", text, re.MULTILINE)


# ------------------------------------------------------------------ the digest


def test_one_request_is_a_card_and_several_are_a_list() -> None:
    assert not any(isinstance(element, Row) for element in asked(HIGH).elements)
    assert sum(isinstance(element, Row) for element in asked(HIGH, ORDINARY).elements) == 2
    assert sum(isinstance(element, Row) for element in asked(HIGH, more=2).elements) == 1


def test_a_list_goes_by_risk_then_by_what_is_due_first() -> None:
    early = replace(ORDINARY, request_id=50, due_at=at(4))
    view = asked(OWNERLESS, ORDINARY, early, HIGH)
    rows = [element for element in view.elements if isinstance(element, Row)]
    assert [row.button.action.subject for row in rows if row.button] == [41, 50, 42, 44]


def test_one_click_is_offered_where_nothing_is_asked_first() -> None:
    rows = [element for element in asked(HIGH, ORDINARY).elements if isinstance(element, Row)]
    assert [[b.action.verb for b in (row.button, *row.more) if b] for row in rows] == [
        [Verb.OPEN],
        [Verb.ATTEST, Verb.OPEN],
    ]


def test_a_long_list_shows_fifteen_and_counts_the_rest() -> None:
    many = [replace(ORDINARY, request_id=100 + n) for n in range(22)]
    view = asked(*many, more=5)
    assert sum(isinstance(element, Row) for element in view.elements) == 15
    assert "And 12 more: /whose mine" in said(view)
    assert "27 tokens need your answer" in said(view)


def test_what_still_waits_is_never_pushed_out_by_what_is_settled() -> None:
    settled = [replace(ATTESTED, request_id=200 + n, risk=99) for n in range(15)]
    view = asked(*settled, ORDINARY)
    assert Verb.ATTEST in verbs(view)
    assert "1 token needs your answer" in said(view)
    assert "more:" not in said(view)


def test_a_settled_row_says_who_decided_and_loses_its_buttons() -> None:
    view = asked(ATTESTED, HIGH)
    assert "Ana Lima (service owner) re-attested it" in said(view)
    assert verbs(view) == [Verb.OPEN]
    assert "Nothing waits for your answer" in said(asked(ATTESTED, replace(ATTESTED, request_id=9)))


def test_nothing_at_all_is_said_kindly() -> None:
    assert "Nothing waits for your answer" in said(asked())


# ------------------------------------------------------------------ forms


def test_a_high_risk_attestation_restates_vendor_purpose_and_scope_and_asks_why() -> None:
    made = form(Verb.ATTEST, HIGH)
    shown = said(View("", made.intro))
    for part in ("Drift, through Resell Ltd", "Copies chat transcripts", "contacts:write, transcripts:read"):
        assert part in shown
    assert [field.name for field in made.fields] == ["still_right", "justification"]
    assert all(field.required for field in made.fields)


@pytest.mark.parametrize(
    ("verb", "names"),
    [
        (Verb.ROTATE, ["justification"]),
        (Verb.REVOKE, ["justification"]),
        (Verb.DISOWN, ["new_owner", "justification"]),
        (Verb.REASSIGN, ["new_owner", "justification"]),
        (Verb.SNOOZE, ["until", "justification"]),
        (Verb.LET_LAPSE, ["justification"]),
        (Verb.DECLINE, ["justification"]),
        (Verb.DONE, ["result", "evidence"]),
        (Verb.CALL_OFF, ["justification"]),
        (Verb.GIVE_BACK, ["justification"]),
    ],
)
def test_every_decision_asks_what_it_needs(verb: Verb, names: list[str]) -> None:
    made = form(verb, HIGH)
    assert [field.name for field in made.fields] == names
    assert made.action.verb is verb
    assert made.action.subject == HIGH.request_id


def test_a_new_owner_is_a_person_and_need_not_be_known() -> None:
    owner = form(Verb.DISOWN, HIGH).fields[0]
    assert isinstance(owner, PersonField)
    assert not owner.required


def test_a_snooze_shows_its_limits() -> None:
    until = form(Verb.SNOOZE, HIGH).fields[0]
    assert isinstance(until, DateField)
    assert "4 Mar 2025" in until.hint
    assert "10 Mar 2025" in until.hint
    assert "last time" in until.hint


def test_a_person_can_report_work_and_never_confirm_it() -> None:
    result = form(Verb.DONE, REVOKING).fields[0]
    assert isinstance(result, ChoiceField)
    assert [value for value, _ in result.options] == ["accepted_unverified", "failed"]


ANSWERS = {"still_right": "yes", "justification": "Sales needs it."}


@pytest.mark.parametrize(
    ("verb", "values", "wrong"),
    [
        (Verb.ATTEST, ANSWERS, {}),
        (Verb.ATTEST, {**ANSWERS, "justification": "  "}, {"justification": deciding.NEEDED}),
        (Verb.ATTEST, {**ANSWERS, "still_right": "no"}, {"still_right": deciding.NOT_RIGHT}),
        (Verb.ATTEST, {**ANSWERS, "still_right": "maybe"}, {"still_right": deciding.CHOOSE}),
        (Verb.ATTEST, {}, {"still_right": deciding.NEEDED, "justification": deciding.NEEDED}),
        (Verb.ROTATE, {}, {}),
        (Verb.SNOOZE, {"until": "2025-03-10"}, {}),
        (Verb.SNOOZE, {"until": "2025-03-11"}, {"until": "Please choose 10 Mar 2025 or earlier."}),
        (Verb.SNOOZE, {"until": "2025-03-03"}, {"until": "Please choose 4 Mar 2025 or later."}),
        (Verb.SNOOZE, {"until": "soon"}, {"until": deciding.NO_DATE}),
        (Verb.SNOOZE, {}, {"until": deciding.NEEDED}),
        (Verb.DONE, {"result": "confirmed", "evidence": "T-1"}, {"result": deciding.CHOOSE}),
        (Verb.DONE, {"result": "failed", "evidence": "T-1"}, {}),
        (Verb.DISOWN, {}, {}),
        (Verb.CALL_OFF, {}, {"justification": deciding.NEEDED}),
        (Verb.GIVE_BACK, {}, {}),
    ],
)
def test_what_is_wrong_with_an_answer_is_said_beside_it(
    verb: Verb, values: dict[str, str], wrong: dict[str, str]
) -> None:
    assert faults(verb, HIGH, values) == wrong


def test_an_answer_that_is_too_long_is_refused_with_the_limit() -> None:
    assert "1,000" in faults(Verb.REVOKE, HIGH, {"justification": "x" * 1_001})["justification"]


def test_a_day_that_has_passed_is_not_asked_for() -> None:
    text = said(asked(replace(HIGH, overdue=True)))
    assert "An answer was wanted by" in text
    assert "Please answer by" not in text


def test_the_end_of_the_ladder_is_told_once() -> None:
    text = said(asked(replace(HIGH, next_role="reminder", next_at=HIGH.due_at, default_at=HIGH.due_at)))
    assert "reminder is next" not in text
    assert "If nobody answers by then" in text


def test_a_contract_that_is_over_cannot_be_outlived_as_well() -> None:
    ended = replace(HIGH.token, contract_ends_on=HIGH.opened_at.date() - timedelta(days=3))
    text = said(asked(replace(HIGH, token=ended, reasons=("outlives_contract", "contract_ended"))))
    assert "outlive" not in text
    assert "ended" in text

"""What the messages say: everything that a reader needs, to the reader that it concerns, and only what is so."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import pytest

from messages.action_ref import Verb
from messages.cards import KINDS
from messages.cards.ask import ask
from messages.cards.confirmation import confirmation
from messages.cards.due import due
from messages.cards.facts import DigestFacts, HistoryLine, Refusal, RequestFacts, Settled, TokenFacts
from messages.cards.forms import faults, form
from messages.cards.found import none, several, token_card
from messages.cards.help import help_card
from messages.cards.history import history
from messages.cards.mine import mine
from messages.cards.refusal import refusal
from messages.cards.vendor import vendor
from messages.cards.who import who
from messages.plain_text import render
from messages.view import Button, Buttons, ChoiceField, DateField, Element, Form, PersonField, Row, TextField, View
from messages.wording import asking, deciding, outcomes, recording, refusing
from tests.golden.card_examples import (
    ACCOUNTABLE,
    ATTESTED,
    BACKUP,
    CHANNEL,
    DRIFT,
    FORMS,
    HANDOVER,
    HANDOVER_WATCHED,
    HIGH,
    MAP_TILES,
    NO_AUTHORITY,
    ORDINARY,
    OWNERLESS,
    RECORDS,
    REVOKING,
    UNANSWERED,
    VENDOR,
    VIEWS,
    WITHDRAWN,
    at,
)

REASONS = (
    "never_attested",
    "attestation_overdue",
    "expiring",
    "expired",
    "no_expiry",
    "outlives_contract",
    "contract_ended",
    "owner_missing",
    "owner_left",
    "unused",
)


def said(view: View, width: int = 400) -> str:
    return render(view, width, buttons=True)


def asked(*requests: RequestFacts, more: int = 0) -> View:
    return ask(DigestFacts("Ana Lima", requests, more))


def buttons(view: View) -> list[Button]:
    found: list[Button] = []
    for element in view.elements:
        if isinstance(element, Buttons):
            found += element.buttons
        elif isinstance(element, Row):
            found += [*([element.button] if element.button else []), *element.more]
    return found


def verbs(view: View) -> list[Verb]:
    return [button.action.verb for button in buttons(view)]


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
    ],
)
def test_what_is_wrong_with_an_answer_is_said_beside_it(
    verb: Verb, values: dict[str, str], wrong: dict[str, str]
) -> None:
    assert faults(verb, HIGH, values) == wrong


def test_an_answer_that_is_too_long_is_refused_with_the_limit() -> None:
    assert "1,000" in faults(Verb.REVOKE, HIGH, {"justification": "x" * 1_001})["justification"]


# ------------------------------------------------------------------ lookups


def test_a_token_shows_its_owners_and_what_is_open_about_it() -> None:
    view = token_card(DRIFT, HIGH, "Europe/Berlin")
    for part in ("Ana Lima", "Chen Wei", "Ben Okafor", "ghapp-51423", "An answer is awaited by Wed 5 Mar 2025"):
        assert part in said(view)
    assert verbs(view) == [Verb.OPEN, Verb.SHOW_HISTORY]
    assert "It has no owner." in said(token_card(MAP_TILES))
    assert "may be gone" in said(token_card(replace(MAP_TILES, vanished=True)))
    assert "re-attested" in said(token_card(DRIFT, ATTESTED))


def test_several_matches_have_a_button_each_and_no_more_than_ten() -> None:
    view = several("map", [replace(MAP_TILES, token_id=n) for n in range(14)], 3)
    assert [button.action.subject for button in buttons(view)] == list(range(10))
    assert "17 tokens match" in said(view)
    assert "And 7 more" in said(view)


def test_no_match_offers_the_nearest_names_or_help() -> None:
    assert "/whose drift-prod" in said(none("drfit", ["drift-prod"]))
    assert "/whose help" in said(none("zzz"))


def test_mine_has_what_waits_and_what_is_owned() -> None:
    view = mine(DigestFacts("Ana", (HIGH, ORDINARY)), [replace(DRIFT, token_id=n) for n in range(30)], 10)
    assert "In your name: 40 tokens" in said(view)
    assert "And 20 more." in said(view)
    assert "No token is in your name." in said(mine(DigestFacts("Ana", ())))


def test_due_says_who_is_waited_for() -> None:
    text = said(due([CHANNEL, HANDOVER_WATCHED, REVOKING], 5))
    assert "asked last: Chen Wei" in text
    assert "waiting for Ben Okafor" in text
    assert "8 tokens wait for an answer" in text
    assert "Nothing that you may see" in said(due([]))


def test_a_vendor_shows_who_looks_after_it_its_contract_and_its_tokens() -> None:
    text = said(vendor(VENDOR))
    for part in ("Dana Fox", "31 Dec 2025", "being offboarded", "Resell Ltd", "drift-prod", "5 tokens", "And 3 more"):
        assert part in text
    bare = replace(VENDOR, relationship_owner="", contract_ends_on=None, tokens=(), more=0, token_count=0)
    assert "nobody" in said(vendor(bare))
    assert "No token of this vendor" in said(vendor(bare))


def test_a_history_shows_the_latest_records_in_order_with_their_numbers() -> None:
    many = [replace(RECORDS[0], seq=n) for n in range(40)]
    text = said(history(DRIFT, many, 10))
    assert "25 earlier records not shown" in text
    assert re.findall(r"record (\d+)", text) == [str(n) for n in range(15, 40)]
    assert "Nothing is recorded" in said(history(DRIFT, []))


def test_the_auditors_question_is_answered_on_one_screen() -> None:
    text = said(who(ACCOUNTABLE), 72)
    for part in ("Ana Lima, its service owner since Wed 1 Jan 2025.", "Dana Fox", "in force until 31 Dec 2025"):
        assert part in text
    for part in ("Could have removed it", "No answer came from Ana Lima", "records 12 to 331", "whose ledger verify"):
        assert part in text
    assert len(text.split("\n")) <= 45
    nobody = replace(ACCOUNTABLE, roles=(), asked=(), could_remove=(), first_record=None)
    for part in ("Nobody: no owner was named", "Nobody had been asked", "nobody that is known", "No record of this"):
        assert part in said(who(nobody))
    long = replace(ACCOUNTABLE, asked=[replace(RECORDS[1], seq=n) for n in range(50)])
    assert "And 42 earlier: /whose history drift-prod" in said(who(long))


def test_help_names_every_form_of_the_command() -> None:
    text = said(help_card())
    for typed in ("drift-prod", "mine", "due", "vendor acme", "history drift-prod", "help"):
        assert f"/whose {typed}\n" in text
    assert "/whose who drift-prod on 2025-08-12" in text


# ------------------------------------------------------------------ refusals and confirmations


def test_a_refusal_for_lack_of_authority_names_who_can_decide() -> None:
    text = said(refusal(NO_AUTHORITY))
    assert "Ana Lima (service owner)" in text
    assert "Ben Okafor (backup owner)" in text
    crowd = replace(NO_AUTHORITY, who_can=[(f"Person {n}", "security") for n in range(20)])
    assert "and 12 more" in said(refusal(crowd))
    assert "security team" in said(refusal(Refusal("no_authority", "x")))


def test_whoever_comes_second_is_told_who_decided_what_and_when() -> None:
    text = said(refusal(Refusal("already_decided", "ci-cache", settled=ATTESTED.settled, zone="Europe/Berlin")))
    assert "Ana Lima (service owner) re-attested it (Tue 4 Mar 2025, 11:00 CET, Slack)." in text


@pytest.mark.parametrize("code", [*refusing._HEADINGS, "something_new", ""])
def test_every_refusal_says_something(code: str) -> None:
    text = said(refusal(Refusal(code, "{name} {0} %s")))
    assert len(text.split()) > 5
    assert "{name}" not in text or "{name} {0} %s" in text
    unnamed = said(refusal(Refusal(code)))
    assert "{" not in unnamed
    assert not re.search(r"[.?] [a-z]|^[a-z]", unnamed, re.MULTILINE)


@pytest.mark.parametrize("verb", Verb)
def test_every_decision_is_confirmed_in_words(verb: Verb) -> None:
    assert "Recorded" in said(confirmation(verb, REVOKING))
    assert "ci-cache" in said(confirmation(verb, ATTESTED))


# ------------------------------------------------------------------ the words themselves


@pytest.mark.parametrize("code", [*REASONS, "something_new", ""])
@pytest.mark.parametrize("token", [DRIFT, TokenFacts(1, "", "", "")], ids=["known", "unknown"])
def test_every_reason_is_a_sentence(code: str, token: TokenFacts) -> None:
    words = said(asked(replace(HIGH, token=token, reasons=(code,))))
    sentence = re.search(r"• ([^\n]+)", words)
    assert sentence
    assert sentence[1][0].isupper()
    assert sentence[1].endswith(".")
    assert "_" not in sentence[1]


def test_whoever_only_looks_is_not_told_that_it_came_to_them() -> None:
    text = said(asked(replace(HIGH, why="", offered=())))
    assert "it is for others to decide" in text
    assert "came to you" not in text


@pytest.mark.parametrize("role", ["owner", "business_owner", "manager", "something_new", "", "delegate", "security"])
def test_every_reader_learns_why_it_came(role: str) -> None:
    assert asking.why(replace(HIGH, why=role))
    assert "This" in said(asked(replace(HIGH, why=role)))


@pytest.mark.parametrize("kind", [*recording._SENTENCES, "REQUEST_OPENED", "SOMETHING_NEW", ""])
def test_every_record_is_a_sentence_even_with_nothing_in_it(kind: str) -> None:
    for line in (HistoryLine(1, at(3), kind, "", "", ""), HistoryLine(1, at(3), kind, "A", "b", "c", "d", "E")):
        sentence = recording.happened(line)
        assert sentence[0].isupper()
        assert sentence.rstrip("”")[-1] in ".d"
        assert "  " not in sentence


def test_results_that_are_not_known_claim_nothing() -> None:
    assert "not known" in outcomes.result("revoke", "something_new")
    assert outcomes.result("revoke", "") == ""


def _shown() -> list[str]:
    views = [made for example in VIEWS.values() if isinstance(made := example.made(), View)]
    forms = [made for example in FORMS.values() if isinstance(made := example.made(), Form)]
    texts = [f"{view.summary}\n{said(view)}" for view in views]
    for made in forms:
        fields = [field.label + field.hint for field in made.fields]
        texts.append("\n".join([made.title, made.submit, *fields, said(View("", made.intro))]))
    return texts


def test_nothing_shouts_blames_or_needs_a_dictionary() -> None:
    for text in _shown():
        assert "!" not in text
        for word in ("failed to", "ignored", "negligent", "your fault", "must", "None", "escalat", "remediat", "NHI"):
            assert word not in text, text


def test_no_placeholder_or_code_of_ours_reaches_a_reader() -> None:
    for text in _shown():
        bare = text.replace("map_tiles_key", "")
        assert not re.search(r"[a-z]_[a-z]|[{}]|  +\S.*\bNone\b", bare), text


@pytest.mark.parametrize("name", VIEWS)
def test_a_message_fits_a_phone(name: str) -> None:
    """About 46 characters a line; one card is read in no more than two screens of 30 lines."""
    view = VIEWS[name].made()
    assert isinstance(view, View)
    if name.startswith(("ask_", "refusal_", "confirmation_", "replaced")):
        assert len(render(view, 46, buttons=True).split("\n")) <= 60


def test_titles_of_forms_fit_in_slack_as_they_are() -> None:
    for verb in Verb:
        words = deciding.form_words(verb)
        assert 0 < len(words.title) <= 24
        assert 0 < len(words.submit) <= 24
        assert deciding.label(verb)


def test_the_kinds_that_the_outbox_names_are_there() -> None:
    assert set(KINDS) == {"ask", "replaced"}
    assert KINDS["ask"](DigestFacts("Ana", (HIGH,))) == asked(HIGH)
    assert verbs(KINDS["replaced"]()) == [Verb.SHOW_MINE]


def test_every_kind_of_element_is_drawn_somewhere_above() -> None:
    views = [made for example in VIEWS.values() if isinstance(made := example.made(), View)]
    drawn = {type(element) for view in views for element in view.elements}
    assert drawn == set(get_args(Element))
    fields = {type(f) for e in FORMS.values() if isinstance(made := e.made(), Form) for f in made.fields}
    assert fields == {TextField, ChoiceField, PersonField, DateField}


def test_plain_text_keeps_to_its_width_and_loses_no_word() -> None:
    for width in (20, 33, 80):
        text = render(asked(HIGH), width)
        assert all(len(line) <= width for line in text.split("\n"))
        assert re.sub(r"\s", "", "contacts:write, transcripts:read") in re.sub(r"\s", "", text)


def test_a_snooze_without_limits_has_no_hint() -> None:
    assert deciding.snooze_hint("", "", None) == ""
    assert deciding.snooze_hint("", "24 Dec 2025", 3) == "Any day until 24 Dec 2025. It can be put off 3 more times."

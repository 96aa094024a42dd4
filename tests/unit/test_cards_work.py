"""What a card says of work that a connector carries out: what it would break, where it stands, what can be done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from messages.action_ref import Verb
from messages.view import Row
from messages.wording import working
from tests.golden.card_examples import HIGH, ORDINARY
from tests.golden.work_examples import (
    BLAST,
    BLAST_ROTATE,
    DISABLED,
    ENDS,
    HALTED,
    NOTIFIED,
    PROVEN,
    STAGES,
    USED,
    running,
)
from tests.unit.card_reading import asked, buttons, said, verbs

FAULTS = tuple(working._FAULTS)


# ------------------------------------------------------------------ the second person


@pytest.mark.parametrize(
    "part",
    [
        "Do you agree to remove export-prod?",
        "Ana Lima (service owner) decided to revoke it (Tue 4 Mar 2025, 12:00 CET, Slack).",
        "A second person has to agree, because it works in production.",
        "AKIAEXAMPLE0000000012",
        "Tue 4 Mar 2025, 03:00 CET",
        "Tue 4 Mar 2025, 12:00 CET",
        "s3 in eu-central-1",
        "the nightly export, the sales dashboard",
        "for 10 days, while it is switched off",
        "production, customer data, confidential",
        "s3:GetObject, s3:PutObject",
        "If you agree, it is switched off at aws-prod, and deleted 10 days later.",
        "As long as nobody agrees, nothing is done.",
        "Drift holds it and has to handle it safely. We stay accountable for granting it.",
    ],
)
def test_whoever_is_asked_to_agree_reads_what_would_break(part: str) -> None:
    assert part in said(asked(BLAST))


def test_to_agree_is_asked_twice_and_restates_what_happens() -> None:
    agree, call_off = buttons(asked(BLAST))
    assert agree.confirm is not None
    for part in ("export-prod", "production", "aws-prod", "10 days", "the nightly export"):
        assert part in agree.confirm.text
    assert "cannot be given back" not in agree.confirm.text
    assert len(agree.confirm.text) <= 300
    assert (agree.style, call_off.style, call_off.confirm) == ("danger", "plain", None)
    rotate = buttons(asked(BLAST_ROTATE))[0]
    assert rotate.confirm is not None
    assert "The old one stops working at once." in rotate.confirm.text
    assert "It cannot be given back." in rotate.confirm.text
    assert rotate.style == "primary"


def test_use_after_an_agreement_is_said_first() -> None:
    text = said(asked(USED))
    assert "It was used after Chen Wei had agreed (Tue 4 Mar 2025, 15:00 CET), so the question is asked again." in text
    assert "not recorded; something may still use it" in text
    assert "it is deleted at aws-prod." in text


def test_a_place_that_nobody_noted_is_a_reason_of_its_own() -> None:
    unknown = replace(BLAST, token=replace(BLAST.token, environment=""))
    assert "because nobody has noted where it works" in said(asked(unknown))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"last_used_at": None}, "never"),
        ({"tells_use": False}, "Sat 1 Mar 2025, as the inventory has it; aws-prod does not say"),
        ({"seen_at": None}, "Sat 1 Mar 2025, as the inventory has it\n"),
    ],
)
def test_last_use_says_who_says_so(changed: dict[str, Any], says: str) -> None:
    assert says in said(asked(running(replace(NOTIFIED, **changed), Verb.APPROVE))) + "\n"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"reversible": False}, "no"),
        ({"grace_days": 0}, "no; it is deleted as soon as it is switched off"),
        ({"disables_first": False}, "no"),
        ({"grace_days": 1}, "for 1 day, while it is switched off"),
    ],
)
def test_the_way_back_is_never_promised_where_there_is_none(changed: dict[str, Any], says: str) -> None:
    text = said(asked(running(replace(NOTIFIED, **changed), Verb.APPROVE)))
    assert f"Can be given back       {says}\n" in text


# ------------------------------------------------------------------ stage by stage


@pytest.mark.parametrize("name", STAGES)
def test_only_what_is_offered_is_a_button_and_in_that_order(name: str) -> None:
    assert verbs(asked(STAGES[name])) == list(STAGES[name].offered)


def test_nobody_else_is_asked_to_agree() -> None:
    text = said(asked(STAGES["waiting_for_second"]))
    assert "Chen Wei is asked to agree" in text
    assert "Do you agree" not in text
    nobody = replace(STAGES["waiting_for_second"], assignee="")
    assert "The security team is asked to agree" in said(asked(nobody))


def test_what_is_switched_off_says_until_when_it_can_be_given_back() -> None:
    text = said(asked(STAGES["disabled"]))
    assert "It does not work any more: aws-prod switched it off Tue 4 Mar 2025, 14:00 CET." in text
    assert "give it back until Fri 14 Mar 2025, 14:00 CET. After that it is deleted." in text
    final = said(asked(running(replace(DISABLED, reversible=False))))
    assert "give it back" not in final


def test_a_rotation_never_mixes_up_the_two() -> None:
    text = said(asked(STAGES["proven"]))
    assert "The new one (AKIAEXAMPLE0000000034) works and is the one in use." in text
    assert "The old one (AKIAEXAMPLE0000000012), last used Tue 4 Mar 2025, 14:00 CET, still works." in text


@pytest.mark.parametrize("kind", ["revoke", "rotate"])
@pytest.mark.parametrize("fault", [*FAULTS, "something_new", ""])
def test_what_halted_says_why_and_what_can_be_done(kind: str, fault: str) -> None:
    text = said(asked(running(replace(HALTED, kind=kind, fault=fault), Verb.RETRY)))
    assert working.fault(fault, "aws-prod") in text
    assert working.advice(fault) in text
    assert "AccessDenied" in text
    assert "_" not in text


def test_whoever_may_report_it_as_done_reads_how() -> None:
    assert "How to do it by hand" in said(asked(STAGES["halted"]))
    assert "How to do it by hand" not in said(asked(running(HALTED, Verb.RETRY)))


@pytest.mark.parametrize("stage", ["planned", "delivered", "observed", "something_new", ""])
@pytest.mark.parametrize("kind", ["revoke", "rotate", "something_new"])
def test_every_stage_has_words(stage: str, kind: str) -> None:
    text = said(asked(running(replace(PROVEN, stage=stage, kind=kind, system=""))))
    assert "export-prod: " in text
    assert "{" not in text
    assert "_" not in text


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gone_by_probe", "Removed: it was tried, and aws-prod refused it."),
        ("gone_by_list", "Removed: aws-prod does not list it any more."),
        ("gone_unproven", "aws-prod accepted the removal (not verified). It may still work."),
        ("gone_unproven", "“It is not listed any more, and its use was not tried.”"),
        ("rotated", "Of the old secret: aws-prod says that it is not valid any more."),
        ("called_off", "The removal was called off. It stays as it is."),
    ],
)
def test_an_end_says_by_what_it_was_seen(name: str, says: str) -> None:
    assert says in said(asked(ENDS[name]))


def test_braces_in_a_systems_name_stay_what_they_are() -> None:
    work = replace(NOTIFIED, system="{System} {system} {seen}")
    assert "{System} {system} {seen}" in said(asked(running(work, Verb.APPROVE)))
    assert working.at("{System} and {system}.", "{system}") == "{system} and {system}."


# ------------------------------------------------------------------ in a list


def test_a_question_to_agree_counts_as_waiting_and_other_work_does_not() -> None:
    view = asked(BLAST, STAGES["disabled"], ORDINARY)
    text = said(view)
    assert "2 tokens need your answer; the work on 1 more is not done yet" in text
    assert "Do you still stand behind" not in text
    assert sum(isinstance(element, Row) for element in view.elements) == 3


def test_what_nothing_can_be_done_about_has_no_button() -> None:
    assert verbs(asked(STAGES["observed"], STAGES["disabled"])) == [Verb.OPEN]


# ------------------------------------------------------------------ who holds it


def test_a_token_that_the_vendor_holds_says_who_handles_it_and_who_answers_for_it() -> None:
    assert "Drift holds it and has to handle it safely." in said(asked(HIGH))
    ours = replace(HIGH, token=replace(HIGH.token, held_by="us"))
    assert "handle it safely" not in said(asked(ours))
    nameless = replace(HIGH, token=replace(HIGH.token, vendor=""))
    assert "The vendor holds it" in said(asked(nameless))

"""The words of every message: whole sentences, plain, for every code, on a phone too."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import pytest

from messages.action_ref import Verb
from messages.cards import KINDS
from messages.cards.facts import DigestFacts, HistoryLine, TokenFacts
from messages.plain_text import render
from messages.view import ChoiceField, DateField, Element, Form, PersonField, TextField, View
from messages.wording import asking, deciding, outcomes, recording
from tests.golden.card_examples import (
    DRIFT,
    FORMS,
    HIGH,
    VIEWS,
    at,
)
from tests.unit.card_reading import asked, said, verbs

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
    assert set(KINDS) == {"ask", "checkpoint", "emergency", "offboarding", "replaced", "trouble"}
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

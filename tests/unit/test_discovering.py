"""When a list is not believed, whom a hint means, and what cards say of a token that was found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bot.rules.discovering import Hint, Hints, is_doubtful
from messages.action_ref import Verb
from messages.cards.ask import card
from messages.cards.facts import RequestFacts
from messages.plain_text import render
from tests.golden.card_examples import HIGH, OWNERLESS

PEOPLE = [(1, "ana@example.com", "Ana Lima"), (2, "ben@example.com", "Ben"), (3, "other@example.com", "ben")]


@pytest.mark.parametrize(
    ("listed", "known", "gone", "doubted"),
    [
        (0, 0, 0, False),
        (0, 1, 1, True),
        (5, 15, 10, False),
        (5, 16, 11, True),
        (66, 99, 33, False),
        (65, 99, 34, True),
        (200, 100, 100, True),
    ],
)
def test_a_list_is_doubted(listed: int, known: int, gone: int, doubted: bool) -> None:
    assert is_doubtful(listed, known, gone) is doubted


@pytest.mark.parametrize(
    ("hints", "best"),
    [
        ([], Hint()),
        (["ANA@EXAMPLE.COM"], Hint("ANA@EXAMPLE.COM", 1)),
        (["ana  LIMA"], Hint("ana  LIMA", 1)),
        (["Ben"], Hint("Ben")),
        (["nobody", "ben@example.com"], Hint("ben@example.com", 2)),
        (["ana@example.com.evil.example"], Hint("ana@example.com.evil.example")),
        ([""], Hint("")),
    ],
)
def test_a_hint_means_one_person(hints: list[str], best: Hint) -> None:
    assert Hints([*PEOPLE, (4, "x@example.com", ""), (5, "y@example.com", "")]).best(hints) == best


def card_of(facts: RequestFacts) -> str:
    return " ".join(render(card(facts), 100, buttons=True).split())


def test_a_token_that_outlives_its_contract_is_proposed_for_a_shorter_life() -> None:
    token = replace(HIGH.token, contract_ends_on=date(2030, 12, 31))
    facts = replace(HIGH, token=token, reasons=("outlives_contract",), offered=(Verb.ATTEST, Verb.ROTATE))
    sentence = "ends on 31 Dec 2030; a rotation to an expiry by then would fit."
    assert sentence in card_of(facts)
    assert sentence not in card_of(replace(facts, offered=(Verb.ATTEST,)))
    assert sentence not in card_of(replace(facts, reasons=("expiring",)))


def test_a_card_about_a_token_without_an_owner_speaks_of_claiming() -> None:
    facts = replace(OWNERLESS, offered=(Verb.ATTEST, Verb.REASSIGN, Verb.REVOKE))
    shown = card_of(facts)
    assert "[Claim it] [Claim it or name an owner…] [Revoke…]" in shown
    assert "It may belong to Kim Abe" in shown
    assert "Claim" not in card_of(replace(facts, becomes_owner=False))

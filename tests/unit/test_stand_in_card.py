"""What a card tells whoever stands in for somebody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from messages.cards.ask import card, digest
from messages.cards.facts import DigestFacts, RequestFacts, TokenFacts
from messages.plain_text import render

TOKEN = TokenFacts(1, "drift-prod", "aws", "k1")
FACTS = RequestFacts(
    request_id=1,
    version=1,
    state="open",
    token=TOKEN,
    reasons=["never_attested"],
    tier="low",
    risk=10,
    opened_at=datetime(2026, 1, 5, tzinfo=UTC),
    due_at=datetime(2026, 1, 9, tzinfo=UTC),
    why="delegate",
    why_name="Kim Abe",
    why_until=datetime(2026, 1, 31, 15, 0, tzinfo=UTC),
    zone="Asia/Tokyo",
)


def test_the_card_names_whom_it_is_for_and_until_when() -> None:
    said = " ".join(render(card(FACTS), 100).split())
    assert "This came to you because you stand in for Kim Abe, who is away until Sun 1 Feb 2026." in said


def test_a_row_of_a_list_does_so_too() -> None:
    several = DigestFacts("Noa Sato", [FACTS, replace(FACTS, request_id=2)], zone="Asia/Tokyo")
    said = " ".join(render(digest(several), 300).split())
    assert "you stand in for Kim Abe, who is away until Sun 1 Feb 2026" in said


@pytest.mark.parametrize(("name", "said"), [("Kim Abe", "stand in for Kim Abe."), ("", "stand in for its owner.")])
def test_once_they_are_back_no_day_is_named(name: str, said: str) -> None:
    back = replace(FACTS, why_name=name, why_until=None)
    assert said in " ".join(render(card(back), 100).split())

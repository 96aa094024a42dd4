"""What is typed after /whose, read as it was meant."""

from __future__ import annotations

from datetime import date

import pytest

from bot.slack.parse import (
    MAX_TYPED,
    Due,
    Find,
    Help,
    History,
    Mine,
    NoDate,
    Question,
    VendorNamed,
    Who,
    clean,
    parse,
)

TODAY = date(2026, 1, 5)
AUGUST = date(2025, 8, 12)


@pytest.mark.parametrize(
    ("typed", "question"),
    [
        ("", Help()),
        ("   \t ", Help()),
        ("help", Help()),
        ("HELP", Help()),
        ("?", Help()),
        ("drift-prod", Find("drift-prod")),
        ("  drift   prod ", Find("drift prod")),
        ("mine", Mine()),
        ("Mine", Mine()),
        ("mine crypto", Find("mine crypto")),
        ('"mine"', Find("mine")),
        ("“mine”", Find("mine")),
        ("'due'", Find("due")),
        ("due", Due()),
        ("mien", Find("mien", "mine")),
        ("histroy drift-prod", Find("histroy drift-prod", "history")),
        ("vendor acme", VendorNamed("acme")),
        ("vendor “Acme Cloud”", VendorNamed("Acme Cloud")),
        ("vendor", Help()),
        ('vendor ""', Help()),
        ("history drift-prod", History("drift-prod")),
        ("history", Help()),
        ("who", Help()),
        ("who drift-prod", Who("drift-prod")),
        ("who drift-prod on 2025-08-12", Who("drift-prod", AUGUST)),
        ("WHO drift-prod ON 2025-08-12", Who("drift-prod", AUGUST)),
        ("who owned drift-prod on 2025-08-12?", Who("drift-prod", AUGUST)),
        ("who drift-prod 2025-08-12", Who("drift-prod", AUGUST)),
        ("who drift-prod on 12 Aug 2025", Who("drift-prod", AUGUST)),
        ("who drift-prod on August 12th, 2025", Who("drift-prod", AUGUST)),
        ("who drift-prod on 2025-08-12T14:00Z", Who("drift-prod", AUGUST)),
        ("who drift-prod on today", Who("drift-prod", TODAY)),
        ("who drift-prod on yesterday", Who("drift-prod", date(2026, 1, 4))),
        ("who drift-prod yesterday", Who("drift-prod", date(2026, 1, 4))),
        ("who log on prod", Who("log on prod")),
        ("who log on prod on 2025-08-12", Who("log on prod", AUGUST)),
        ('who "log on 2025-08-12"', Who("log on 2025-08-12")),
        ("who drift-prod on 2025-02-30", NoDate("2025-02-30")),
        ("who drift-prod on 08/12/2025", NoDate("08/12/2025")),
        ("who drift-prod on 2025-13-01", NoDate("2025-13-01")),
        ("<@U0123|ana>", Find("ana")),
        ("<https://acme.example|acme.example>", Find("acme.example")),
        ("<mailto:ana@example.com|ana@example.com>", Find("ana@example.com")),
        ("<!channel>", Find("channel")),
        ("a &amp; b", Find("a & b")),
        ("&lt;!channel&gt;", Find("<!channel>")),
        ("drift\u200b-prod\u202e", Find("drift-prod")),
        ("\u200b\u200d", Help()),
        ("drift\x00prod\ndue", Find("drift prod due")),
    ],
)
def test_typed(typed: str, question: Question) -> None:
    assert parse(typed, TODAY) == question


def test_ten_thousand_characters_are_cut() -> None:
    question = parse("x" * 10_000, TODAY)
    assert isinstance(question, Find)
    assert question.words == "x" * MAX_TYPED


def test_the_first_day_of_all_has_no_yesterday() -> None:
    assert isinstance(parse("who x on yesterday", date.min), Who)


def test_clean_is_one_line_of_what_can_be_seen() -> None:
    assert clean("a\u2028b\u0007 c\u00ad") == "a b c"

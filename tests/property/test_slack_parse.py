"""Whatever is typed, the parser answers, and what it passes on is one visible line."""

from __future__ import annotations

import unicodedata
from datetime import date

from hypothesis import example, given
from hypothesis import strategies as st

from bot.slack.parse import MAX_TYPED, Find, History, NoDate, VendorNamed, Who, clean, parse

DAYS = st.dates(min_value=date(1, 1, 2))
NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=30).map(lambda s: f"t-{s}")


@given(st.text(max_size=1_000), DAYS)
@example("who on 2025-01-01", date(2026, 1, 1))
@example("who \ud800 on \udfff", date(2026, 1, 1))
@example('"' * 500, date(2026, 1, 1))
@example("<" * 500 + "|" * 500, date(2026, 1, 1))
def test_never_raises_and_passes_on_one_visible_line(typed: str, today: date) -> None:
    question = parse(typed, today)
    match question:
        case Find() | History() | Who():
            words = question.words
        case VendorNamed():
            words = question.name
        case NoDate():
            words = question.typed
        case _:
            return
    assert words
    assert words == words.strip()
    assert len(words) <= MAX_TYPED
    assert not {unicodedata.category(c) for c in words} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text(max_size=300))
def test_cleaning_shows_nothing_new_the_second_time_but_read_entities(typed: str) -> None:
    once = clean(typed)
    if not set(once) & set("&<"):
        assert clean(once) == once


@given(NAMES, st.dates(min_value=date(1000, 1, 1)), DAYS)
def test_any_name_and_any_day_are_found_again(name: str, on: date, today: date) -> None:
    assert parse(f"who {name} on {on.isoformat()}", today) == Who(name, on)
    assert parse(f"who {name} {on.isoformat()}", today) == Who(name, on)
    assert parse(f"history “{name}”", today) == History(name)


@given(NAMES)
def test_words_in_quotes_are_a_name_and_nothing_else(name: str) -> None:
    for word in (name, "mine", "due", "help", f"who {name}", f"vendor {name}"):
        found = parse(f'"{word}"', date(2026, 1, 1))
        assert isinstance(found, Find)
        assert found.words == word

"""No text from outside acts, whichever field of whichever message it stands in."""

from __future__ import annotations

import pytest

from messages.block_check import message_faults, view_faults
from messages.block_kit import render, render_form, render_home
from messages.inert import clean
from messages.mrkdwn import as_typed, fallback, mrkdwn, plain
from messages.plain_text import render as render_plain
from messages.view import Code, Form, Strong, View
from tests.golden.card_examples import FORMS, VIEWS, Example
from tests.unit.hostile_text import HOSTILE, acting, mrkdwn_faults, poisoned, text_faults, texts

EVERY = {**VIEWS, **FORMS}
by_hostile_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


def made(example: Example, text: str, codes: bool) -> View | Form:
    return Example(example.build, poisoned(example.facts, text, codes=codes)).made()


def faults_of(view: View | Form) -> list[str]:
    if isinstance(view, Form):
        drawn: object = render_form(view)
        faults = view_faults(render_form(view))
    else:
        rendered = render(view)
        drawn = rendered.blocks
        faults = message_faults(rendered.text, rendered.blocks)
        faults += [f"text: {fault}" for fault in mrkdwn_faults(rendered.text)]
        faults += view_faults(render_home(view))
        faults += text_faults(render_plain(view, 60, buttons=True))
    for kind, text in texts(drawn):
        faults += [f"{fault}: {text[:200]!r}" for fault in (mrkdwn_faults if kind == "mrkdwn" else text_faults)(text)]
        if kind == "plain_text":
            assert "<!" not in text
            assert "<@" not in text
    return faults


@by_hostile_text
@pytest.mark.parametrize("codes", [False, True], ids=["values", "everything"])
def test_no_field_of_any_message_acts(text: str, codes: bool) -> None:
    for name, example in EVERY.items():
        assert not faults_of(made(example, text, codes)), name


# An empty value and one that is cut are drawn differently for other reasons.
COMPARABLE = {name: text for name, text in HOSTILE.items() if clean(text).strip() and len(text) <= 70}


@pytest.mark.parametrize("text", COMPARABLE.values(), ids=COMPARABLE.keys())
def test_a_hostile_value_is_drawn_with_the_same_marks_as_a_harmless_one(text: str) -> None:
    for name, example in VIEWS.items():
        harmless, hostile = (made(example, value, codes=False) for value in ("harmless", text))
        assert isinstance(harmless, View)
        assert isinstance(hostile, View)
        if name == "checkpoint":  # a signed note has a code span for each of its lines: as many marks, no other ones
            spans = len([line for line in text.splitlines() if line])
            assert marks(hostile) == sorted([*marks(harmless), *["``"] * (spans - 1)]), name
        else:
            assert marks(hostile) == marks(harmless), name


def marks(view: View) -> list[str]:
    return sorted(acting(text) for kind, text in texts(render(view).blocks) if kind == "mrkdwn")


@by_hostile_text
def test_a_single_value_keeps_to_itself(text: str) -> None:
    assert acting(mrkdwn([text], 3_000)) == ""
    assert acting(mrkdwn([Strong(text)], 3_000)) in {"", "**"}
    assert acting(mrkdwn([Code(text)], 3_000)) in {"", "``"}
    assert not mrkdwn_faults(mrkdwn(["a ", text, " b ", Strong(text), " c ", Code(text)], 3_000, lines=True))
    assert "://" not in fallback(text, 3_000)
    assert not text_faults(plain(text, 75))


@pytest.mark.parametrize(
    ("written", "drawn"),
    [
        ("drift-prod", "drift-prod"),
        ("map_tiles_key", "map_tiles_key"),
        ("MAP__TILES", "MAP__TILES"),
        ("AT&T", "AT&amp;T"),
        ("a -> b", "a -&gt; b"),
        ("Søren Ørsted", "Søren Ørsted"),
        ("نمی‌خواهم", "نمی‌خواهم"),
        ("5 * 3", "5 ∗ 3"),
        ("https://example.com/a", "https://example.com/a"),
        ("10:30", "10:30"),
        ("repo:read, s3:GetObject", "repo:read, s3:GetObject"),
    ],
)
def test_ordinary_names_stay_readable(written: str, drawn: str) -> None:
    assert mrkdwn([written], 3_000) == drawn


def test_a_name_copied_out_of_a_message_is_found_again() -> None:
    name = "_*edge*_ `x` ~y~ arn:aws:iam::1:user"
    assert as_typed(mrkdwn([name], 3_000)) == name


def test_identifiers_in_code_stay_as_they_are() -> None:
    assert mrkdwn([Code("arn:aws:iam::1:user/_x_*")], 3_000) == "`arn:aws:iam::1:user/_x_*`"


def test_a_terminal_sequence_goes_as_a_whole() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b]0;title\x07end\x1b") == "red end"


def test_two_values_that_meet_make_nothing_together() -> None:
    for text in ([":", "smile", ":"], ["a:smi", "le:"], ["", ">", " quoted"]):
        assert not mrkdwn_faults(mrkdwn(text, 3_000))

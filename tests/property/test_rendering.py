"""Whatever stands in the facts, and whatever a view is made of: within every limit, inert, and no exception."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sandbox.block_limits import check_blocks, check_view, too_much_text
from messages.action_ref import ActionRef, Verb, decode
from messages.block_check import message_faults, view_faults
from messages.block_kit import render, render_form, render_home
from messages.cards.ask import ask
from messages.cards.facts import DigestFacts, RequestFacts, Settled, TokenFacts
from messages.cards.forms import faults, form
from messages.inert import clean, short
from messages.mrkdwn import as_typed, mrkdwn, plain, size
from messages.plain_text import render as render_plain
from messages.view import (
    Button,
    Buttons,
    Code,
    Confirm,
    Divider,
    Facts,
    Form,
    Heading,
    Moment,
    Note,
    Paragraph,
    Row,
    Strong,
    View,
)
from tests.golden.card_examples import FORMS, VIEWS, Example
from tests.unit.hostile_text import HOSTILE, mrkdwn_faults, text_faults, texts

ACTING = st.text(alphabet=st.sampled_from(list("*_~`<>&|:!@#^\n\r\t ab1-'\"\\\u202e\u200b\x1b[]()\ud83d\U0001f600é")))
NASTY = st.one_of(
    st.text(st.characters(), max_size=80),
    ACTING,
    st.sampled_from(list(HOSTILE.values())),
    st.builds(lambda text, times: text * times, ACTING, st.integers(1, 150)),
)
MOMENTS = st.datetimes(timezones=st.just(UTC))
ZONES = st.one_of(st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia"]), NASTY)
PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]
SLOW = settings(deadline=None, max_examples=60, suppress_health_check=PATIENT)


def assert_drawn_well(view: View) -> None:
    rendered = render(view)
    assert not message_faults(rendered.text, rendered.blocks)
    assert not check_blocks(rendered.blocks, "message")
    assert not too_much_text(rendered.blocks)
    assert not mrkdwn_faults(rendered.text)
    home = render_home(view)
    assert not view_faults(home)
    assert not check_view(home)
    assert_inert([rendered.blocks, home])
    drawn = render_plain(view, 40, buttons=True)
    assert not text_faults(drawn)
    assert all(len(line) <= 40 for line in drawn.split("\n"))


def assert_inert(drawn: object) -> None:
    for kind, text in texts(drawn):
        assert not (mrkdwn_faults if kind == "mrkdwn" else text_faults)(text)


# ------------------------------------------------------------------ any text in any message


POOLS = st.lists(st.none() | NASTY, min_size=1, max_size=6)


def _varied(value: Any, pool: Iterator[str | None]) -> Any:
    """``value`` with its strings replaced by those of ``pool`` in turn; None there leaves one as it is."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        text = next(pool)
        return value if text is None else text
    if isinstance(value, tuple):
        return tuple(_varied(item, pool) for item in value)
    if hasattr(value, "__dataclass_fields__"):
        return type(value)(**{name: _varied(getattr(value, name), pool) for name in value.__dataclass_fields__})
    return value


@pytest.mark.parametrize("name", VIEWS)
@given(pool=POOLS)
@settings(SLOW, max_examples=12)
def test_any_text_in_any_message(name: str, pool: list[str | None]) -> None:
    example = VIEWS[name]
    view = Example(example.build, _varied(example.facts, cycle(pool))).made()
    assert isinstance(view, View)
    assert_drawn_well(view)


@pytest.mark.parametrize("name", FORMS)
@given(pool=POOLS)
@settings(SLOW, max_examples=12)
def test_any_text_in_any_form(name: str, pool: list[str | None]) -> None:
    example = FORMS[name]
    made = Example(example.build, _varied(example.facts, cycle(pool))).made()
    assert isinstance(made, Form)
    modal = render_form(made)
    assert not view_faults(modal)
    assert not check_view(modal)
    assert_inert(modal)


# ------------------------------------------------------------------ any request, any digest

TOKENS = st.builds(
    TokenFacts,
    token_id=st.integers(1, 10**15),
    name=NASTY,
    issuing_system=NASTY,
    external_id=NASTY,
    vendor=NASTY,
    vendor_chain=st.lists(NASTY, max_size=6).map(tuple),
    contract_ends_on=st.none() | st.dates(),
    purpose=NASTY,
    environment=NASTY,
    customer_data=st.none() | st.booleans(),
    scopes=NASTY,
    expires_at=st.none() | MOMENTS,
    last_used_at=st.none() | MOMENTS,
    last_attested_at=st.none() | MOMENTS,
)
CODES = st.one_of(
    st.sampled_from(
        [
            "owner",
            "reminder",
            "backup_owner",
            "manager",
            "security",
            "handover",
            "delegate",
            "no_response",
            "attest",
            "expiring",
            "contract_ended",
            "unused",
            "revoke",
            "rotate",
            "withdrawn",
            "failed",
            "left",
            "missing",
        ]
    ),
    NASTY,
)
SETTLED = st.builds(Settled, outcome=CODES, by=NASTY, role=CODES, at=MOMENTS, platform=CODES, result=CODES)
REQUESTS = st.builds(
    RequestFacts,
    request_id=st.integers(1, 5) | st.integers(1, 10**15),
    version=st.integers(1, 10**8),
    state=st.sampled_from(["open", "handover", "remediating", "settled", "withdrawn"]) | NASTY,
    token=TOKENS,
    reasons=st.lists(CODES, max_size=12).map(tuple),
    tier=NASTY,
    risk=st.integers(0, 100),
    opened_at=MOMENTS,
    due_at=MOMENTS,
    why=CODES,
    why_name=NASTY,
    unreachable=st.lists(st.tuples(CODES, CODES), max_size=6).map(tuple),
    asked_before=st.lists(st.tuples(NASTY, MOMENTS), max_size=8).map(tuple),
    next_name=NASTY,
    next_role=CODES,
    next_at=st.none() | MOMENTS,
    default_action=st.sampled_from(["none", "open_revocation"]) | NASTY,
    default_at=st.none() | MOMENTS,
    offered=st.lists(st.sampled_from(Verb), max_size=13).map(tuple),
    needs_form=st.frozensets(st.sampled_from(Verb)),
    becomes_owner=st.booleans(),
    proposed_by=NASTY,
    handover_note=NASTY,
    settled=st.none() | SETTLED,
    instructions=NASTY,
    assignee=NASTY,
    restate=st.booleans(),
    reason_required=st.frozensets(st.sampled_from(Verb)),
    snooze_first=st.none() | st.dates(),
    snooze_last=st.none() | st.dates(),
    snoozes_left=st.none() | st.integers(0, 20),
    zone=ZONES,
)


@given(facts=st.builds(DigestFacts, NASTY, st.lists(REQUESTS, max_size=25).map(tuple), st.integers(0, 10**6), ZONES))
@settings(SLOW)
def test_any_digest(facts: DigestFacts) -> None:
    view = ask(facts)
    assert sum(isinstance(element, Row) for element in view.elements) <= 15
    assert_drawn_well(view)


@given(verb=st.sampled_from(Verb), facts=REQUESTS, value=NASTY)
@settings(SLOW)
def test_any_form_and_any_answer_to_it(verb: Verb, facts: RequestFacts, value: str) -> None:
    made = form(verb, facts)
    modal = render_form(made)
    assert not view_faults(modal)
    assert not check_view(modal)
    assert_inert(modal)
    found = faults(verb, facts, {field.name: value for field in made.fields})
    assert set(found) <= {field.name for field in made.fields}


# ------------------------------------------------------------------ any view at all

INLINES = st.one_of(
    NASTY,
    st.builds(Strong, NASTY),
    st.builds(Code, NASTY),
    st.builds(Moment, MOMENTS, ZONES, st.sampled_from(["date", "time", "datetime"])),
)
TEXTS = st.lists(INLINES, max_size=5)
ACTIONS = st.builds(ActionRef, st.sampled_from(Verb), st.integers(0, 3) | st.integers(0, 10**17), st.integers(0, 10**8))
BUTTONS = st.builds(
    Button,
    NASTY,
    ACTIONS,
    st.sampled_from(["plain", "primary", "danger"]),
    st.none() | st.builds(Confirm, NASTY, NASTY, NASTY, NASTY),
)
ELEMENTS = st.one_of(
    st.builds(Heading, NASTY),
    st.builds(Paragraph, TEXTS),
    st.builds(Facts, st.lists(st.tuples(NASTY, TEXTS), max_size=14)),
    st.builds(Note, TEXTS),
    st.just(Divider()),
    st.builds(Buttons, st.lists(BUTTONS, max_size=30)),
    st.builds(Row, TEXTS, st.none() | BUTTONS, st.lists(BUTTONS, max_size=3)),
)


@given(view=st.builds(View, NASTY, st.lists(ELEMENTS, max_size=12)), times=st.integers(1, 12))
@settings(SLOW)
def test_any_view(view: View, times: int) -> None:
    assert_drawn_well(View(view.summary, list(view.elements) * times))


@given(text=TEXTS, most=st.integers(1, 300), lines=st.booleans())
@settings(SLOW, max_examples=300)
def test_any_text_is_cut_to_any_length(text: list[Any], most: int, lines: bool) -> None:
    drawn = mrkdwn(text, most, lines=lines)
    assert size(drawn) <= most
    assert not mrkdwn_faults(drawn)


@given(text=NASTY, most=st.integers(1, 100))
def test_cleaning_and_cutting_settle_at_once(text: str, most: int) -> None:
    for lines in (False, True):
        once = clean(text, lines=lines)
        assert clean(once, lines=lines) == once
        assert not text_faults(once)
    assert size(plain(text, most)) <= most
    assert len(short(text, most)) <= most


@given(st.text(alphabet="ab1*_~`: "))
def test_stand_ins_can_be_taken_back(text: str) -> None:
    assert as_typed(mrkdwn([text], 3_000)) == clean(text).strip()


@given(ACTIONS)
def test_what_a_button_carries_is_read_back(action: ActionRef) -> None:
    assert decode(action.encode()) == action
    assert len(action.encode()) <= 60


def test_the_first_and_the_last_moment() -> None:
    for at in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), datetime(2025, 3, 3)):
        for zone in ("Pacific/Apia", "America/Adak"):
            assert_drawn_well(View("x", [Paragraph([Moment(at, zone)])]))

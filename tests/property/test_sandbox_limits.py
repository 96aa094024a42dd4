"""Whatever is sent as blocks or as a view, the checker answers with problems and never falls over."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.block_limits import check_blocks, check_view, elements_of, texts_of
from bot.sandbox.elements import initial_values, input_errors, merged_values
from bot.sandbox.workspace import Workspace
from tests.servers.workspace import ManualClock

_TYPES = [
    "section",
    "actions",
    "context",
    "header",
    "input",
    "image",
    "divider",
    "rich_text",
    "button",
    "overflow",
    "static_select",
    "external_select",
    "users_select",
    "multi_static_select",
    "checkboxes",
    "radio_buttons",
    "datepicker",
    "datetimepicker",
    "plain_text_input",
    "number_input",
    "plain_text",
    "mrkdwn",
    "modal",
    "home",
]
_KEYS = [
    "type",
    "text",
    "fields",
    "elements",
    "element",
    "accessory",
    "label",
    "hint",
    "options",
    "option_groups",
    "initial_option",
    "initial_options",
    "value",
    "action_id",
    "block_id",
    "confirm",
    "title",
    "deny",
    "placeholder",
    "blocks",
    "submit",
    "close",
    "private_metadata",
    "external_id",
    "optional",
    "initial_date",
    "min_length",
    "max_length",
    "alt_text",
    "image_url",
    "style",
    "url",
    "description",
]
_leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(_TYPES)
_json = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=6),
    max_leaves=25,
)
_typed = st.builds(
    lambda kind, rest: {**rest, "type": kind}, st.sampled_from(_TYPES), st.dictionaries(st.sampled_from(_KEYS), _json)
)


@given(st.lists(_typed | _json, max_size=4))
@settings(max_examples=500, deadline=None)
def test_any_blocks_are_answered(blocks: list[Any]) -> None:
    for surface in ("message", "modal", "home"):
        assert all("[json-pointer:/blocks" in line for line in check_blocks(blocks, surface))


@given(_typed | _json)
@settings(max_examples=500, deadline=None)
def test_any_view_is_answered(view: Any) -> None:
    assert isinstance(check_view(view), list)


def _text(draw: random.Random, most: int, kind: str = "plain_text") -> dict[str, Any]:
    return {"type": kind, "text": "x" * draw.randint(1, most)}


def _block(draw: random.Random, number: int) -> dict[str, Any]:
    options = [{"text": _text(draw, 75), "value": str(n)} for n in range(draw.randint(1, 10))]
    elements: list[dict[str, Any]] = [
        {"type": "button", "text": _text(draw, 75), "value": "x" * draw.randint(1, 2000)},
        {"type": "static_select", "options": options, "initial_option": draw.choice(options)},
        {"type": "checkboxes", "options": options, "initial_options": options[:2]},
        {"type": "datepicker", "initial_date": "2026-03-02"},
        {"type": "users_select"},
    ]
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": _text(draw, 3000, "mrkdwn"), "accessory": draw.choice(elements)},
        {"type": "section", "fields": [_text(draw, 2000, "mrkdwn") for _ in range(draw.randint(1, 10))]},
        {"type": "actions", "elements": elements[: draw.randint(1, 5)]},
        {"type": "header", "text": _text(draw, 150)},
        {"type": "divider"},
        {"type": "input", "label": _text(draw, 2000), "element": {"type": "plain_text_input"}},
    ]
    return {**draw.choice(blocks), "block_id": f"b{number}"}


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_what_is_within_the_limits_is_taken_and_can_be_filled_in(seed: int) -> None:
    draw = random.Random(seed)
    blocks = [_block(draw, number) for number in range(draw.randint(1, 50))]
    assert check_blocks(blocks, "message") == []
    kept = Workspace("T1", "Team", "xoxb", "secret", (), ManualClock().now).with_ids(blocks)
    assert check_blocks(kept, "message") == []
    assert all(element["action_id"] for block in kept for element in elements_of(block))
    values = merged_values(kept, {})
    assert values == initial_values(kept)
    assert set(input_errors(kept, values)) == {b["block_id"] for b in kept if b["type"] == "input"}
    assert list(texts_of(kept)) == list(texts_of(blocks))

"""Views become Block Kit within Slack's limits; what is too long is cut in the right place, never refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View as SlackView

from bot.sandbox.block_limits import check_blocks, check_view, too_much_text
from messages.action_ref import ActionRef, Verb
from messages.block_check import message_faults, view_faults
from messages.block_kit import render, render_form, render_home, render_modal
from messages.block_kit_state import Origin, decode_origin, encode_origin, read_values
from messages.mrkdwn import mrkdwn, plain, size
from messages.view import (
    Button,
    Buttons,
    ChoiceField,
    Code,
    Confirm,
    DateField,
    Divider,
    Element,
    Facts,
    Form,
    Heading,
    Moment,
    Note,
    Paragraph,
    PersonField,
    Row,
    Strong,
    Text,
    TextField,
    View,
)
from tests.golden.card_examples import FORMS, VIEWS

WHEN = datetime(2025, 3, 3, 16, tzinfo=UTC)


def button(number: int, label: str = "Open") -> Button:
    return Button(label, ActionRef(Verb.OPEN, number, 1))


def blocks(*elements: Element, summary: str = "Something happened.") -> list[dict[str, Any]]:
    rendered = render(View(summary, elements))
    assert not message_faults(rendered.text, rendered.blocks)
    assert not check_blocks(rendered.blocks, "message")
    return rendered.blocks


# ------------------------------------------------------------------ three opinions on every message


@pytest.mark.parametrize("name", VIEWS)
def test_every_message_is_taken_by_the_builder_and_by_the_sandbox(name: str) -> None:
    view = VIEWS[name].made()
    assert isinstance(view, View)
    rendered = render(view)
    assert not message_faults(rendered.text, rendered.blocks)
    assert not check_blocks(rendered.blocks, "message")
    assert not too_much_text(rendered.blocks)
    for block in Block.parse_all(rendered.blocks):
        block.validate_json()
    assert not view_faults(render_home(view))
    assert not check_view(render_home(view))
    assert not check_view(render_modal(view, "A title that is too long to be shown"))


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_taken_by_the_builder_and_by_the_sandbox(name: str) -> None:
    form = FORMS[name].made()
    assert isinstance(form, Form)
    modal = render_form(form)
    assert not view_faults(modal)
    assert not check_view(modal)
    SlackView(**modal).validate_json()
    assert modal["title"]["text"] == form.title, "a title of ours fits 24 characters"
    assert modal["private_metadata"] == form.action.encode()


# ------------------------------------------------------------------ one element at a time


def test_a_row_with_one_button_has_it_beside_it_and_with_more_below_it() -> None:
    beside, text, below = blocks(Row(["a"], button(1)), Row(["b"], button(2), [button(3)]))
    assert beside["accessory"]["value"] == "w1:open:1:1"
    assert "accessory" not in text
    assert [one["value"] for one in below["elements"]] == ["w1:open:2:1", "w1:open:3:1"]


def test_short_facts_stand_side_by_side_and_long_ones_alone() -> None:
    short_ones, long_one, last = blocks(Facts([("A", ["1"]), ("B", ["2"]), ("C", ["long " * 20]), ("D", ["4"])]))
    assert [field["text"] for field in short_ones["fields"]] == ["*A*\n1", "*B*\n2"]
    assert long_one["text"]["text"].startswith("*C*\nlong long")
    assert len(last["fields"]) == 1


def test_more_than_ten_facts_take_a_second_section() -> None:
    drawn = blocks(Facts([(f"Label {n}", [str(n)]) for n in range(23)]))
    assert [len(block["fields"]) for block in drawn] == [10, 10, 3]


def test_a_moment_is_shown_in_the_readers_own_zone_with_words_to_fall_back_on() -> None:
    (section,) = blocks(Paragraph(["By ", Moment(WHEN, "America/New_York"), "."]))
    assert section["text"] == {
        "type": "mrkdwn",
        "text": "By <!date^1741017600^{date_short_pretty} {time}|Mon 3 Mar 2025, 11:00 EST>.",
        "verbatim": True,
    }


@pytest.mark.parametrize("zone", ["", "Nowhere/City", "../../etc/passwd", "Europe", "a\x00b", "\ud800", "x" * 5_000])
def test_an_unknown_zone_is_utc(zone: str) -> None:
    assert mrkdwn([Moment(WHEN, zone, "time")], 100) == "<!date^1741017600^{time}|16:00 UTC>"


def test_what_asks_before_it_acts_does_so_in_plain_text() -> None:
    confirm = Confirm("Sure?" * 50, "*Really*? " * 50, "Yes " * 20, "No")
    (actions,) = blocks(Buttons([Button("Revoke", ActionRef(Verb.REVOKE, 1, 1), "danger", confirm)]))
    drawn = actions["elements"][0]
    assert drawn["style"] == drawn["confirm"]["style"] == "danger"
    assert drawn["confirm"]["text"]["type"] == "plain_text"


def test_two_buttons_of_one_name_get_two() -> None:
    drawn = blocks(Row(["a"], button(1)), Row(["b"], button(1)), Buttons([button(1)]))
    ids = [drawn[0]["accessory"]["action_id"], drawn[1]["accessory"]["action_id"], drawn[2]["elements"][0]["action_id"]]
    assert ids == ["whose:open:1", "whose:open:1~2", "whose:open:1~3"]


def test_thirty_buttons_take_two_blocks() -> None:
    assert [len(block["elements"]) for block in blocks(Buttons([button(n) for n in range(30)]))] == [25, 5]


def test_what_holds_nothing_to_see_is_not_drawn() -> None:
    drawn = blocks(Heading(" "), Paragraph(["\u200b"]), Note([]), Buttons([]), Facts([]), Paragraph(["seen"]))
    assert len(drawn) == 1


def test_a_view_of_nothing_still_says_its_summary() -> None:
    assert blocks(summary="Still here")[0]["text"]["text"] == "Still here"
    assert blocks(summary="")


# ------------------------------------------------------------------ what is too long


@pytest.mark.parametrize("most", range(2, 60))
def test_a_cut_never_falls_inside_an_escape_or_a_date(most: int) -> None:
    long_ones: list[Text] = [["&<>" * 30], [Strong("&" * 40)], [Code("<" * 40)], ["ab ", Moment(WHEN), " cd" * 20]]
    for text in long_ones:
        drawn = mrkdwn(text, most)
        assert size(drawn) <= most
        assert drawn.endswith("…")
        bare = drawn
        for whole in ("&amp;", "&lt;", "&gt;", mrkdwn([Moment(WHEN)], 200)):
            bare = bare.replace(whole, "")
        assert not set(bare) & set("&<>;")
        assert bare.count("*") in {0, 2}
        assert bare.count("`") in {0, 2}


def test_lengths_count_as_slack_may_count_them() -> None:
    drawn = plain("\U0001f600" * 100, 75)
    assert size(drawn) <= 75
    assert drawn.endswith("…")


def test_rows_that_do_not_fit_are_left_out_whole_and_counted() -> None:
    rows = [Row([f"row {n}"], button(n), [button(n + 1_000)]) for n in range(40)]
    drawn = blocks(Heading("Many"), *rows, Buttons([button(9_999)]), Note(["The end."]))
    shown = [block["text"]["text"] for block in drawn if block["type"] == "section"]
    assert shown == [f"row {n}" for n in range(len(shown))]
    notes = [block["elements"][0]["text"] for block in drawn if block["type"] == "context"]
    assert notes == [f"{40 - len(shown)} more not shown here.", "The end."]
    assert drawn[-2]["elements"][0]["value"] == "w1:open:9999:1"


def test_long_texts_are_cut_before_any_row_goes() -> None:
    drawn = blocks(Heading("Long"), *[Row(["word " * 300], button(n)) for n in range(15)])
    assert sum(block["type"] == "section" for block in drawn) == 15


def test_too_many_rows_are_no_reason_to_cut_short_ones() -> None:
    drawn = blocks(*[Row(["x" * 100], button(n)) for n in range(60)])
    assert all(block["text"]["text"] == "x" * 100 for block in drawn if block["type"] == "section")


def test_words_and_dividers_go_when_there_are_too_many_of_them() -> None:
    drawn = blocks(Heading("Title"), *[Divider()] * 70, Buttons([button(1)]))
    assert drawn[0]["type"] == "header"
    assert any(block["type"] == "actions" for block in drawn)
    assert "Shortened" in drawn[-1]["elements"][0]["text"]


# ------------------------------------------------------------------ forms


def test_a_form_with_everything_too_long_is_still_taken() -> None:
    options = [(f"v{n}", "label " * 30) for n in range(150)] + [
        ("x" * 200, "no room"),
        ("", "nothing"),
        ("v1", "twice"),
    ]
    form = Form(
        "Title " * 20,
        "Submit " * 20,
        ActionRef(Verb.SNOOZE, 1, 1),
        [Paragraph(["intro " * 5_000])] * 200,
        [
            TextField("a", "l" * 3_000, True, False, 9_000, "h" * 3_000, "p" * 300, "i" * 9_000),
            ChoiceField("b", "", options, initial="v3"),
            PersonField("c", "Who", required=False),
            DateField("d", "When", date(2025, 3, 10)),
        ],
        "Cancel " * 20,
    )
    modal = render_form(form)
    assert not view_faults(modal)
    assert not check_view(modal)
    inputs = {block["block_id"]: block for block in modal["blocks"] if block["type"] == "input"}
    assert {block["element"]["action_id"] for block in inputs.values()} == {"value"}
    assert [inputs[name]["optional"] for name in "abcd"] == [True, False, True, False]
    assert inputs["b"]["element"]["initial_option"]["value"] == "v3"
    assert inputs["d"]["element"]["initial_date"] == "2025-03-10"


def test_answers_are_read_by_field() -> None:
    state = {
        "justification": {"value": {"type": "plain_text_input", "value": "needed"}},
        "empty": {"value": {"type": "plain_text_input", "value": None}},
        "result": {"value": {"type": "static_select", "selected_option": {"value": "failed"}}},
        "unchosen": {"value": {"type": "static_select", "selected_option": None}},
        "new_owner": {"value": {"type": "users_select", "selected_user": "U1"}},
        "until": {"value": {"type": "datepicker", "selected_date": "2025-03-10"}},
        "forged": {"value": {"type": "plain_text_input", "value": ["a", "b"]}},
        "strange": {"value": {"type": "file_input", "value": "x"}},
        "elsewhere": {"other": {"type": "plain_text_input", "value": "x"}},
        "no mapping": "x",
    }
    assert read_values(state) == {
        "justification": "needed",
        "empty": "",
        "result": "failed",
        "unchosen": "",
        "new_owner": "U1",
        "until": "2025-03-10",
        "forged": "",
        "strange": "",
    }


def test_a_form_remembers_which_message_it_came_from() -> None:
    action, origin = ActionRef(Verb.REVOKE, 12, 3), Origin("D0123ABC", "1741017600.000100")
    assert decode_origin(encode_origin(action, origin)) == (action, origin)
    assert decode_origin(encode_origin(action)) == (action, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "w1:revoke:1:1|",
        "w1:revoke:1:1|D1",
        "w1:revoke:1:1|D1|x",
        "w1:revoke:1:1|d/1|1.1",
        "w1:nope:1:1|D1|1.1",
    ],
)
def test_metadata_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode_origin(text)


# ------------------------------------------------------------------ the checker checks


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"type": "section"}, "text or fields"),
        ({"type": "section", "text": {"type": "mrkdwn", "text": " ", "verbatim": True}}, "can be seen"),
        ({"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001, "verbatim": True}}, "3001"),
        ({"type": "section", "text": {"type": "mrkdwn", "text": "x"}}, "verbatim"),
        ({"type": "section", "fields": [{"type": "plain_text", "text": "x" * 2_001}]}, "2001"),
        ({"type": "section", "fields": [{"type": "plain_text", "text": "x"}] * 11}, "11"),
        ({"type": "header", "text": {"type": "mrkdwn", "text": "x", "verbatim": True}}, "plain_text only"),
        ({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}, "151"),
        ({"type": "actions", "elements": []}, "0"),
        ({"type": "context", "elements": [{"type": "plain_text", "text": ""}]}, "0 characters"),
    ],
)
def test_the_checker_names_what_slack_would_refuse(block: dict[str, Any], says: str) -> None:
    assert any(says in fault for fault in message_faults("text", [block]))


def test_the_checker_counts_across_a_whole_message() -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_000, "verbatim": True}}
    repeated = {"type": "actions", "elements": [{"type": "button", "action_id": "a", "value": "v"}] * 2}
    assert any("50" in fault for fault in message_faults("text", [{"type": "divider"}] * 51))
    assert any("9500" in fault for fault in message_faults("text", [section] * 5))
    assert any("twice" in fault for fault in message_faults("text", [repeated]))
    assert message_faults("", [])
    modal = {"type": "modal", "title": {"type": "plain_text", "text": "t"}, "blocks": [{"type": "input"}]}
    assert any("submit" in fault for fault in view_faults(modal))

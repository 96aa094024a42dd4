"""The inputs of a form as Block Kit. Limits: https://docs.slack.dev/reference/block-kit/block-elements."""

from __future__ import annotations

from typing import Any

from messages.mrkdwn import plain
from messages.view import ChoiceField, DateField, Field, PersonField, TextField

Json = dict[str, Any]

ACTION_ID = "value"
_MOST_TYPED = 3_000
_MOST_LABEL = 2_000
_MOST_PLACEHOLDER = 150
_MOST_OPTIONS = 100
_MOST_OPTION = 75
_MOST_OPTION_VALUE = 150


def input_block(field: Field) -> Json:
    """One input; its ``block_id`` is the field's name."""
    block: Json = {
        "type": "input",
        "block_id": field.name,
        "label": _plain(field.label, _MOST_LABEL),
        "element": _element(field),
        "optional": not field.required,
    }
    if hint := plain(field.hint, _MOST_LABEL):
        block["hint"] = _plain(hint, _MOST_LABEL)
    return block


def _element(field: Field) -> Json:
    match field:
        case TextField():
            return _text_input(field)
        case ChoiceField():
            return _select(field)
        case PersonField():
            return {"type": "users_select", "action_id": ACTION_ID}
        case DateField():
            chosen = {"initial_date": field.initial.isoformat()} if field.initial else {}
            return {"type": "datepicker", "action_id": ACTION_ID, **chosen}


def _text_input(field: TextField) -> Json:
    most = max(1, min(field.max_length, _MOST_TYPED))
    element: Json = {
        "type": "plain_text_input",
        "action_id": ACTION_ID,
        "multiline": field.multiline,
        "max_length": most,
    }
    if field.placeholder:
        element["placeholder"] = _plain(field.placeholder, _MOST_PLACEHOLDER)
    if field.initial:
        element["initial_value"] = plain(field.initial, most)
    return element


def _select(field: ChoiceField) -> Json:
    """A value that Slack has no room for cannot be cut without meaning something else; it is left out."""
    pairs = {value: label for value, label in field.options if 0 < len(value) <= _MOST_OPTION_VALUE}
    options = [{"text": _plain(label, _MOST_OPTION), "value": value} for value, label in pairs.items()]
    element: Json = {"type": "static_select", "action_id": ACTION_ID, "options": options[:_MOST_OPTIONS]}
    chosen = next((option for option in element["options"] if option["value"] == field.initial), None)
    return {**element, "initial_option": chosen} if chosen else element


def _plain(text: str, most: int) -> Json:
    return {"type": "plain_text", "text": plain(text, most) or "—", "emoji": False}

"""What people do with interactive elements: from what they picked to the values that Slack sends.

A *raw* value is what a hand or a test gives: a string (option value, date, id, text), a list of them, an option object
for an external select, or None. A *fragment* is what Slack makes of it: ``{"type": …, "selected_option": …}``.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from bot.sandbox.block_limits import elements_of
from bot.sandbox.element_limits import all_options

Json = dict[str, Any]

# element type -> (key of the fragment, key of the initial value, whether it holds options, whether it holds several)
_STATEFUL: dict[str, tuple[str, str, bool, bool]] = {
    "static_select": ("selected_option", "initial_option", True, False),
    "external_select": ("selected_option", "initial_option", True, False),
    "radio_buttons": ("selected_option", "initial_option", True, False),
    "checkboxes": ("selected_options", "initial_options", True, True),
    "multi_static_select": ("selected_options", "initial_options", True, True),
    "multi_external_select": ("selected_options", "initial_options", True, True),
    "users_select": ("selected_user", "initial_user", False, False),
    "channels_select": ("selected_channel", "initial_channel", False, False),
    "conversations_select": ("selected_conversation", "initial_conversation", False, False),
    "multi_users_select": ("selected_users", "initial_users", False, True),
    "multi_channels_select": ("selected_channels", "initial_channels", False, True),
    "multi_conversations_select": ("selected_conversations", "initial_conversations", False, True),
    "datepicker": ("selected_date", "initial_date", False, False),
    "timepicker": ("selected_time", "initial_time", False, False),
    "datetimepicker": ("selected_date_time", "initial_date_time", False, False),
    "plain_text_input": ("value", "initial_value", False, False),
    "email_text_input": ("value", "initial_value", False, False),
    "url_text_input": ("value", "initial_value", False, False),
    "number_input": ("value", "initial_value", False, False),
}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")


def find_element(blocks: list[Json], action_id: str, block_id: str | None = None) -> tuple[Json, Json]:
    """The block and the element with this action id; raises ``LookupError`` when nobody could click it."""
    for block in blocks:
        if block_id is not None and block.get("block_id") != block_id:
            continue
        for element in elements_of(block):
            if element.get("action_id") == action_id:
                return block, element
    there = sorted({str(e.get("action_id")) for b in blocks for e in elements_of(b)})
    raise LookupError(f"There is no element {action_id!r} here. There are: {', '.join(there) or 'none'}.")


def is_stateful(element: Json) -> bool:
    """Whether the element holds a value (a button and an overflow menu do not)."""
    return element.get("type") in _STATEFUL


def fragment(element: Json, raw: Any) -> Json:
    """What Slack makes of a raw value; raises ``LookupError`` for an option that the element does not offer."""
    kind = str(element["type"])
    if kind == "button":
        return {}
    if kind == "overflow":
        return {"type": kind, "selected_option": _option(element, raw)}
    key, _, has_options, several = _STATEFUL[kind]
    if several:
        chosen = list(raw or [])
        return {"type": kind, key: [_option(element, one) for one in chosen] if has_options else chosen}
    if raw is None or raw == "":
        return {"type": kind, key: None}
    if has_options:
        return {"type": kind, key: _option(element, raw)}
    return {"type": kind, key: int(raw) if kind == "datetimepicker" else str(raw)}


def _option(element: Json, raw: Any) -> Json:
    if isinstance(raw, dict):
        if "external" not in str(element["type"]):
            return _option(element, raw.get("value"))
        return copy.deepcopy(raw)
    for option in all_options(element):
        if option.get("value") == raw:
            return copy.deepcopy(option)
    offered = ", ".join(str(o.get("value")) for o in all_options(element))
    raise LookupError(f"{element.get('action_id')!r} does not offer {raw!r}. It offers: {offered}.")


def initial_values(blocks: list[Json]) -> Json:
    """``{block_id: {action_id: fragment}}`` before anybody touched anything."""
    values: Json = {}
    for block in blocks:
        for element in elements_of(block):
            if not is_stateful(element):
                continue
            key, initial, _, several = _STATEFUL[element["type"]]
            value = copy.deepcopy(element.get(initial))
            empty: Any = [] if several else None
            found = {"type": element["type"], key: empty if value is None else value}
            values.setdefault(block["block_id"], {})[element["action_id"]] = found
    return values


def merged_values(blocks: list[Json], entered: Json) -> Json:
    """The initial values, with what was entered where the same element is still there."""
    values = initial_values(blocks)
    for block_id, actions in values.items():
        for action_id, found in actions.items():
            given = entered.get(block_id, {}).get(action_id)
            if given is not None and given["type"] == found["type"]:
                actions[action_id] = copy.deepcopy(given)
    return values


def _refusal(element: Json, value: Any) -> str | None:
    kind = element["type"]
    if kind == "plain_text_input":
        if len(value) < int(element.get("min_length") or 0):
            return f"Use at least {element['min_length']} characters."
        if len(value) > int(element.get("max_length") or 3000):
            return f"Use no more than {element.get('max_length') or 3000} characters."
    if kind == "email_text_input" and not _EMAIL.match(value):
        return "Enter a valid e-mail address."
    if kind == "url_text_input" and not value.startswith(("http://", "https://")):
        return "Enter a valid URL."
    if kind == "number_input":
        pattern = r"-?\d+(\.\d+)?\Z" if element.get("is_decimal_allowed") else r"-?\d+\Z"
        if not re.match(pattern, value):
            return "Enter a number."
    return None


def input_errors(blocks: list[Json], values: Json) -> dict[str, str]:
    """What Slack itself would not let a person submit: ``{block_id: sentence}``."""
    errors: dict[str, str] = {}
    for block in blocks:
        if block.get("type") != "input":
            continue
        element = block["element"]
        key = _STATEFUL[element["type"]][0]
        value = values.get(block["block_id"], {}).get(element["action_id"], {}).get(key)
        if value is None or value == "" or value == []:
            if not block.get("optional", False):
                errors[block["block_id"]] = "Please complete this required field."
            continue
        refusal = _refusal(element, value)
        if refusal is not None:
            errors[block["block_id"]] = refusal
    return errors

"""Slack's limits on composition objects and block elements.

Source: Slack's Block Kit reference (https://docs.slack.dev/reference/block-kit); every number below is from there.
A problem reads as Slack writes it: what is wrong, then ``[json-pointer:/blocks/0/…]``.
"""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]

SELECTS = {"static_select", "users_select", "conversations_select", "channels_select", "external_select"}
MULTI_SELECTS = {f"multi_{kind}" for kind in SELECTS}
PICKERS = {"datepicker", "timepicker", "datetimepicker"}
TEXT_INPUTS = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}
CHOICES = {"radio_buttons", "checkboxes"}

IN_SECTION = {"button", "overflow", "datepicker", "timepicker", "image"} | SELECTS | MULTI_SELECTS | CHOICES
IN_ACTIONS = {"button", "overflow"} | PICKERS | SELECTS | CHOICES
IN_INPUT = TEXT_INPUTS | PICKERS | SELECTS | MULTI_SELECTS | CHOICES

_COMMON = {"type", "action_id", "confirm", "focus_on_load"}
_SELECT_KEYS = _COMMON | {"placeholder"}
_MULTI_KEYS = _SELECT_KEYS | {"max_selected_items"}
_INPUT_KEYS = _COMMON | {
    "placeholder",
    "initial_value",
    "min_length",
    "max_length",
    "dispatch_action_config",
}
_OPTIONS = {"options", "option_groups"}
_CONVERSATION_KEYS = {"response_url_enabled", "default_to_current_conversation", "filter"}
_KEYS: dict[str, set[str]] = {
    "button": _COMMON | {"text", "url", "value", "style", "accessibility_label"},
    "overflow": _COMMON | {"options"},
    "image": {"type", "image_url", "alt_text", "slack_file"},
    "datepicker": _COMMON | {"placeholder", "initial_date"},
    "timepicker": _COMMON | {"placeholder", "initial_time", "timezone"},
    "datetimepicker": _COMMON | {"initial_date_time"},
    "radio_buttons": _COMMON | {"options", "initial_option"},
    "checkboxes": _COMMON | {"options", "initial_options"},
    "static_select": _SELECT_KEYS | _OPTIONS | {"initial_option"},
    "external_select": _SELECT_KEYS | {"initial_option", "min_query_length"},
    "users_select": _SELECT_KEYS | {"initial_user"},
    "channels_select": _SELECT_KEYS | {"initial_channel", "response_url_enabled"},
    "conversations_select": _SELECT_KEYS | _CONVERSATION_KEYS | {"initial_conversation"},
    "multi_static_select": _MULTI_KEYS | _OPTIONS | {"initial_options"},
    "multi_external_select": _MULTI_KEYS | {"initial_options", "min_query_length"},
    "multi_users_select": _MULTI_KEYS | {"initial_users"},
    "multi_channels_select": _MULTI_KEYS | {"initial_channels"},
    "multi_conversations_select": _MULTI_KEYS | {"initial_conversations", "default_to_current_conversation", "filter"},
    "plain_text_input": _INPUT_KEYS | {"multiline"},
    "email_text_input": _INPUT_KEYS - {"min_length", "max_length"},
    "url_text_input": _INPUT_KEYS - {"min_length", "max_length"},
    "number_input": (_INPUT_KEYS - {"min_length", "max_length"}) | {"is_decimal_allowed", "min_value", "max_value"},
}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_TIME = re.compile(r"\d{2}:\d{2}\Z")


class Problems:
    """Collects what is wrong, each with its place."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, what: str, path: str) -> None:
        """Note one problem at one place."""
        self.found.append(f"{what} [json-pointer:{path}]")

    def length(self, value: Any, path: str, most: int, *, least: int = 1) -> None:
        """``value`` must be a string of ``least`` to ``most`` characters."""
        if not isinstance(value, str):
            self.add("must be a string", path)
        elif len(value) < least:
            self.add(f"must be more than {least - 1} characters", path)
        elif len(value) > most:
            self.add(f"must be less than {most + 1} characters", path)

    def optional_length(self, holder: Json, key: str, path: str, most: int, *, least: int = 1) -> None:
        """As `length`, when the key is there at all."""
        if holder.get(key) is not None:
            self.length(holder[key], f"{path}/{key}", most, least=least)

    def keys(self, holder: Json, allowed: set[str], path: str) -> None:
        """Slack refuses properties that it does not know."""
        for key in holder:
            if key not in allowed:
                self.add(f"invalid additional property: {key}", path)

    def items(self, value: Any, path: str, most: int, *, least: int = 1) -> list[Any]:
        """``value`` must be a list of ``least`` to ``most`` items; an empty list is returned when it is not."""
        if not isinstance(value, list):
            self.add("must be an array", path)
            return []
        if len(value) < least:
            self.add(f"no less than {least} items allowed", path)
        if len(value) > most:
            self.add(f"no more than {most} items allowed", path)
        return value

    def choice(self, value: Any, allowed: set[str], path: str) -> None:
        """``value`` must be one of ``allowed``."""
        if not isinstance(value, str) or value not in allowed:
            self.add(f"must be one of {', '.join(sorted(allowed))}", path)


def check_text(p: Problems, value: Any, path: str, most: int, *, plain: bool) -> None:
    """A text object: ``plain_text``, or ``mrkdwn`` as well when ``plain`` is false."""
    if not isinstance(value, dict):
        p.add("missing required field: text object", path)
        return
    kinds = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
    p.choice(value.get("type"), kinds, f"{path}/type")
    p.keys(value, {"type", "text", "emoji", "verbatim"}, path)
    if value.get("type") == "mrkdwn" and "emoji" in value:
        p.add("emoji is only for plain_text", path)
    if value.get("type") == "plain_text" and "verbatim" in value:
        p.add("verbatim is only for mrkdwn", path)
    p.length(value.get("text"), f"{path}/text", most)


def check_confirm(p: Problems, value: Any, path: str) -> None:
    """A confirmation dialog: title 100, text 300, buttons 30."""
    if not isinstance(value, dict):
        p.add("must be an object", path)
        return
    p.keys(value, {"title", "text", "confirm", "deny", "style"}, path)
    check_text(p, value.get("title"), f"{path}/title", 100, plain=True)
    check_text(p, value.get("text"), f"{path}/text", 300, plain=False)
    check_text(p, value.get("confirm"), f"{path}/confirm", 30, plain=True)
    check_text(p, value.get("deny"), f"{path}/deny", 30, plain=True)
    if "style" in value:
        p.choice(value["style"], {"primary", "danger"}, f"{path}/style")


def check_option(p: Problems, value: Any, path: str, *, plain: bool, url: bool = False) -> None:
    """An option: text 75, value 150, description 75."""
    if not isinstance(value, dict):
        p.add("must be an object", path)
        return
    p.keys(value, {"text", "value", "description"} | ({"url"} if url else set()), path)
    check_text(p, value.get("text"), f"{path}/text", 75, plain=plain)
    p.length(value.get("value"), f"{path}/value", 150)
    if value.get("description") is not None:
        check_text(p, value["description"], f"{path}/description", 75, plain=plain)
    p.optional_length(value, "url", path, 3000)


def check_options(p: Problems, element: Json, path: str, most: int, *, plain: bool, url: bool = False) -> None:
    """The ``options`` or ``option_groups`` of an element: one of the two, not both."""
    if "option_groups" in element:
        if "options" in element:
            p.add("only one of options and option_groups is allowed", path)
        for index, group in enumerate(p.items(element["option_groups"], f"{path}/option_groups", 100)):
            where = f"{path}/option_groups/{index}"
            if not isinstance(group, dict):
                p.add("must be an object", where)
                continue
            check_text(p, group.get("label"), f"{where}/label", 75, plain=True)
            for n, option in enumerate(p.items(group.get("options"), f"{where}/options", 100)):
                check_option(p, option, f"{where}/options/{n}", plain=plain)
        return
    values = []
    for index, option in enumerate(p.items(element.get("options"), f"{path}/options", most)):
        check_option(p, option, f"{path}/options/{index}", plain=plain, url=url)
        values.append(option.get("value") if isinstance(option, dict) else None)
    if len(set(map(str, values))) != len(values):
        p.add("option values must be unique", f"{path}/options")


def all_options(element: Json) -> list[Json]:
    """Every option of an element, groups flattened."""
    groups = element.get("option_groups") or []
    found = list(element.get("options") or [])
    for group in groups:
        found.extend(group.get("options") or [])
    return found


def _check_initial(p: Problems, element: Json, path: str) -> None:
    chosen = element.get("initial_options") or ([element["initial_option"]] if element.get("initial_option") else [])
    if "external" in element["type"] or not isinstance(chosen, list):
        return
    known = [o.get("value") for o in all_options(element) if isinstance(o, dict)]
    for option in chosen:
        if not isinstance(option, dict) or option.get("value") not in known:
            p.add("initial option must be one of the options", path)


def _check_choice(p: Problems, element: Json, path: str, most: int, *, plain: bool) -> None:
    before = len(p.found)
    check_options(p, element, path, most, plain=plain)
    if len(p.found) == before:  # what is initially chosen can only be looked up among sound options
        _check_initial(p, element, path)


def _check_button(p: Problems, element: Json, path: str) -> None:
    check_text(p, element.get("text"), f"{path}/text", 75, plain=True)
    p.optional_length(element, "value", path, 2000)
    p.optional_length(element, "url", path, 3000)
    p.optional_length(element, "accessibility_label", path, 75)
    if "style" in element:
        p.choice(element["style"], {"primary", "danger"}, f"{path}/style")


def _check_text_input(p: Problems, element: Json, path: str) -> None:
    p.optional_length(element, "initial_value", path, 3000, least=0)
    for key, least in (("min_length", 0), ("max_length", 1)):
        value = element.get(key)
        if value is not None and (not isinstance(value, int) or not least <= value <= 3000):
            p.add(f"must be a number from {least} to 3000", f"{path}/{key}")
    if element["type"] == "number_input" and not isinstance(element.get("is_decimal_allowed"), bool):
        p.add("missing required field: is_decimal_allowed", path)


def check_image(p: Problems, value: Json, path: str) -> None:
    """An image, as element or block: alt_text 2,000 and image_url 3,000, both required."""
    p.length(value.get("alt_text"), f"{path}/alt_text", 2000)
    if "slack_file" not in value:
        p.length(value.get("image_url"), f"{path}/image_url", 3000)


def check_element(p: Problems, element: Any, path: str, allowed: set[str]) -> None:
    """One interactive element, in a container that takes ``allowed`` kinds."""
    if not isinstance(element, dict):
        p.add("must be an object", path)
        return
    kind = element.get("type")
    if not isinstance(kind, str) or kind not in allowed or kind not in _KEYS:
        p.add(f"unsupported type: {kind}", f"{path}/type")
        return
    p.keys(element, _KEYS[kind], path)
    p.optional_length(element, "action_id", path, 255)
    if element.get("confirm") is not None:
        check_confirm(p, element["confirm"], f"{path}/confirm")
    if element.get("placeholder") is not None:
        check_text(p, element["placeholder"], f"{path}/placeholder", 150, plain=True)
    if kind == "image":
        check_image(p, element, path)
    elif kind == "button":
        _check_button(p, element, path)
    elif kind == "overflow":
        check_options(p, element, path, 5, plain=True, url=True)
    elif kind in CHOICES:
        _check_choice(p, element, path, 10, plain=False)
    elif kind in ("static_select", "multi_static_select"):
        _check_choice(p, element, path, 100, plain=True)
    elif kind in TEXT_INPUTS:
        _check_text_input(p, element, path)
    if element.get("initial_date") is not None and not _DATE.match(str(element["initial_date"])):
        p.add("must be a date as YYYY-MM-DD", f"{path}/initial_date")
    if element.get("initial_time") is not None and not _TIME.match(str(element["initial_time"])):
        p.add("must be a time as HH:mm", f"{path}/initial_time")

"""Slack's limits on what `messages.block_kit` makes, for tests: what Slack's own builder lets pass as well.

The builder of the SDK misses an empty text, a field over 2,000, an action_id used twice, an input without a submit
button, a 51st block and the text of the whole message. Source: https://docs.slack.dev/reference/block-kit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from messages.block_kit import MOST_BLOCKS, MOST_TEXT, MOST_VIEW_BLOCKS, text_in
from messages.mrkdwn import size

Json = Mapping[str, Any]

_MOST_VIEW_BYTES = 250_000
_MOST_TOP_TEXT = 4_000  # chat.update refuses more

# (type of the holder, key) → the most units of the text object there
_TEXTS = {
    ("header", "text"): 150,
    ("section", "text"): 3_000,
    ("button", "text"): 75,
    ("confirm", "title"): 100,
    ("confirm", "text"): 300,
    ("confirm", "confirm"): 30,
    ("confirm", "deny"): 30,
    ("input", "label"): 2_000,
    ("input", "hint"): 2_000,
    ("option", "text"): 75,
    ("plain_text_input", "placeholder"): 150,
    ("modal", "title"): 24,
    ("modal", "submit"): 24,
    ("modal", "close"): 24,
}
_PLAIN_ONLY = {"header", "button", "input", "option", "plain_text_input", "modal"}
# (key) → the most units of a bare string
_STRINGS = {"action_id": 255, "block_id": 255, "callback_id": 255, "private_metadata": 3_000, "initial_value": 3_000}
_LISTS = {"section": ("fields", 10), "context": ("elements", 10), "actions": ("elements", 25)}


def message_faults(text: str, blocks: Sequence[Json]) -> list[str]:
    """What Slack would refuse in this message; empty: nothing."""
    faults = [*_blocks(blocks, MOST_BLOCKS), *_unique(blocks, "action_id")]
    if not text.strip() or size(text) > _MOST_TOP_TEXT:
        faults.append(f"text: has {size(text)} characters, wanted are 1 to {_MOST_TOP_TEXT}")
    if (total := text_in(list(blocks))) > MOST_TEXT:
        faults.append(f"blocks: hold {total} characters of text, at most {MOST_TEXT} are taken")
    return faults


def view_faults(view: Json) -> list[str]:
    """What Slack would refuse in this modal or home tab; empty: nothing."""
    blocks = view["blocks"]
    faults = [*_blocks(blocks, MOST_VIEW_BLOCKS), *_strings(view, "view"), *_unique(blocks, "block_id")]
    if view["type"] == "modal":
        faults += _texts(view, "modal", "view")
        if "title" not in view:
            faults.append("view: has no title")
        if any(block["type"] == "input" for block in blocks) and "submit" not in view:
            faults.append("view: has an input and no submit button")
    if (length := len(json.dumps(view))) > _MOST_VIEW_BYTES:
        faults.append(f"view: has {length} bytes, at most {_MOST_VIEW_BYTES} are taken")
    return faults


def _blocks(blocks: Sequence[Json], most: int) -> Iterator[str]:
    if len(blocks) > most:
        yield f"blocks: there are {len(blocks)}, at most {most} are taken"
    for index, block in enumerate(blocks):
        yield from _block(block, f"blocks[{index}]")


def _block(block: Json, where: str) -> Iterator[str]:
    kind = block["type"]
    yield from _strings(block, where)
    yield from _texts(block, kind, where)
    if kind == "section" and not ("text" in block or "fields" in block):
        yield f"{where}: a section has a text or fields"
    if kind in _LISTS:
        yield from _list(block, *_LISTS[kind], where)
    if kind == "actions" or "accessory" in block or "element" in block:
        found = block.get("elements") or [block.get("accessory") or block.get("element") or {}]
        for index, element in enumerate(found):
            yield from _element(element, f"{where}.elements[{index}]")


def _list(block: Json, key: str, most: int, where: str) -> Iterator[str]:
    items = block.get(key, [])
    if key in block and not 1 <= len(items) <= most:
        yield f"{where}.{key}: there are {len(items)}, wanted are 1 to {most}"
    for index, item in enumerate(items):
        if item.get("type") in {"mrkdwn", "plain_text"}:
            yield from _text(item, 2_000 if key == "fields" else 3_000, f"{where}.{key}[{index}]")


def _element(element: Json, where: str) -> Iterator[str]:
    kind = element.get("type", "")
    yield from _strings(element, where)
    yield from _texts(element, kind, where)
    if kind == "button" and not 0 < size(element.get("value", "")) <= 2_000:
        yield f"{where}.value: wanted are 1 to 2000 characters"
    if "confirm" in element:
        yield from _texts(element["confirm"], "confirm", f"{where}.confirm")
    if kind == "static_select":
        yield from _options(element.get("options", []), where)
    if not 1 <= element.get("max_length", 1) <= 3_000:
        yield f"{where}.max_length: wanted is 1 to 3000"


def _options(options: Sequence[Json], where: str) -> Iterator[str]:
    if not 1 <= len(options) <= 100:
        yield f"{where}.options: there are {len(options)}, wanted are 1 to 100"
    for index, option in enumerate(options):
        yield from _texts(option, "option", f"{where}.options[{index}]")
        if not 0 < size(option["value"]) <= 150:
            yield f"{where}.options[{index}].value: wanted are 1 to 150 characters"


def _texts(holder: Json, kind: str, where: str) -> Iterator[str]:
    for (of, key), most in _TEXTS.items():
        if of != kind or key not in holder:
            continue
        yield from _text(holder[key], most, f"{where}.{key}")
        if kind in _PLAIN_ONLY and holder[key].get("type") != "plain_text":
            yield f"{where}.{key}: takes plain_text only"


def _text(text: Json, most: int, where: str) -> Iterator[str]:
    if not text["text"].strip() or size(text["text"]) > most:
        yield f"{where}: has {size(text['text'])} characters, wanted are 1 to {most} that can be seen"
    if text["type"] == "mrkdwn" and text.get("verbatim") is not True:
        yield f"{where}: is not verbatim, so bare links and mentions would act"


def _strings(holder: Json, where: str) -> Iterator[str]:
    for key, most in _STRINGS.items():
        if key in holder and size(holder[key]) > most:
            yield f"{where}.{key}: has {size(holder[key])} characters, at most {most} are taken"


def _unique(blocks: Sequence[Json], key: str) -> Iterator[str]:
    seen: set[str] = set()
    for value in _values(list(blocks), key):
        if value in seen:
            yield f"blocks: {key} {value} is there twice"
        seen.add(value)


def _values(value: object, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for item in value.values():
            yield from _values(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item, key)

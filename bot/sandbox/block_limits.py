"""Slack's limits on messages and views: what the Web API refuses, and the words it refuses it with.

Source: https://docs.slack.dev/reference/block-kit/blocks and .../reference/views. The total of the text in one message
is not documented; Slack answers ``msg_blocks_too_long`` somewhere above 9,600 characters, and we refuse above 9,500.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from bot.sandbox.element_limits import (
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    Problems,
    check_element,
    check_image,
    check_text,
)

Json = dict[str, Any]
Surface = Literal["message", "modal", "home"]

MOST_MESSAGE_TEXT = 9_500
MOST_VIEW_BYTES = 250_000
_MOST_BLOCKS: dict[Surface, int] = {"message": 50, "modal": 100, "home": 100}
_KEYS: dict[str, set[str]] = {
    "section": {"type", "block_id", "text", "fields", "accessory", "expand"},
    "divider": {"type", "block_id"},
    "header": {"type", "block_id", "text"},
    "context": {"type", "block_id", "elements"},
    "actions": {"type", "block_id", "elements"},
    "image": {"type", "block_id", "image_url", "alt_text", "title", "slack_file"},
    "input": {"type", "block_id", "label", "element", "hint", "optional", "dispatch_action"},
    "rich_text": {"type", "block_id", "elements"},
}


def check_blocks(blocks: Any, surface: Surface) -> list[str]:
    """What is wrong with these blocks on this surface, one line each; empty when Slack would take them."""
    p = Problems()
    seen: set[str] = set()
    for index, block in enumerate(p.items(blocks, "/blocks", _MOST_BLOCKS[surface], least=0)):
        path = f"/blocks/{index}"
        if not isinstance(block, dict):
            p.add("must be an object", path)
            continue
        _check_block(p, block, path)
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                p.add(f"block_id already exists: {block_id}", path)
            seen.add(block_id)
        _check_action_ids(p, block, path)
    return p.found


def _check_block(p: Problems, block: Json, path: str) -> None:
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in _KEYS:
        p.add(f"unsupported type: {kind}", f"{path}/type")
        return
    p.keys(block, _KEYS[kind], path)
    p.optional_length(block, "block_id", path, 255)
    if kind == "section":
        _check_section(p, block, path)
    elif kind == "header":
        check_text(p, block.get("text"), f"{path}/text", 150, plain=True)
    elif kind == "context":
        _check_context(p, block, path)
    elif kind == "actions":
        for index, element in enumerate(p.items(block.get("elements"), f"{path}/elements", 25)):
            check_element(p, element, f"{path}/elements/{index}", IN_ACTIONS)
    elif kind == "image":
        check_image(p, block, path)
        if block.get("title") is not None:
            check_text(p, block["title"], f"{path}/title", 2000, plain=True)
    elif kind == "input":
        _check_input(p, block, path)
    elif kind == "rich_text":
        p.items(block.get("elements"), f"{path}/elements", 100)


def _check_section(p: Problems, block: Json, path: str) -> None:
    if block.get("text") is None and block.get("fields") is None:
        p.add("missing required field: text or fields", path)
    if block.get("text") is not None:
        check_text(p, block["text"], f"{path}/text", 3000, plain=False)
    if block.get("fields") is not None:
        for index, item in enumerate(p.items(block["fields"], f"{path}/fields", 10)):
            check_text(p, item, f"{path}/fields/{index}", 2000, plain=False)
    if block.get("accessory") is not None:
        check_element(p, block["accessory"], f"{path}/accessory", IN_SECTION)


def _check_context(p: Problems, block: Json, path: str) -> None:
    for index, element in enumerate(p.items(block.get("elements"), f"{path}/elements", 10)):
        where = f"{path}/elements/{index}"
        if isinstance(element, dict) and element.get("type") == "image":
            check_image(p, element, where)
        else:
            # A context element has the limit of a section's text.
            check_text(p, element, where, 3000, plain=False)


def _check_input(p: Problems, block: Json, path: str) -> None:
    check_text(p, block.get("label"), f"{path}/label", 2000, plain=True)
    if block.get("hint") is not None:
        check_text(p, block["hint"], f"{path}/hint", 2000, plain=True)
    check_element(p, block.get("element"), f"{path}/element", IN_INPUT)


def elements_of(block: Json) -> list[Json]:
    """The interactive elements of one block, wherever it keeps them."""
    if block.get("type") == "actions":
        found = block.get("elements")
        return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []
    holder = {"section": "accessory", "input": "element"}.get(str(block.get("type")))
    element = block.get(holder) if holder else None
    return [element] if isinstance(element, dict) and element.get("type") != "image" else []


def _check_action_ids(p: Problems, block: Json, path: str) -> None:
    seen: set[str] = set()
    for element in elements_of(block):
        action_id = element.get("action_id")
        if isinstance(action_id, str):
            if action_id in seen:
                p.add(f"action_id already exists in this block: {action_id}", path)
            seen.add(action_id)


def texts_of(value: Any) -> Iterator[str]:
    """Every text that a reader of these blocks could see."""
    if isinstance(value, list):
        for item in value:
            yield from texts_of(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "text" and isinstance(item, str):
                yield item
            else:
                yield from texts_of(item)


def too_much_text(blocks: list[Json]) -> bool:
    """Whether Slack would answer ``msg_blocks_too_long``."""
    return sum(len(text) for text in texts_of(blocks)) > MOST_MESSAGE_TEXT


def check_view(view: Any) -> list[str]:
    """What is wrong with this view, one line each; empty when Slack would take it."""
    p = Problems()
    if not isinstance(view, dict):
        return ["must be an object [json-pointer:/view]"]
    kind = view.get("type")
    if kind not in ("modal", "home"):
        return [f"unsupported type: {kind} [json-pointer:/view/type]"]
    keys = {"type", "blocks", "private_metadata", "callback_id", "external_id"}
    modal_keys = {"title", "submit", "close", "clear_on_close", "notify_on_close", "submit_disabled"}
    p.keys(view, keys | modal_keys if kind == "modal" else keys, "/view")
    p.optional_length(view, "private_metadata", "/view", 3000, least=0)
    p.optional_length(view, "callback_id", "/view", 255, least=0)
    p.optional_length(view, "external_id", "/view", 255, least=0)
    if kind == "modal":
        check_text(p, view.get("title"), "/view/title", 24, plain=True)
        for key in ("submit", "close"):
            if view.get(key) is not None:
                check_text(p, view[key], f"/view/{key}", 24, plain=True)
    blocks = view.get("blocks")
    found = check_blocks(blocks, "modal" if kind == "modal" else "home")
    p.found.extend(problem.replace("[json-pointer:/", "[json-pointer:/view/") for problem in found)
    has_input = isinstance(blocks, list) and any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
    if kind == "modal" and has_input and view.get("submit") is None:
        p.add("missing required field: submit, because the view has an input block", "/view/submit")
    return p.found


def view_too_large(view: Json) -> bool:
    """Whether Slack would answer ``view_too_large``."""
    return len(json.dumps(view).encode()) > MOST_VIEW_BYTES

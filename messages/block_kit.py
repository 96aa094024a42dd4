"""A view as Slack's Block Kit, within Slack's limits whatever the view holds.

The limits are those of https://docs.slack.dev/reference/block-kit and .../surfaces/modals. A text that is too long
is cut with an ellipsis; rows that do not fit are left out whole, and the message says how many. Lengths count
UTF-16 units, the longest way in which Slack may count.

Nothing here is markup but what `messages.mrkdwn` draws. Send with ``unfurl_links`` and ``unfurl_media`` off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from messages.block_kit_form import input_block
from messages.mrkdwn import fallback, mrkdwn, plain, size
from messages.plain_text import words
from messages.view import (
    Button,
    Buttons,
    Confirm,
    Divider,
    Element,
    Facts,
    Form,
    Heading,
    Note,
    Paragraph,
    Row,
    Text,
    View,
)

Json = dict[str, Any]

MOST_BLOCKS = 50
MOST_VIEW_BLOCKS = 100
MOST_TEXT = 9_500
"""Of all text in a message; about 9,600 has been seen accepted."""
MOST_VIEW_TEXT = 40_000
"""Of all text in a modal or a home tab: far below the 250 kB that a view may have as JSON."""
_MOST_FALLBACK = 3_000  # chat.update refuses more than 4,000
_MOST_SECTION = 3_000
_MOST_FIELD = 2_000
_MOST_FIELDS = 10
_MOST_HEADER = 150
_MOST_CONTEXT = 2_000
_MOST_ACTIONS = 25
_MOST_BUTTON = 75
_SHORT_VALUE = 60  # a longer one gets the whole width instead of half of it
_SQUEEZES = (_MOST_SECTION, 1_200, 600, 450, 300, 200)
_NOTHING = "—"


@dataclass(frozen=True)
class Rendered:
    """``text`` is the notification line; ``blocks`` the message itself."""

    text: str
    blocks: list[Json]


def render(view: View) -> Rendered:
    """A message: at most 50 blocks and 9,500 characters in them."""
    blocks = _fitted(view.elements, MOST_BLOCKS, MOST_TEXT)
    text = fallback(view.summary, _MOST_FALLBACK) or _NOTHING
    return Rendered(text, blocks or _seen(_section([view.summary], _MOST_SECTION)) or [_section([_NOTHING], 1)])


def render_home(view: View) -> Json:
    """A home tab for ``views.publish``."""
    return {"type": "home", "blocks": _fitted(view.elements, MOST_VIEW_BLOCKS, MOST_VIEW_TEXT)}


def render_modal(view: View, title: str) -> Json:
    """A modal that only shows something."""
    return {
        "type": "modal",
        "title": _plain(title, 24),
        "close": _plain("Close", 24),
        "blocks": _fitted(view.elements, MOST_VIEW_BLOCKS, MOST_VIEW_TEXT),
    }


def render_form(form: Form, private_metadata: str = "") -> Json:
    """A modal that asks. ``private_metadata`` comes back with the answers; by default the action's reference.

    Each input's ``block_id`` is its field's name and its ``action_id`` is ``value``; `block_kit_state.read_values`
    reads the answers.
    """
    inputs = [input_block(field) for field in form.fields]
    return {
        "type": "modal",
        "callback_id": f"whose:{form.action.verb.value}",
        "private_metadata": private_metadata or form.action.encode(),
        "title": _plain(form.title, 24),
        "submit": _plain(form.submit, 24),
        "close": _plain(form.cancel, 24),
        "blocks": [*_fitted(form.intro, MOST_VIEW_BLOCKS - len(inputs), MOST_VIEW_TEXT), *inputs],
    }


# ------------------------------------------------------------------ making it fit


def _fitted(elements: Sequence[Element], most_blocks: int, most_text: int) -> list[Json]:
    """Blocks within the limits: long texts are cut first, then rows left out, then whatever else comes last."""
    for squeeze in _SQUEEZES:
        drawn = [_blocks(element, squeeze) for element in elements]
        text = sum(map(text_in, drawn))
        if text <= most_text:
            break
    if text <= most_text and sum(map(len, drawn)) <= most_blocks:
        return _distinct(drawn)
    return _distinct(_thinned(elements, drawn, most_blocks - 1, most_text - 100))


def _thinned(
    elements: Sequence[Element], drawn: list[list[Json]], most_blocks: int, most_text: int
) -> list[list[Json]]:
    """``drawn`` without as many elements as need be, and a line that says how many rows are not there."""
    blocks = sum(map(len, drawn))
    text = sum(map(text_in, drawn))
    kept: list[list[Json] | None] = list(drawn)
    rows = 0
    for index in sorted(range(len(elements)), key=lambda i: (_importance(elements[i], i), -i)):
        if blocks <= most_blocks and text <= most_text:
            break
        blocks -= len(drawn[index])
        text -= text_in(drawn[index])
        kept[index] = None
        rows += isinstance(elements[index], Row)
    place = max((i for i, element in enumerate(elements) if isinstance(element, Row)), default=len(kept) - 1)
    said = [_context([_left_out(rows)], 100)]
    shown = [*kept[: place + 1], said, *kept[place + 1 :]]
    return [group for group in shown if group is not None]


def _left_out(rows: int) -> str:
    return f"{rows:,} more not shown here." if rows else "Shortened: not everything fits here."


def _importance(element: Element, index: int) -> int:
    """Rows go first, then words, then buttons; the first element, the heading, goes last of all."""
    if index == 0:
        return 3
    return 0 if isinstance(element, Row) else 2 if isinstance(element, Buttons) else 1


def text_in(value: object) -> int:
    """Characters of text anywhere in a block, as the limit on a whole message counts them."""
    if isinstance(value, dict):
        own = value.get("text")
        rest = sum(text_in(item) for key, item in value.items() if not (key == "text" and isinstance(own, str)))
        return rest + (size(own) if isinstance(own, str) else 0)
    return sum(map(text_in, value)) if isinstance(value, list) else 0


def _distinct(drawn: Iterable[Sequence[Json]]) -> list[Json]:
    """All blocks in one list, every action_id once: Slack refuses a second one of the same name."""
    blocks = [block for group in drawn for block in group]
    seen: dict[str, int] = {}
    for block in blocks:
        holders = block.get("elements", []) if block["type"] == "actions" else [block.get("accessory", {})]
        for holder in holders:
            if action_id := holder.get("action_id"):
                seen[action_id] = seen.get(action_id, 0) + 1
                if seen[action_id] > 1:
                    holder["action_id"] = f"{action_id}~{seen[action_id]}"
    return blocks


# ------------------------------------------------------------------ one element


def _blocks(element: Element, squeeze: int) -> list[Json]:
    """The blocks of one element, no text in them longer than ``squeeze``; none where nothing can be seen."""
    match element:
        case Heading():
            title = plain(element.text, min(squeeze, _MOST_HEADER))
            return [{"type": "header", "text": _plain(title, _MOST_HEADER)}] if title else []
        case Paragraph():
            return _seen(_section(element.text, squeeze))
        case Note():
            return [_context(element.text, min(squeeze, _MOST_CONTEXT))] if mrkdwn(element.text, 10) else []
        case Divider():
            return [{"type": "divider"}]
        case Facts():
            return list(_facts(element, squeeze))
        case Buttons():
            return _actions(element.buttons)
        case Row():
            return _row(element, squeeze)


def _row(row: Row, squeeze: int) -> list[Json]:
    section = _section(row.text, min(squeeze, 1_000))
    if not section["text"]["text"]:
        section["text"]["text"] = _NOTHING
    if row.button and not row.more:
        return [{**section, "accessory": _button(row.button)}]
    return [section, *_actions([*([row.button] if row.button else []), *row.more])]


def _facts(facts: Facts, squeeze: int) -> Iterable[Json]:
    """Short values side by side, long ones across the whole width, in the order given."""
    side_by_side: list[Json] = []
    for label, value in facts.pairs:
        shown = mrkdwn(value, min(squeeze, _MOST_FIELD) - _MOST_BUTTON - 5, lines=True) or _NOTHING
        name = mrkdwn([label], _MOST_BUTTON)
        text = _text(f"*{name}*\n{shown}" if name else shown)
        wide = sum(size(words([part])) for part in value) > _SHORT_VALUE
        if side_by_side and (wide or len(side_by_side) == _MOST_FIELDS):
            yield {"type": "section", "fields": side_by_side}
            side_by_side = []
        if wide:
            yield {"type": "section", "text": text}
        else:
            side_by_side.append(text)
    if side_by_side:
        yield {"type": "section", "fields": side_by_side}


def _seen(section: Json) -> list[Json]:
    return [section] if section["text"]["text"] else []


def _section(text: Text, squeeze: int) -> Json:
    return {"type": "section", "text": _text(mrkdwn(text, min(squeeze, _MOST_SECTION), lines=True))}


def _context(text: Text, most: int) -> Json:
    return {"type": "context", "elements": [_text(mrkdwn(text, most, lines=True))]}


def _actions(buttons: Sequence[Button]) -> list[Json]:
    drawn = [_button(button) for button in buttons]
    return [
        {"type": "actions", "elements": drawn[start : start + _MOST_ACTIONS]}
        for start in range(0, len(drawn), _MOST_ACTIONS)
    ]


def _button(button: Button) -> Json:
    drawn: Json = {
        "type": "button",
        "text": _plain(button.label, _MOST_BUTTON),
        "action_id": button.action.action_id,
        "value": button.action.encode(),
    }
    if button.style != "plain":
        drawn["style"] = button.style
    if button.confirm:
        drawn["confirm"] = _confirm(button.confirm, button.style)
    return drawn


def _confirm(confirm: Confirm, style: str) -> Json:
    drawn: Json = {
        "title": _plain(confirm.title, 100),
        "text": _plain(confirm.text, 300),
        "confirm": _plain(confirm.yes, 30),
        "deny": _plain(confirm.no, 30),
    }
    return {**drawn, "style": style} if style != "plain" else drawn


def _text(drawn: str) -> Json:
    """``verbatim``: Slack makes no links of bare addresses and no mentions of ``@channel``."""
    return {"type": "mrkdwn", "text": drawn, "verbatim": True}


def _plain(text: str, most: int) -> Json:
    return {"type": "plain_text", "text": plain(text, most) or _NOTHING, "emoji": False}

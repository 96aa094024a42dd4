"""A view as plain text: for terminals, and wherever nothing better can be shown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from messages.inert import clean
from messages.moments import spoken
from messages.view import (
    Button,
    Buttons,
    Divider,
    Element,
    Facts,
    Heading,
    Inline,
    Moment,
    Note,
    Paragraph,
    Row,
    Text,
    View,
)

_LEAST_WIDTH = 20
_MOST_LABEL = 24


def render(view: View, width: int = 80, *, buttons: bool = False) -> str:
    """``view`` in lines of at most ``width`` characters (20 or more), ending in a line break.

    A word longer than a line is broken, never lost. With ``buttons`` they are named, although nothing can be
    pressed here.
    """
    width = max(width, _LEAST_WIDTH)
    drawn: list[str] = []
    previous: Element | None = None
    for element in view.elements:
        lines = _lines(element, width, buttons)
        if not lines:
            continue
        if drawn and not (isinstance(element, Row) and isinstance(previous, Row)):
            drawn.append("")
        drawn.extend(lines)
        previous = element
    return "\n".join(line.rstrip() for line in drawn or _wrap(clean(view.summary), width)) + "\n"


def words(text: Text, *, lines: bool = False) -> str:
    """Inline parts as one plain string, harmless in a terminal."""
    return "".join(_word(part, lines) for part in text).strip()


def _word(part: Inline, lines: bool) -> str:
    if isinstance(part, Moment):
        return spoken(part)
    return clean(part, lines=lines) if isinstance(part, str) else clean(part.text).strip()


def _lines(element: Element, width: int, buttons: bool) -> list[str]:
    match element:
        case Heading():
            titled = _wrap(clean(element.text).strip(), width)
            return [*titled, "=" * max(map(len, titled))] if titled else []
        case Paragraph() | Note():
            return _wrap(words(element.text, lines=True), width)
        case Facts():
            return list(_facts(element, width))
        case Divider():
            return ["-" * min(width, 40)]
        case Buttons():
            return _buttons(element.buttons, width) if buttons else []
        case Row():
            named = [*([element.button] if element.button else []), *element.more] if buttons else []
            item = _wrap(words(element.text, lines=True), width - 2)
            return _indent([*item, *_buttons(named, width - 2)])


def _facts(facts: Facts, width: int) -> Iterable[str]:
    labels = [clean(label).strip() for label, _ in facts.pairs]
    column = min(max(map(len, labels), default=0), _MOST_LABEL, width // 3)
    for label, (_, value) in zip(labels, facts.pairs, strict=True):
        first, *rest = _wrap(words(value, lines=True), width - column - 2) or ["-"]
        if len(label) > column:
            yield from _wrap(label, width)
            label = ""
        yield f"{label:<{column}}  {first}"
        yield from (f"{'':<{column}}  {line}" for line in rest)


def _buttons(buttons: Sequence[Button], width: int) -> list[str]:
    return _wrap(" ".join(f"[{clean(button.label).strip()}]" for button in buttons), width)


def _indent(lines: Sequence[str]) -> list[str]:
    return [("  " if index else "- ") + line for index, line in enumerate(lines)]


def _wrap(text: str, width: int) -> list[str]:
    wrapped: list[str] = []
    for line in text.split("\n"):
        wrapped.extend(textwrap.wrap(line, width, break_on_hyphens=False) or ([""] if wrapped else []))
    while wrapped and not wrapped[-1]:
        wrapped.pop()
    return wrapped

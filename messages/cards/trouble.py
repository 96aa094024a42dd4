"""Trouble with the work itself, for those who look after the installation."""

from __future__ import annotations

from collections.abc import Sequence

from messages.view import Code, Element, Heading, Inline, Note, Paragraph, View
from messages.wording import watching


def trouble(kind: str, number: int, about: Sequence[str]) -> View:
    """One kind of trouble: what is amiss and what to do. The words are those of ``bot/rules/watchdog.py``."""
    said = watching.said(kind, number, about)
    elements: list[Element] = [
        Heading(watching.HEADING),
        Paragraph([said]),
        Paragraph(_with_commands(watching.advice(kind))),
        Note([watching.WHO]),
    ]
    return View(f"{watching.HEADING}. {said}", elements)


def _with_commands(text: str) -> list[Inline]:
    """What stands between backticks is for typing."""
    parts = enumerate(text.split("`"))
    return [Code(part) if number % 2 else part for number, part in parts if part]

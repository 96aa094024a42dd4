"""What a message says, without saying how a platform draws it.

A view is data: renderers turn it into Block Kit, Adaptive Cards or plain text and enforce that platform's
limits. Every string that came from outside travels in an inline part and is escaped by the renderer; nothing
in a view is ever markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from messages.action_ref import ActionRef


@dataclass(frozen=True)
class Strong:
    """A word that matters: a token, a person, a vendor."""

    text: str


@dataclass(frozen=True)
class Code:
    """Something to type or an identifier to compare."""

    text: str


@dataclass(frozen=True)
class Moment:
    """A moment in UTC, shown in the reader's own zone; ``zone`` (IANA) serves where the platform cannot."""

    at: datetime
    zone: str = "UTC"
    style: Literal["date", "time", "datetime"] = "datetime"


Inline = str | Strong | Code | Moment
Text = Sequence[Inline]


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Paragraph:
    text: Text


@dataclass(frozen=True)
class Facts:
    """Label and value pairs, in the order to read them."""

    pairs: Sequence[tuple[str, Text]]


@dataclass(frozen=True)
class Note:
    """Small print: why this came, what happens next."""

    text: Text


@dataclass(frozen=True)
class Divider:
    pass


@dataclass(frozen=True)
class Confirm:
    """Asked before a button's action is taken."""

    title: str
    text: str
    yes: str
    no: str


@dataclass(frozen=True)
class Button:
    label: str
    action: ActionRef
    style: Literal["plain", "primary", "danger"] = "plain"
    confirm: Confirm | None = None


@dataclass(frozen=True)
class Buttons:
    buttons: Sequence[Button]


@dataclass(frozen=True)
class Row:
    """One line of a list with at most one button beside it. Shown whole or left out whole."""

    text: Text
    button: Button | None = None
    more: Sequence[Button] = ()
    """Further buttons of the same line."""


Element = Heading | Paragraph | Facts | Note | Divider | Buttons | Row


@dataclass(frozen=True)
class View:
    """A message. ``summary`` is the notification line and the fallback where nothing else can be shown."""

    summary: str
    elements: Sequence[Element]


@dataclass(frozen=True)
class TextField:
    name: str
    label: str
    multiline: bool = False
    required: bool = True
    max_length: int = 2000
    hint: str = ""
    placeholder: str = ""
    initial: str = ""


@dataclass(frozen=True)
class ChoiceField:
    name: str
    label: str
    options: Sequence[tuple[str, str]]
    """Value and label."""
    initial: str = ""
    required: bool = True
    hint: str = ""


@dataclass(frozen=True)
class PersonField:
    """A person of the workspace; the answer is the platform's user id."""

    name: str
    label: str
    required: bool = True
    hint: str = ""


@dataclass(frozen=True)
class DateField:
    name: str
    label: str
    initial: date | None = None
    required: bool = True
    hint: str = ""


Field = TextField | ChoiceField | PersonField | DateField


@dataclass(frozen=True)
class Form:
    """Questions before a decision: a modal in Slack, inline inputs in Teams. ``action`` is what submitting does."""

    title: str
    submit: str
    action: ActionRef
    intro: Sequence[Element]
    fields: Sequence[Field]
    cancel: str = "Cancel"

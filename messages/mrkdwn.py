"""Slack's mrkdwn, with values that cannot act as markup.

``& < >`` are escaped, as Slack asks for (https://docs.slack.dev/messaging/formatting-message-text). For the other
characters that mrkdwn acts on there is no escape, so a look-alike stands in for them: whatever a parser does, the
character it looks for is not there. An underscore inside a word stays, since Slack formats whole words only and
identifiers are full of it. In code spans nothing but the backtick acts, so identifiers in them stay as they are.
`as_typed` takes the stand-ins back, for names that a person copies out of a message.

Bare links and ``@channel`` are left to ``verbatim`` in the text object that holds this.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from messages.inert import clean
from messages.moments import spoken, unix
from messages.view import Code, Inline, Moment, Strong, Text

ELLIPSIS = "…"

_STAND_INS = {"*": "∗", "~": "∼", "`": "ˋ", "_": "ˍ", ":": "꞉", ">": "›"}
_BACK = str.maketrans({look_alike: original for original, look_alike in _STAND_INS.items()})
_ACTING = re.compile(
    r"[*~`]"
    r"|(?<![A-Za-z0-9_])_+|_+(?![A-Za-z0-9_])"
    r"|:(?=[^\s:]+:)"  # would become an emoji
    r"|(?:^|(?<=\s))>+"  # would become a quotation, even when escaped
)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_DATE = {"date": "{date_short_pretty}", "time": "{time}", "datetime": "{date_short_pretty} {time}"}


def mrkdwn(text: Text, most: int, *, lines: bool = False) -> str:
    """``text`` as mrkdwn of at most ``most`` UTF-16 units; a longer one is cut, never inside an escape or a date.

    With ``lines`` line breaks stay. Empty when there is nothing to see.
    """
    text = [_capped(part, most) for part in _merged(text)]
    drawn = [_drawn(part, lines) for part in text]
    whole = "".join(drawn).strip()
    if size(whole) <= most:
        return whole
    kept = []
    room = most - 1
    for part, piece in zip(text, drawn, strict=True):
        if size(piece) > room:
            kept.append(_cut(part, room, lines))
            break
        kept.append(piece)
        room -= size(piece)
    return "".join(kept).strip() + ELLIPSIS


def plain(text: str, most: int) -> str:
    """``text`` for a ``plain_text`` object: one line, cut to ``most`` units.

    Slack does not parse plain text. ``<`` before something that could be a mention or link is replaced all the
    same, because such texts are repeated in notifications and in other clients.
    """
    text = re.sub(r"<(?=[!@#]|\w+:)", "‹", clean(text)).strip()
    if size(text) <= most:
        return text
    text = text[: most - 1]
    while size(text) > most - 1:
        text = text[:-1]
    return text.rstrip() + ELLIPSIS


def fallback(text: str, most: int) -> str:
    """``text`` for a message's top-level ``text``: as mrkdwn, and no bare link in it, as ``verbatim`` is not there."""
    return mrkdwn([re.sub(r":(?=//)", "꞉", text)], most)


def as_typed(text: str) -> str:
    """``text`` as it was before stand-ins took the place of characters that act."""
    return text.translate(_BACK)


def size(text: str) -> int:
    """Length in UTF-16 units, the longest way in which a platform may count characters."""
    return len(text) + sum(character > "\uffff" for character in text)


def _drawn(part: Inline, lines: bool) -> str:
    match part:
        case Moment():
            return f"<!date^{unix(part.at)}^{_DATE[part.style]}|{spoken(part)}>"
        case Strong():
            inner = _value(part.text, lines=False).strip()
            return f"*{inner}*" if inner else ""
        case Code():
            inner = clean(part.text).replace("`", _STAND_INS["`"]).translate(_ESCAPES).strip()
            return f"`{inner}`" if inner else ""
        case _:
            return _value(part, lines)


def _value(text: str, lines: bool) -> str:
    inert = _ACTING.sub(lambda found: found[0].translate(_FORWARD), clean(text, lines=lines))
    return inert.translate(_ESCAPES)


_FORWARD = str.maketrans(_STAND_INS)


def _cut(part: Inline, room: int, lines: bool) -> str:
    """The longest beginning of ``part`` that fits ``room``; nothing of a moment, which is whole or absent."""
    if isinstance(part, Moment):
        return ""

    def drawn(length: int) -> str:
        beginning = text[:length].rstrip()
        return _drawn(beginning if isinstance(part, str) else replace(part, text=beginning), lines)

    text = clean(part if isinstance(part, str) else part.text, lines=lines and isinstance(part, str))
    length = bisect_right(range(min(len(text), room) + 1), room, key=lambda n: size(drawn(n))) - 1
    return drawn(length) if length > 0 else ""


def _merged(text: Text) -> Iterable[Inline]:
    """Neighbouring strings as one, so that no emoji or quotation comes together where they meet."""
    for plain_ones, parts in groupby(text, key=lambda part: isinstance(part, str)):
        if plain_ones:
            yield "".join(part for part in parts if isinstance(part, str))
        else:
            yield from parts


def _capped(part: Inline, most: int) -> Inline:
    """Not much longer than what can be shown, so that a text of megabytes costs no more than one of pages."""
    room = 4 * most + 100
    if isinstance(part, Moment):
        return part
    return part[:room] if isinstance(part, str) else replace(part, text=part.text[:room])

"""Strings that try to act, and what tells whether they did. Shared by the tests of every renderer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

HOSTILE: dict[str, str] = {
    "channel mention": "<!channel>",
    "here mention": "pay <!here|now>",
    "group mention": "<!subteam^S012AB|admins>",
    "user mention": "<@U024BE7LH>",
    "channel link": "<#C024BE7LR|general>",
    "disguised link": "<https://evil.example|Re-attest>",
    "mail link": "<mailto:a@evil.example|mail>",
    "forged date": "<!date^0^{date}^https://evil.example|today>",
    "bare link": "https://evil.example/?q=1&r=2",
    "bare channel mention": "@channel @here @everyone",
    "escaped mention": "&lt;!channel&gt;",
    "twice escaped mention": "&amp;lt;!channel&amp;gt;",
    "bold": "*approved*",
    "italic": "_approved_",
    "strike": "~revoked~",
    "code": "`code`",
    "code block": "```\nblock\n```",
    "code left open": "```open",
    "mixed marks": "*_~`x`~_*",
    "half a bold": "a *half",
    "marks in a word": "a*b*c_d_e~f~g",
    "leading underscores": "__init__ _x",
    "emoji": ":white_check_mark: :+1::skin-tone-2:",
    "emoji in an arn": "arn:aws:iam::123456789012:user/x",
    "quotation": "> quoted",
    "quotation of many lines": ">>> all of it\nand this",
    "quotation on the second line": "first\n> second",
    "new lines": "a\n\n\n*b*\r\nc\rd",
    "heading": "# Heading\n- item\n1. item",
    "markdown link": "[Re-attest](https://evil.example)",
    "markdown image": "![x](https://evil.example/x.png)",
    "html": "<b>bold</b><script>alert(1)</script>",
    "html attribute": '"><img src=x onerror=alert(1)>',
    "teams mention": "<at>everyone</at>",
    "colour": "\x1b[31mred\x1b[0m",
    "cursor": "\x1b[2J\x1b[1;1Hgone",
    "window title": "\x1b]0;owned\x07name",
    "terminal link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "8 bit sequence": "\x9b31mred",
    "device control": "\x1bPq#0\x1b\\x",
    "backspace": "abc\b\b\bxyz",
    "null": "a\x00b",
    "bell": "ding\x07",
    "carriage return": "good\rbad",
    "reversed text": "abc\u202egnp.exe",
    "isolates": "\u2066\u2067x\u2069",
    "invisible": "a\u200b\u2060\ufeffb",
    "tag characters": "x\U000e0041\U000e0042",
    "line separators": "a\u2028b\u2029c\x85d",
    "half a pair": "a\ud800b",
    "stacked marks": "z" + "\u0301" * 60,
    "braces": "{name} {0} {date_short_pretty} %s %(x)s",
    "bars and carets": "a|b^c|d",
    "ours look-alike": "w1:revoke:1:1",
    "json": '{"type": "mrkdwn"}',
    "formula": '=HYPERLINK("https://evil.example")',
    "very long": "long_*name*<&> " * 300,
    "very long entities": "&<>" * 3_000,
    "only blanks": " \t\n\u3000 ",
    "only invisible": "\u200b\u202e\x00",
    "emoji pairs": "\U0001f600" * 2_000,
}

OUR_DATE = re.compile(
    r"<!date\^-?\d+\^(?:\{date_short_pretty\}|\{time\}|\{date_short_pretty\} \{time\})"
    r"\|[A-Za-z0-9 ,:+-]+>"
)
_SPAN = re.compile(r"`[^`\n]+`")
_ENTITY = re.compile(r"&(?:amp|lt|gt);")
_CODE = "□"  # stands for a whole code span, in which nothing acts
_EMOJI = re.compile(r":[^\s:꞉*□]+:")  # no name of an emoji holds a stand-in or a mark
_INVISIBLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def mrkdwn_faults(text: str) -> list[str]:
    """What in a mrkdwn text could act beyond our own bold, code and dates. Written without the renderer."""
    faults = []
    rest = OUR_DATE.sub("1 Mar", text)
    if "<" in rest or ">" in rest:
        faults.append("an angle bracket that is not one of our dates")
    if "&" in _ENTITY.sub("", rest):
        faults.append("an ampersand that is not escaped")
    if rest.count("`") % 2:
        faults.append("a code span is left open")
    prose = _SPAN.sub(_CODE, rest)
    if "`" in prose or "~" in prose:
        faults.append("a backtick or tilde outside our code")
    if prose.count("*") % 2 or any(line.count("*") % 2 for line in prose.split("\n")):
        faults.append("bold that is left open on its line")
    if re.search(r"(?<![A-Za-z0-9_])_|_(?![A-Za-z0-9_])", prose):
        faults.append("an underscore at the edge of a word")
    if _EMOJI.search(prose):
        faults.append("an emoji")
    if re.search(r"^\s*&gt;", prose, re.MULTILINE):
        faults.append("a quotation")
    return faults + text_faults(text)


def text_faults(text: str) -> list[str]:
    """What in any text could move a cursor, turn the reading direction or hide."""
    found = _INVISIBLE.search(text)
    return [f"a character that acts: {found[0]!r}"] if found else []


def acting(text: str) -> str:
    """The characters of a mrkdwn text that act, in order: two texts with the same ones are drawn alike."""
    return "".join(re.findall(r"[*`~<]", _SPAN.sub("``", text)))


def texts(value: object) -> Iterator[tuple[str, str]]:
    """(type, text) of every text object anywhere in blocks or a view."""
    if isinstance(value, dict):
        if value.get("type") in {"mrkdwn", "plain_text"}:
            yield value["type"], value["text"]
        else:
            for item in value.values():
                yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


CODES = frozenset(
    {
        "state", "why", "tier", "reasons", "outcome", "role", "platform", "result", "default_action", "next_role",
        "kind", "contract", "code", "zone", "unreachable", "stage", "causes", "fault", "proof",
    }
)  # fmt: skip
"""Fields that hold words of ours, not words from outside."""


def poisoned(value: Any, text: str, *, codes: bool) -> Any:
    """``value`` with ``text`` in place of every string in it; those in ``CODES`` only with ``codes``."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(poisoned(item, text, codes=codes) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: poisoned(getattr(value, field.name), text, codes=codes)
            for field in fields(value)
            if codes or field.name not in CODES
        }
        return replace(value, **changed)
    return value

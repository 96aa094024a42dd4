"""Text from outside, made harmless before anything draws it: no control character, no terminal sequence, no trick.

What is taken away could move a cursor, recolour a terminal, reverse the reading direction or hide words; what a
person can read stays as it is.
"""

from __future__ import annotations

import re
import unicodedata

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor (ECMA-48)
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)"  # OSC, DCS … to their end
    r"|\x1b[ -/]*[0-~]"
)
_SPACES = re.compile(r" {2,}")
_JOINERS = "\u200c\u200d"  # Persian and Indic names need them
_MOST_MARKS = 3  # combining marks on one letter; Vietnamese and Hebrew need two or three
_GONE = {"Cc", "Cf", "Cn"}
_SPACE = {"Zs", "Zl", "Zp"}


def clean(text: str, *, lines: bool = False) -> str:
    """``text`` without control, direction and other invisible characters; runs of blanks become one.

    With ``lines`` line breaks stay; without, they become blanks. Half character pairs, which no UTF-8 holds,
    become U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return _SPACES.sub(" ", text)
    text = _SEQUENCES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _SPACES.sub(" ", "".join(_visible(text, lines)))


def one_line(text: str) -> str:
    """``text`` cleaned, on one line, without blanks at either end."""
    return clean(text).strip()


def short(text: str, most: int) -> str:
    """``text`` on one line of at most ``most`` characters; what is cut ends in an ellipsis."""
    text = one_line(text)
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _visible(text: str, lines: bool) -> list[str]:
    kept = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if character == "\n":
            kept.append("\n" if lines else " ")
        elif character == "\t" or category in _SPACE:
            kept.append(" ")
        elif category == "Cs":
            kept.append("\ufffd")
        elif character in _JOINERS or (category not in _GONE and marks <= _MOST_MARKS):
            kept.append(character)
    return kept

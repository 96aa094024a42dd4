"""What somebody typed after ``/whose``, as one of a few questions. Pure; whatever is typed, it never raises.

    /whose drift-prod                   the token, by any part of its name or id
    /whose mine · due · help
    /whose vendor acme · history drift-prod
    /whose offboard acme
    /whose who drift-prod on 2025-08-12 (or today, yesterday, 12 Aug 2025)

Words in quotes are taken as they are, so that a token may be called "mine".
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches

MAX_TYPED = 200
"""Characters that are looked at; no name is longer."""
WORDS = ("mine", "due", "help", "vendor", "offboard", "history", "who")


@dataclass(frozen=True)
class Find:
    words: str
    nearest: str = ""
    """The word of ours that may have been meant, where one is near."""


@dataclass(frozen=True)
class Mine:
    pass


@dataclass(frozen=True)
class Due:
    pass


@dataclass(frozen=True)
class Help:
    pass


@dataclass(frozen=True)
class VendorNamed:
    name: str


@dataclass(frozen=True)
class Offboard:
    """End everything that a vendor holds: shown first, and done by two people."""

    name: str


@dataclass(frozen=True)
class History:
    words: str


@dataclass(frozen=True)
class Who:
    words: str
    on: date | None = None
    """A day in the reader's own zone; None: now."""


@dataclass(frozen=True)
class NoDate:
    """What stands after ``on`` was meant as a day and is none."""

    typed: str


Question = Find | Mine | Due | Help | VendorNamed | Offboard | History | Who | NoDate

_QUOTES = str.maketrans("“”„‟«»″＂‘’‚‛′", '""""""""' + "'" * 5)
_REFERENCE = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_ON = re.compile(r"(.+?)\s+on\s+(.+)", re.IGNORECASE)
_FILLER = re.compile(r"(?:is|was|owns|owned|had)\s+(?=\S)", re.IGNORECASE)


def parse(typed: str, today: date) -> Question:
    """Read a command's text.

    Args:
        today: the reader's own day, for ``today`` and ``yesterday``.
    """
    text = clean(typed)
    if not text:
        return Help()
    if quoted := _QUOTED.fullmatch(text):
        return _find(_unquoted(quoted))
    first, _, rest = text.partition(" ")
    word = first.casefold()
    if not rest:
        match word:
            case "mine":
                return Mine()
            case "due":
                return Due()
            case "help" | "?" | "vendor" | "offboard" | "history" | "who":
                return Help()
    match word:
        case "vendor" if rest:
            return VendorNamed(_plain(rest)) if _plain(rest) else Help()
        case "offboard" if rest:
            return Offboard(_plain(rest)) if _plain(rest) else Help()
        case "history" if rest:
            return History(_plain(rest)) if _plain(rest) else Help()
        case "who" if rest:
            return _who(rest, today)
    return _find(_plain(text), near=word)


def clean(typed: str) -> str:
    """One line of visible text: Slack's references and entities read, quotes made straight, spaces made single."""
    shortened = typed[: 4 * MAX_TYPED]
    text = html.unescape(_REFERENCE.sub(_reference, shortened))
    text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    # Cf: joiners, direction marks and other invisible letters; Cc: control characters; Cs: halves of a pair.
    seen = "".join(_visible(c) for c in text)
    return " ".join(seen.split())[:MAX_TYPED].strip()


def _visible(character: str) -> str:
    kind = unicodedata.category(character)
    return "" if kind in {"Cf", "Cs"} else " " if kind in {"Cc", "Zl", "Zp"} else character


def _reference(match: re.Match[str]) -> str:
    """``<@U1|ana>``, ``<#C1|ops>``, ``<https://a.example|a.example>``: what the person saw when typing it."""
    target, label = match[1], match[2]
    return label or target.removeprefix("mailto:").lstrip("@#!")


def _find(words: str, near: str = "") -> Question:
    if not words:
        return Help()
    close = get_close_matches(near, WORDS, n=1, cutoff=0.7) if len(near) > 2 else []
    return Find(words, close[0] if close and close[0] != near else "")


def _who(rest: str, today: date) -> Question:
    rest = _FILLER.sub("", rest, count=1) if _FILLER.match(rest) else rest
    if _QUOTED.fullmatch(rest):
        return Who(_plain(rest)) if _plain(rest) else Help()
    name, written = rest, ""
    if (match := _ON.fullmatch(rest)) and (_day(match[2], today) or _meant_as_day(match[2])):
        name, written = match[1], match[2]
    else:
        name, written = _day_at_the_end(rest, today)
    words = _plain(name)
    if not words:
        return Help()
    if not written:
        return Who(words)
    on = _day(written, today)
    return Who(words, on) if on else NoDate(written)


def _day_at_the_end(rest: str, today: date) -> tuple[str, str]:
    """``drift-prod 2025-08-12``: the ``on`` may be left out before a day that can be nothing else."""
    name, _, last = rest.rpartition(" ")
    name = re.sub(r"\s+on$", "", name, flags=re.IGNORECASE)
    return (name, last) if name and _day(last, today) else (rest, "")


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ][\d:.+Zz-]*)?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.? ([a-z]{3,9})\.?,? (\d{4})", re.ASCII | re.IGNORECASE)
_MONTH_FIRST = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.ASCII | re.IGNORECASE)


def _day(written: str, today: date) -> date | None:
    """A day as people write it; not 08/12/2025, which means two different days."""
    written = written.strip("\"' .?!").casefold()
    if written in {"today", "now"}:
        return today
    if written == "yesterday":
        return today - timedelta(days=1) if today > date.min else None
    if match := _ISO.fullmatch(written.upper()):
        return _date(match[1], match[2], match[3])
    if match := _DAY_FIRST.fullmatch(written):
        return _date(match[3], _month(match[2]), match[1])
    if match := _MONTH_FIRST.fullmatch(written):
        return _date(match[3], _month(match[1]), match[2])
    return None


def _month(name: str) -> str:
    return str(_MONTHS.index(name[:3]) + 1) if name[:3] in _MONTHS else "0"


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _meant_as_day(written: str) -> bool:
    """Begins with a digit, so it is no part of a name such as ``log on prod``."""
    return written.strip("\"' ")[:1].isdigit() and len(written) <= 30


def _plain(text: str) -> str:
    """Words with their quotes taken off."""
    return " ".join(_QUOTED.sub(_unquoted, text).replace('"', " ").split())


def _unquoted(match: re.Match[str]) -> str:
    return (match[1] if match[1] is not None else match[2]).strip()

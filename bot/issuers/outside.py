"""Values that came from outside, as a sighting may carry them: typed, short, and readable as what they are.

The lengths are those of the inventory's columns. A name that cannot be shown is mended, since nothing hangs on it; an
id or a moment that does not fit is refused, since the next call, or a decision, would be about something else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from bot.operations.secret_patterns import looks_like_secret

LONGEST_ID: Final = 500
LONGEST_NAME: Final = 200
LONGEST_TYPE: Final = 100
LONGEST_TEXT: Final = 4_000
MOST_HINTS: Final = 10
_HIDDEN: Final = "(hidden: it looks like a secret)"
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 12, 31, tzinfo=UTC)
_UNREADABLE: Final = "\ufffd"


class Form(StrEnum):
    """How a system writes a moment."""

    ISO = "iso"
    SECONDS = "seconds"
    """Since 1970, as a number or its digits."""
    MILLISECONDS = "milliseconds"


def identifier(value: Any) -> str:
    """An id: a text or a whole number, exactly as it is.

    Raises:
        ValueError: it cannot be one, or could not be written into a request; the text does not repeat it.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError("an id is neither a text nor a number")
    if isinstance(value, int) and abs(value) >= 10**LONGEST_NAME:
        raise ValueError("an id is too long")
    text = str(value)
    if not 0 < len(text) <= LONGEST_ID:
        raise ValueError("an id is empty" if not text else "an id is too long")
    if not text.isprintable() or text != text.strip():
        raise ValueError("an id holds characters that cannot be shown")
    return text


def is_identifier(text: str) -> bool:
    """Whether an ``external_id`` of an inventory can be named to a system at all."""
    try:
        identifier(text)
    except ValueError:
        return False
    return True


def text_of(value: Any, most: int) -> str:
    """A text for people, mended where it cannot be shown, and cut; empty for null. A list of texts is joined.

    Raises:
        ValueError: it is of another type.
    """
    if value is None:
        return ""
    if isinstance(value, list):
        return _shown(" ".join(_plain(one)[: most + 1] for one in value[:LONGEST_TEXT]), most)
    return _shown(_plain(value), most)


def _plain(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**LONGEST_NAME:
        return str(value)
    if not isinstance(value, str):
        raise ValueError("a text is of another type")
    return value


def _shown(text: str, most: int) -> str:
    cut = " ".join(text[: most * 2].split())
    mended = "".join(one if one.isprintable() else _UNREADABLE for one in cut)
    if looks_like_secret(mended) is not None:
        return _HIDDEN
    return mended if len(mended) <= most else mended[: most - 1] + "…"


def moment_of(value: Any, form: Form) -> datetime | None:
    """A moment in UTC; None for null and empty. An ISO 8601 moment without a zone is UTC.

    Raises:
        ValueError: it is none, or lies outside the years 1970 to 2200; the text does not repeat it.
    """
    if value is None or value == "":
        return None
    try:
        read = _iso(value) if form is Form.ISO else _epoch(value, form)
    except (ValueError, OverflowError, TypeError, OSError):
        raise ValueError("a moment cannot be read") from None
    if not _FIRST <= read <= _LAST:
        raise ValueError("a moment is not between the years 1970 and 2200")
    return read


def _iso(value: Any) -> datetime:
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError
    read = datetime.fromisoformat(value)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def _epoch(value: Any, form: Form) -> datetime:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    if isinstance(value, str):
        if len(value) > 20 or not (value.isascii() and value.isdigit()):
            raise ValueError
        value = int(value)
    return datetime.fromtimestamp(value / 1000 if form is Form.MILLISECONDS else value, UTC)

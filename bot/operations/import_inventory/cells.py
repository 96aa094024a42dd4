"""One cell to one value, or a reason why not. Pure; a converter raises :class:`CellError` and nothing else.

Text is kept as it was written, also where it looks like a formula or like markup: it is data here, and made
inert where it leaves. CellError are control characters, invisible characters and the direction overrides that
make one name read as another; white space at the ends goes, and in a one-line column a line break is a space.
Moments come out as ``YYYY-MM-DD HH:MM:SS.ffffff`` in UTC, the form that both databases read and that sorts.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from bot.operations.secret_patterns import looks_like_secret, suspicious
from bot.rules.calendar import CalendarError, is_known_zone, parse_workweek

MAX_CELL = 64 * 1024
_REMEMBERED = 100_000  # values per column; repeated ones (owners, vendors, days) are converted once
_REMEMBERED_BESIDES = 2_000  # where a whole column can go through at once
_SHORT = 120

Convert = Callable[[str], Any]
ConvertText = Callable[[str], str]


class CellError(ValueError):
    """A cell that cannot be taken: why, and what would be. ``secret``: it looks like one (its kind)."""

    def __init__(self, reason: str, allowed: str = "", *, secret: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.allowed, self.secret = reason, allowed, secret


class Unreadable(str):
    """What a reader puts in place of a value that cannot be a cell; no converter takes it."""

    reason: str

    def __new__(cls, reason: str) -> Unreadable:
        made = super().__new__(cls, "\0")
        made.reason = reason
        return made


class Cells(dict[str, Any]):
    """A column's converter that remembers: ``cells[text]`` is the value, ``cells.many(column)`` those of a batch."""

    __slots__ = ("_limit", "_many", "convert")

    def __init__(self, convert: Convert) -> None:
        super().__init__()
        self.convert = convert
        self._many: Callable[[Sequence[str]], list[Any] | None] | None = getattr(convert, "many", None)
        self._limit = _REMEMBERED if self._many is None else _REMEMBERED_BESIDES

    def __missing__(self, cell: str) -> Any:
        value = self.convert(cell)
        if len(self) < self._limit and len(cell) < _SHORT:
            self[cell] = value
        return value

    def many(self, column: Sequence[str]) -> list[Any]:
        """The values of a whole column. Where few values repeat, remembering is no help: they go through at once.

        Raises:
            CellError: when any of them cannot be taken.
        """
        if self._many is not None and len(self) >= self._limit:
            values = self._many(column)
            if values is not None:
                return values
        return list(map(self.__getitem__, column))


# ------------------------------------------------------------------ text


class Text:
    """Free text of at most ``cap`` characters; ``lines``: line breaks and tabs are kept."""

    def __init__(self, cap: int, *, lines: bool = False) -> None:
        self._cap, self._lines = cap, lines

    def __call__(self, cell: str) -> str:
        if not cell.isprintable():
            cell = _mend(cell, lines=self._lines)
        if cell[:1] == " " or cell[-1:] == " ":
            cell = cell.strip()
        if len(cell) > self._cap:
            raise CellError(f"the text has {len(cell):,} characters", f"At most {self._cap:,} fit in this column")
        if suspicious(cell):
            refuse_secret(cell)
        return cell

    def many(self, column: Sequence[str]) -> list[str] | None:
        """The whole column as it is, if nothing about it needs a closer look; raises :class:`CellError` on a secret."""
        joined = f"|{'|'.join(column)}|"
        if not joined.isprintable() or "| " in joined or " |" in joined or max(map(len, column)) > self._cap:
            return None
        if suspicious(joined.replace("|", " ")):
            for cell in filter(suspicious, column):
                refuse_secret(cell)
        return list(column)


def refuse_secret(cell: str) -> None:
    """Raises :class:`CellError` when the cell looks like a secret itself."""
    kind = looks_like_secret(cell)
    if kind is not None:
        allowed = "Put the id or a reference such as vault:path here; write an id that only looks so as id:VALUE"
        raise CellError(f"this looks like a secret: {kind}", allowed, secret=True)


_SPACE = {"\n", "\r", "\t"}
_HIDDEN = {"\u200b", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u061c"}
_DIRECTION = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def _mend(cell: str, *, lines: bool) -> str:
    if isinstance(cell, Unreadable):
        raise CellError(cell.reason, "Write plain text, a number, true or false, or a list of these")
    for char in cell:
        if char.isprintable() or char in _SPACE:
            continue
        if "\ud800" <= char <= "\udfff":
            raise CellError("there are bytes that are not UTF-8", "Save the file as UTF-8")
        if char == "\0":
            raise CellError("there is a NUL character", "Remove it")
        if char in _DIRECTION:
            raise CellError("there is a character that turns the reading direction", f"Remove U+{ord(char):04X}")
        if char in _HIDDEN or unicodedata.category(char) == "Cc" or "\U000e0000" <= char <= "\U000e007f":
            raise CellError("there is a control or invisible character", f"Remove U+{ord(char):04X}")
    if lines:
        return cell.replace("\r\n", "\n").replace("\r", "\n").strip()
    return " ".join(cell.split()) if any(char in cell for char in _SPACE) else cell.strip()


def choice(*allowed: str) -> ConvertText:
    """One of a few words; capitals do not matter; empty: not known."""

    def convert(cell: str) -> str:
        word = line(cell).lower()
        if word and word not in allowed:
            raise CellError("this is not a value of this column", f"Allowed: {', '.join(allowed)}, or empty")
        return word

    return convert


line = Text(MAX_CELL)

_YES, _NO = {"true", "yes", "y", "t", "1"}, {"false", "no", "n", "f", "0"}


def flag(cell: str) -> int | None:
    """1, 0 or None for true, false or empty."""
    word = line(cell).lower()
    if not word:
        return None
    if word not in _YES and word not in _NO:
        raise CellError("this is neither true nor false", "Allowed: true, false, yes, no, or empty")
    return int(word in _YES)


_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")


def email(cell: str) -> str:
    """An address in lower case, or empty."""
    address = line(cell).lower()
    if address and not (len(address) <= 254 and _EMAIL.fullmatch(address)):
        raise CellError("this is not an e-mail address", "Write it as name@example.com, or leave it empty")
    return address


# ------------------------------------------------------------------ moments

_FIRST_YEAR, _LAST_YEAR = "1970", "2200"
_MOMENT = "Write a date as 2025-12-31 or a moment as 2025-12-31T09:30:00Z (without a zone it is UTC), 1970 to 2200"
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?", re.ASCII | re.DOTALL)


_BATCH = re.compile(r"(?:(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ)?\|)*", re.ASCII)


class Moment:
    """An ISO 8601 moment in UTC, None for an empty cell; with ``latest``, not after that (it already happened)."""

    def __init__(self, latest: datetime | None = None) -> None:
        self._latest = "9" if latest is None else _stored(latest)

    def __call__(self, cell: str) -> str | None:
        if not cell:
            return None
        stored = _moment(cell)
        if stored and not _FIRST_YEAR <= stored[:4] <= _LAST_YEAR:
            raise CellError("this date is out of range", _MOMENT)
        if stored > self._latest:
            raise CellError("this lies in the future", "Write when it last happened, or leave it empty")
        return stored or None

    def many(self, column: Sequence[str]) -> list[str | None] | None:
        """A column of moments in the usual form (``2025-12-31T09:30:00Z``) and empty cells, or None: look closer."""
        joined = "|".join(column) + "|"
        if not _BATCH.fullmatch(joined):
            return None
        given = list(filter(None, column))
        try:
            list(map(datetime.fromisoformat, given))
        except ValueError:
            return None
        stored = joined.replace("T", " ").replace("Z", ".000000").split("|")[:-1]
        if given and not (
            min(given)[:4] >= _FIRST_YEAR and max(given)[:4] <= _LAST_YEAR and max(stored) <= self._latest
        ):
            return None
        return [one or None for one in stored]


moment = Moment()


def _stored(when: datetime) -> str:
    naive = when if when.tzinfo is None else when.astimezone(UTC).replace(tzinfo=None)
    return naive.isoformat(sep=" ", timespec="microseconds")


def _moment(cell: str) -> str:
    written = line(cell)
    if not written:
        return ""
    if not _PLAIN.fullmatch(written):
        raise CellError("this is not an ISO 8601 date", _MOMENT)
    try:
        return _stored(datetime.fromisoformat(written))
    except (ValueError, OverflowError):
        raise CellError("there is no such date or time", _MOMENT) from None


def day(cell: str) -> date | None:
    """A calendar day; of a moment, its day in UTC."""
    when = moment(cell)
    return None if when is None else date.fromisoformat(when[:10])


# ------------------------------------------------------------------ lists and codes


def tags(cell: str) -> str:
    """``,crm,eu,``: lower case, each once, in the order written; empty for none."""
    words = [word for word in (part.strip().lower() for part in re.split(r"[,;\n]", _long(cell))) if word]
    return f",{','.join(dict.fromkeys(words))}," if words else ""


_long = Text(4_000, lines=True)


def cidrs(cell: str) -> str:
    """Networks separated by commas or white space, as ``10.0.0.0/8, 2001:db8::/32``."""
    found = []
    for part in re.split(r"[,;\s]+", _long(cell)):
        if not part:
            continue
        try:
            found.append(str(ipaddress.ip_network(part, strict=False)))
        except ValueError:
            raise CellError("there is something that is not a network", "Write 203.0.113.0/24, 2001:db8::/32") from None
    return ", ".join(found)


def countries(cell: str) -> str:
    """Two-letter codes separated by commas or white space, as ``DE, US``."""
    return ", ".join(country(part) for part in re.split(r"[,;\s]+", _long(cell)) if part)


def country(cell: str) -> str:
    """An ISO 3166-1 alpha-2 code in capitals, or empty."""
    code = line(cell).upper()
    if code and not re.fullmatch("[A-Z]{2}", code):
        raise CellError("this is not a country code", "Write two letters, as DE or US")
    return code


_reference = Text(500)
_REFERENCE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S.*")


def reference(cell: str) -> str:
    """Where the secret lives: ``scheme:place``. A bare word is refused, for it may be the secret."""
    written = _reference(cell)
    if written and not _REFERENCE.fullmatch(written):
        allowed = "Say where the secret lives, as vault:kv/app#token, env:APP_TOKEN or file:/run/secrets/app"
        raise CellError("this is not a reference to a secret", allowed, secret=True)
    return written


def zone(cell: str) -> str:
    """A time zone of the IANA database, or empty."""
    name = line(cell)
    if name and not is_known_zone(name):
        raise CellError("there is no such time zone", "Write a zone as Europe/Berlin or America/New_York")
    return name


def workweek(cell: str) -> str:
    """Days as ``mon-fri`` or ``sun-thu``, or empty."""
    written = line(cell)[:80].lower()
    try:
        parse_workweek(written)
    except CalendarError:
        raise CellError("this is not a working week", "Write days as mon-fri, sun-thu or mon,tue,wed") from None
    return written


def code(pattern: str, example: str) -> ConvertText:
    """A short machine identifier that matches ``pattern``, or empty."""
    compiled = re.compile(pattern)

    def convert(cell: str) -> str:
        written = line(cell)
        if written and not compiled.fullmatch(written):
            raise CellError("this identifier has an unexpected form", f"It looks like {example}")
        return written

    return convert

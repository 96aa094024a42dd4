"""The records as a table: a line a record, for a spreadsheet.

RFC 4180 in UTF-8, without a byte order mark. A cell that a spreadsheet would take for a formula gets an apostrophe in
front (OWASP, CSV injection), and no cell holds a line break or another control character, so a line is a record.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from bot.operations.export_ledger.about import About
from bot.operations.export_ledger.dated import Dated
from bot.operations.export_ledger.words import KIND_WORDS, Said, accountable, name, role, text, told, utc
from bot.operations.lookups.told import part
from messages.inert import one_line
from storage.ledger.log import StoredRecord
from storage.ledger.record import to_ms

HEADER: Final = (
    "Record", "Epoch", "Recorded at (UTC)", "Effective at (UTC)", "Kind", "Reason", "Outcome", "Token issuer",
    "Token", "Token name", "Vendor", "Tier", "Request", "Actor", "Actor type", "Role", "Role from", "Policy",
    "Policy version", "Rule", "On behalf of", "Accountable before", "Accountable after", "Told or asked",
    "Written reason", "Platform", "First signed checkpoint", "First dated proof", "Proven to exist at (UTC)",
    "Leaf hash",
)  # fmt: skip
#: What a spreadsheet reads as the beginning of a formula; signs that only look different count as the same (NFKC).
_FORMULA: Final = frozenset("=+-@\t\r\n\N{MINUS SIGN}")


def harmless(content: str) -> str:
    """``content`` as it may stand in a spreadsheet: on one line, without control characters, and never a formula."""
    if not (content.isascii() and content.isprintable()):
        content = one_line(content)
    first = content.lstrip()[:1]
    if first and (first in _FORMULA or (first > "~" and not _FORMULA.isdisjoint(unicodedata.normalize("NFKC", first)))):
        return "'" + content
    return content


def cell(value: object) -> str:
    """A text or a whole number made harmless and, where RFC 4180 asks for it, in quotes; anything else is left out."""
    if not value:
        return ""
    content = value if type(value) is str else text(value)
    # Most cells of a table come many times.
    return _cell(content) if len(content) <= _MOST_KEPT else _made(content)


def _made(content: str) -> str:
    content = harmless(content)
    if "," in content or '"' in content:
        return '"' + content.replace('"', '""') + '"'
    return content


_MOST_KEPT: Final = 200  # characters of a cell that is kept; longer ones come once
_cell = lru_cache(1 << 14)(_made)


class Table:
    """Makes ``records.csv``, a line at a time; every line is made of its record and ``about`` alone."""

    def __init__(self, about: About) -> None:
        self._names = about.names
        self._dated = Dated(about)
        self._epoch, self._first, self._until = -1, 0, 0
        self._cells: Cells = ()

    def header(self) -> bytes:
        """The first line: the columns' names."""
        return _line(HEADER)

    def line(self, said: Said) -> bytes:
        """A record as a line, with its line end (CRLF)."""
        known, record = self._names, said.record
        return _line(
            (
                str(record.seq),
                str(record.epoch),
                utc(said.recorded_at),
                utc(said.effective_at),
                _KINDS[record.kind],
                cell(said.reason),
                cell(said.outcome),
                *_each(said.token, "issuer", "external_id", "name", "vendor", "tier"),
                cell(said.fields.get("request")),
                cell(name(said.actor.get("ref"), record, known)),
                cell(said.actor.get("type")),
                *_role(said.role),
                *self._authority(record, said.authority),
                cell(accountable(said.before, record, known)),
                cell(accountable(said.after, record, known)),
                cell(told(said, known)),
                cell(said.written),
                cell(part(said.fields, "channel").get("platform")),
                *self._proofs(record.epoch, record.seq),
                record.leaf_hash.hex(),
            )
        )

    def _authority(self, record: StoredRecord, authority: Mapping[str, Any]) -> Cells:
        if not authority:
            return _NO_AUTHORITY
        delegated = name(authority.get("delegated_from"), record, self._names)
        return (*_each(authority, "policy_id", "version", "rule"), cell(delegated))

    def _proofs(self, epoch: int, seq: int) -> Cells:
        """The same for all records between two checkpoints, and they come in order."""
        if epoch != self._epoch or not self._first <= seq < self._until:
            self._epoch, self._first = epoch, seq
            self._until, self._cells = self._look_up(epoch, seq)
        return self._cells

    def _look_up(self, epoch: int, seq: int) -> tuple[int, Cells]:
        signed, kept = self._dated.signed(epoch, seq), self._dated.kept(epoch, seq)
        if signed is None:
            return seq + 1, ("", "", "")
        if kept is None or kept[1].at is None:
            return signed.size, (str(signed.size), "", "")
        return signed.size, (str(signed.size), cell(kept[1].anchor), utc(to_ms(kept[1].at)))


Cells = tuple[str, ...]
_NO_AUTHORITY: Final = ("", "", "", "")
_NO_ROLE: Final = ("", "")
_KINDS: Final = {kind: cell(words) for kind, words in KIND_WORDS.items()}


def _each(of: Mapping[str, Any], *keys: str) -> Cells:
    return tuple([cell(of.get(key)) for key in keys])


def _role(of: Mapping[str, Any]) -> Cells:
    return (cell(role(text(of.get("name")))), cell(of.get("source"))) if of else _NO_ROLE


def _line(cells: Iterable[str]) -> bytes:
    return (",".join(cells) + "\r\n").encode("utf-8")

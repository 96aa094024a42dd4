"""Checking one stretch of the log, record by record: all that can be said of it without looking at the others.

Stretches begin at multiples of a power of two, so that the roots of their trees are nodes of the tree over all. Hence
they can be checked in any order, and by several processes at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from storage.database import driver_rows, driver_value, is_sqlite
from storage.ledger import verify_sql as sql
from storage.ledger.kinds import RecordKind
from storage.ledger.limits import LATEST_MS
from storage.ledger.merkle import STORED_EVERY, Frontier, leaf_hash
from storage.ledger.record import LedgerError, disclosure_digest, from_ms, parse_canonical
from storage.ledger.tables import LEAF

STRETCH = 1 << 2 * STORED_EVERY
PAGE = 2_000
MAX_FINDINGS = 100  # one broken record is enough; a thousand sentences help nobody

TOO_EARLY = "it was recorded before the record in front of it."

_NAMES = ("log", "epoch", "seq", "kind", "token", "token_seq", "request")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold. ``seq`` is the record concerned, ``None`` for the log as a whole."""

    seq: int | None
    sentence: str
    epoch: int = 0

    def __str__(self) -> str:
        of_epoch = f" of epoch {self.epoch}" if self.epoch else ""
        return self.sentence if self.seq is None else f"Record {self.seq}{of_epoch}: {self.sentence}"


class Stretch(NamedTuple):
    """Records ``first`` to ``last - 1`` of an epoch, at most :data:`STRETCH`, which divides ``first``."""

    log: str
    epoch: int
    first: int
    last: int


class Checked(NamedTuple):
    """What a stretch turned out to be.

    Attributes:
        size: how many records are there; ``roots``: the frontier of a tree over them alone.
        nodes: how many nodes of theirs should be stored.
        end: the number behind that of its last record.
        began_ms, ended_ms: when its first and its last record were recorded; None where none says so.
        follows: what record 0 says of the epoch before.
    """

    size: int
    roots: bytes
    nodes: int
    end: int
    began_ms: int | None
    ended_ms: int | None
    follows: object
    findings: list[Finding]


class Reader:
    """Raw rows, and what was found so far. Findings collect; a broken record does not end a verification."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.findings: list[Finding] = []
        self._expressions = sql.expressions(sqlite=is_sqlite(session))

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """As the driver gives them."""
        query = text(statement.format_map(self._expressions))
        return list(driver_rows(self.session, query, values, page=PAGE))

    def found(self, seq: int | None, sentence: str, epoch: int = 0) -> None:
        """Keep it, unless there are enough already."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(seq, sentence, epoch))

    def check_nodes(self, epoch: int, completed: list[tuple[int, int, bytes]]) -> None:
        """Compare nodes that were computed (level, index, hash) with the stored ones."""
        for level in sorted({level for level, _, _ in completed}):
            computed = {index: node for at, index, node in completed if at == level}
            place = {"epoch": epoch, "level": level, "first": min(computed), "last": max(computed)}
            stored = dict(map(tuple, self.rows(sql.NODES, **place)))
            for index, node in computed.items():
                if stored.get(index) != node:
                    self.found(None, f"The stored node {index} of level {level} is not that of the records.", epoch)

    def stored_time(self, milliseconds: int) -> Any:
        """How the database holds this moment."""
        value = driver_value(self.session, LEAF.c.recorded_at, from_ms(milliseconds))
        return value if isinstance(value, datetime) else value.encode()


def check_stretch(session: Session, stretch: Stretch) -> Checked:
    """Check the records of a stretch, their disclosures, and the nodes of the tree that they complete."""
    return _Pass(session, stretch).checked()


class _Pass:
    """One pass over one stretch."""

    def __init__(self, session: Session, stretch: Stretch) -> None:
        self._log, self._epoch, self._first, self._last = stretch
        self._reader = Reader(session)
        self._rows = self._reader.rows
        self._hashes: list[bytes] = []
        self._began_ms: int | None = None
        self._ended_ms: int | None = None
        self._stamp: tuple[int, Any] = (-1, None)  # neighbours mostly share their time
        self._follows: object = None

    def checked(self) -> Checked:
        frontier, nodes, end = Frontier(), 0, self._first
        for page in self._pages():
            disclosures = self._disclosures(page[0][0], page[-1][0])
            for row in page:
                if row[0] != end:
                    self._found(end, f"it is missing, and so is everything up to record {row[0]}.")
                end = row[0] + 1
                self._check_leaf(row, disclosures)
            completed = frontier.extend(self._hashes)
            self._hashes.clear()
            shifted = [(level, (self._first >> level) + index, node) for level, index, node in completed]
            self._reader.check_nodes(self._epoch, shifted)
            nodes += len(shifted)
        found = self._reader.findings
        size, roots = frontier.size, frontier.to_bytes()
        return Checked(size, roots, nodes, end, self._began_ms, self._ended_ms, self._follows, found)

    def _check_leaf(self, row: Any, disclosures: dict[int, list[Any]]) -> None:
        seq, stored_hash, kind, token_id, token_seq, request_id, recorded_at, body, before = row
        if not isinstance(body, bytes):
            self._found(seq, "its content is not stored as bytes.")
            return
        hashed = leaf_hash(body)
        self._hashes.append(hashed)
        if hashed != stored_hash:
            self._found(seq, "its content does not match its hash.")
        try:
            fields = parse_canonical(body)
        except LedgerError as error:
            self._found(seq, f"its content is {error}.")
            return
        said_of = fields.get
        token = said_of("token")
        said = (
            said_of("log"),
            said_of("epoch"),
            said_of("seq"),
            said_of("kind"),
            token.get("id") if isinstance(token, dict) else None,
            said_of("token_seq"),
            said_of("request"),
        )
        kept = (self._log, self._epoch, seq, kind, token_id, token_seq, request_id)
        if said != kept:
            for name, in_body, in_column in zip(_NAMES, said, kept, strict=True):
                if in_body != in_column:
                    self._found(seq, f"its {name} is {in_column!r} in the table but {in_body!r} in the record.")
        self._check_time(seq, said_of("recorded_at"), recorded_at)
        if token_id is not None:
            self._check_chain(seq, token_seq, said_of("prev"), before)
        if seq in disclosures:
            self._check_disclosures(seq, said_of("_sd"), disclosures[seq])
        if seq == 0 and kind == RecordKind.EPOCH_OPENED:
            details = said_of("details")
            self._follows = details.get("sealed") if isinstance(details, dict) else None

    def _check_time(self, seq: int, said: Any, kept: Any) -> None:
        if said != self._stamp[0]:
            if type(said) is not int or not 0 <= said <= LATEST_MS:
                self._found(seq, "the time in it is not one.")
                return
            if self._ended_ms is None:
                self._began_ms = said
            elif said < self._ended_ms:
                self._found(seq, TOO_EARLY)
            self._ended_ms = said
            self._stamp = (said, self._reader.stored_time(said))
        if kept != self._stamp[1]:
            self._found(seq, "its time in the table is not the time in the record.")

    def _check_chain(self, seq: int, token_seq: Any, prev: Any, before: Any) -> None:
        if token_seq == 0:
            if prev != "":
                self._found(seq, "it opens its token's chain but names a record before it.")
        elif not isinstance(before, bytes):
            self._found(seq, "the record before it in its token's chain is missing.")
        elif prev != before.hex():
            self._found(seq, "it names another record before it than the one in its token's chain.")

    def _check_disclosures(self, seq: int, promised: Any, disclosures: list[Any]) -> None:
        for _, *stored in disclosures:
            try:
                digest, salt, name, value = (part.decode("utf-8") for part in stored)
            except (AttributeError, UnicodeDecodeError):
                self._found(seq, "a disclosure of it is not text.")
                continue
            if not isinstance(promised, list) or digest not in promised:
                self._found(seq, f"it promises no disclosure {digest!r}.")
            elif digest != disclosure_digest(salt, name, value):
                self._found(seq, f"its disclosure {name!r} is not the one that was recorded.")

    def _disclosures(self, first: int, last: int) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        for row in self._rows(sql.DISCLOSURES, epoch=self._epoch, first=first, last=last):
            found.setdefault(row[0], []).append(row)
        return found

    def _pages(self) -> Iterator[list[Any]]:
        after = self._first - 1
        while page := self._rows(sql.LEAVES, epoch=self._epoch, after=after, size=self._last, page=PAGE):
            yield page
            after = page[-1][0]

    def _found(self, seq: int | None, sentence: str) -> None:
        self._reader.found(seq, sentence, self._epoch)

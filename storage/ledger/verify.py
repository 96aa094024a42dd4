"""Recompute the whole log from its stored bytes and say, in plain words, whatever does not agree.

This finds any change to a record, to the head, to a stored node, to the end of a token's chain or to a
disclosure. It cannot find what leaves no contradiction inside the database: whoever owns it can drop the
last records and rebuild the head, or rewrite everything. Only a root kept elsewhere shows that.

Values are compared as the driver holds them and not through the column types, which forgive spellings.
Only records below the size in the head are read, so that a log may grow while it is verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from storage.database import driver_value, is_sqlite
from storage.ledger import verify_sql as sql
from storage.ledger.merkle import Frontier, leaf_hash
from storage.ledger.record import LedgerError, RecordKind, disclosure_digest, from_ms, parse_canonical
from storage.ledger.tables import LEAF

PAGE = 2_000
MAX_FINDINGS = 100  # one broken record is enough; a thousand sentences help nobody
_LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification of all epochs found; what is said of the log is said of its current epoch.

    ``root`` is the one recomputed here, whatever the head says.
    """

    log: str
    epoch: int
    size: int
    root: bytes
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.findings


def verify_log(session: Session, progress: Callable[[int, int], None] | None = None) -> Verdict:
    """Verify the whole log. Memory does not grow with it; nothing is written.

    Args:
        progress: called with (records read, records in all) after every page.
    """
    return _Verification(session, progress).verdict()


class _Reader:
    """Raw rows, and what was found so far. Findings collect; a broken record does not end a verification."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.findings: list[Finding] = []
        self._expressions = sql.expressions(sqlite=is_sqlite(session))

    def rows(self, statement: str, **values: Any) -> list[Any]:
        query = text(statement.format_map(self._expressions))
        return list(self.session.connection().execute(query, values).all())

    def found(self, seq: int | None, sentence: str, epoch: int = 0) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(seq, sentence, epoch))


class _Verification:
    """All epochs, one after the other, and what must hold between them."""

    def __init__(self, session: Session, progress: Callable[[int, int], None] | None) -> None:
        self.reader = _Reader(session)
        self.progress = progress
        self.last: _Replay | None = None

    def verdict(self) -> Verdict:
        try:
            self._check_all()
        except DBAPIError as error:
            if not is_sqlite(self.reader.session):
                raise  # a lost connection says nothing about the records
            self.reader.found(None, f"The database file cannot be read any further: {error.orig}.")
        findings = tuple(self.reader.findings)
        if self.last is None:
            return Verdict("", 0, 0, Frontier().root(), findings)
        last = self.last
        return Verdict(last.log, last.epoch, last.frontier.size, last.frontier.root(), findings)

    def _check_all(self) -> None:
        read, found = self.reader.rows, self.reader.found
        heads = read(sql.HEADS)
        records = sum(row[2] for row in heads if type(row[2]) is int)
        done = nodes = 0
        for number, (epoch, log, size, *derived, sealed) in enumerate(heads):
            if epoch != number:
                found(None, f"The head of epoch {number} is missing, and there is one of epoch {epoch!r}.")
                break
            before = self.last
            self.last = _Replay(self.reader, epoch, log, size, self._progress(done, records))
            self.last.check(*derived)
            self._check_turn(before, is_last=number == len(heads) - 1, sealed=bool(sealed))
            done += self.last.frontier.size
            nodes += self.last.nodes
        [(leaves,)], [(stored,)] = read(sql.COUNT_LEAVES), read(sql.COUNT_NODES)
        if leaves and not heads:
            found(None, "There are records but the head of the log is missing.")
        elif leaves != done:
            found(None, f"There are {leaves} records, and {done} of them lie in the log that its heads describe.")
        if stored != nodes:
            found(None, f"The tree over the records has {nodes} nodes to be stored, and there are {stored}.")
        for (token_id,) in read(sql.CHAIN_ENDS):
            found(None, f"The end of the chain of token {token_id} does not match its last record.")
        for (seq,) in read(sql.STRAY_DISCLOSURES):
            found(None, f"A disclosure belongs to record {seq}, which does not exist.")

    def _check_turn(self, before: _Replay | None, *, is_last: bool, sealed: bool) -> None:
        """An epoch is sealed when the next one is opened, and that one says what it follows."""
        assert self.last is not None
        epoch = self.last.epoch
        if sealed is is_last:
            said = "sealed, and none follows it" if sealed else "not sealed, and another one follows it"
            self.reader.found(None, f"Epoch {epoch} is {said}.")
        if before is None:
            return
        if self.last.log != before.log:
            self.reader.found(None, f"Epoch {epoch} belongs to another log than the one before it.")
        state = {"epoch": before.epoch, "root": before.frontier.root().hex(), "size": before.frontier.size}
        if self.last.follows != state:
            self.reader.found(0, "it does not open its epoch with the state of the one before.", epoch)

    def _progress(self, done: int, records: int) -> Callable[[int], None]:
        def step(read: int) -> None:
            if self.progress is not None:
                self.progress(done + read, records)

        return step


class _Replay:
    """One pass over one epoch."""

    def __init__(self, reader: _Reader, epoch: int, log: Any, size: int, progress: Callable[[int], None]) -> None:
        self.session = reader.session
        self.progress = progress
        self.epoch, self.size = epoch, size
        self.log = log.decode("utf-8", "replace") if isinstance(log, bytes) else ""
        self.frontier = Frontier()
        self.follows: object = None  # what record 0 says of the epoch before
        self.nodes = 0
        self._reader = reader
        self._rows = reader.rows
        self._hashes: list[bytes] = []
        self.recorded_ms = 0
        self._stamp: tuple[int, Any] = (-1, None)

    def check(self, root: Any, frontier: Any, recorded_at: Any) -> None:
        self._check_leaves()
        self._check_head(root, frontier, recorded_at)
        for (seq,) in self._rows(sql.OUTSIDE, epoch=self.epoch, size=self.size):
            self._found(seq, "it lies outside of the log that the head describes.")

    def _check_leaves(self) -> None:
        expected = 0
        for page in self._pages():
            disclosures = self._disclosures(page[0][0], page[-1][0])
            for row in page:
                if row[0] != expected:
                    self._found(expected, f"it is missing, and so is everything up to record {row[0]}.")
                expected = row[0] + 1
                self._check_leaf(row, disclosures.get(row[0], []))
            self._check_nodes()
            self.progress(expected)
        if expected != self.size:
            self._found(None, f"The head counts {self.size} records, but they end at {expected}.")

    def _check_leaf(self, row: Any, disclosures: list[Any]) -> None:
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
        if seq == 0 and kind == RecordKind.EPOCH_OPENED:
            details = fields.get("details")
            self.follows = details.get("sealed") if isinstance(details, dict) else None
        token = fields.get("token")
        said = (
            fields.get("log"),
            fields.get("epoch"),
            fields.get("seq"),
            fields.get("kind"),
            token.get("id") if isinstance(token, dict) else None,
            fields.get("token_seq"),
            fields.get("request"),
        )
        kept = (self.log, self.epoch, seq, kind, token_id, token_seq, request_id)
        if said != kept:
            for name, in_body, in_column in zip(_NAMES, said, kept, strict=True):
                if in_body != in_column:
                    self._found(seq, f"its {name} is {in_column!r} in the table but {in_body!r} in the record.")
        self._check_time(seq, fields.get("recorded_at"), recorded_at)
        if token_id is not None:
            self._check_chain(seq, token_seq, fields.get("prev"), before)
        if disclosures:
            self._check_disclosures(seq, fields.get("_sd"), disclosures)

    def _check_nodes(self) -> None:
        """The stored nodes that the last page completed."""
        completed = self.frontier.extend(self._hashes)
        self._hashes.clear()
        self.nodes += len(completed)
        for level in sorted({level for level, _, _ in completed}):
            computed = {index: node for at, index, node in completed if at == level}
            place = {"epoch": self.epoch, "level": level, "first": min(computed), "last": max(computed)}
            stored = dict(tuple(row) for row in self._rows(sql.NODES, **place))
            for index, node in computed.items():
                if stored.get(index) != node:
                    self._found(None, f"The stored node {index} of level {level} is not that of the records.")

    def _check_time(self, seq: int, said: Any, kept: Any) -> None:
        if type(said) is not int or not 0 <= said <= _LATEST_MS:
            self._found(seq, "the time in it is not one.")
            return
        if kept != self._stored_time(said):
            self._found(seq, "its time in the table is not the time in the record.")
        if said < self.recorded_ms:
            self._found(seq, "it was recorded before the record in front of it.")
        self.recorded_ms = said

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

    def _check_head(self, root: Any, frontier: Any, recorded_at: Any) -> None:
        if root != self.frontier.root():
            self._found(None, "The root in the head is not the root of the records.")
        if frontier != self.frontier.to_bytes():
            self._found(None, "The frontier in the head is not the frontier of the records.")
        if self.frontier.size and recorded_at != self._stored_time(self.recorded_ms):
            self._found(None, "The time in the head is not the time of the last record.")

    def _stored_time(self, milliseconds: int) -> Any:
        """How the database holds this moment; neighbours mostly share it, so the last one is kept."""
        if self._stamp[0] != milliseconds:
            column = LEAF.c.recorded_at
            value = driver_value(self.session, column, from_ms(milliseconds))
            self._stamp = (milliseconds, value if isinstance(value, datetime) else value.encode())
        return self._stamp[1]

    def _disclosures(self, first: int, last: int) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        for row in self._rows(sql.DISCLOSURES, epoch=self.epoch, first=first, last=last):
            found.setdefault(row[0], []).append(row)
        return found

    def _pages(self) -> Iterator[list[Any]]:
        after = -1
        while page := self._rows(sql.LEAVES, epoch=self.epoch, after=after, size=self.size, page=PAGE):
            yield page
            after = page[-1][0]

    def _found(self, seq: int | None, sentence: str) -> None:
        self._reader.found(seq, sentence, self.epoch)

"""Recompute the whole log from its stored bytes and say, in plain words, whatever does not agree.

This finds any change to a record, to the head, to the end of a token's chain or to a disclosure. It cannot
find what leaves no contradiction inside the database: whoever owns it can drop the last records and
rebuild the head, or rewrite everything. Only a root kept elsewhere shows that.

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
from sqlmodel import Session, SQLModel

from storage.database import driver_value, is_sqlite
from storage.ledger import verify_sql as sql
from storage.ledger.log import HEAD_ID
from storage.ledger.merkle import Frontier, leaf_hash
from storage.ledger.record import LedgerError, disclosure_digest, from_ms, parse_canonical

PAGE = 2_000
MAX_FINDINGS = 100  # one broken record is enough; a thousand sentences help nobody
_LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999

_NAMES = ("log", "epoch", "seq", "kind", "token", "token_seq", "request")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold. ``seq`` is the record concerned, ``None`` for the log as a whole."""

    seq: int | None
    sentence: str

    def __str__(self) -> str:
        return self.sentence if self.seq is None else f"Record {self.seq}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. ``root`` is the one recomputed here, whatever the head says."""

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
    return _Replay(session, progress).verdict()


class _Replay:
    """One pass over the log. Findings collect; a broken record does not end it."""

    def __init__(self, session: Session, progress: Callable[[int, int], None] | None) -> None:
        self.session = session
        self.progress = progress
        self.expressions = sql.expressions(sqlite=is_sqlite(session))
        self.findings: list[Finding] = []
        self.frontier = Frontier()
        self.recorded_ms = 0
        self._stamp: tuple[int, Any] = (-1, None)
        self.log, self.epoch, self.size = "", 0, 0

    def verdict(self) -> Verdict:
        try:
            self._check_all()
        except DBAPIError as error:
            if not is_sqlite(self.session):
                raise  # a lost connection says nothing about the records
            self._found(None, f"The database file cannot be read any further: {error.orig}.")
        return Verdict(self.log, self.epoch, self.frontier.size, self.frontier.root(), tuple(self.findings))

    def _check_all(self) -> None:
        heads = self._rows(sql.HEAD, id=HEAD_ID)
        if heads:
            log, self.epoch, self.size, *derived = heads[0]
            self.log = "" if log is None else log.decode("utf-8", "replace")
            self._check_leaves()
            self._check_head(*derived)
        elif self._rows(sql.ANY_LEAF):
            self._found(None, "There are records but the head of the log is missing.")
        for (seq,) in self._rows(sql.OUTSIDE, id=HEAD_ID):
            self._found(seq, "it lies outside of the log that the head describes.")
        for (head_id,) in self._rows(sql.OTHER_HEADS, id=HEAD_ID):
            self._found(None, f"There is a second head of the log, number {head_id}.")
        for (token_id,) in self._rows(sql.CHAIN_ENDS):
            self._found(None, f"The end of the chain of token {token_id} does not match its last record.")
        for (seq,) in self._rows(sql.STRAY_DISCLOSURES):
            self._found(None, f"A disclosure belongs to record {seq}, which does not exist.")

    def _check_leaves(self) -> None:
        expected = 0
        for page in self._pages():
            disclosures = self._disclosures(page[0][0], page[-1][0])
            for row in page:
                if row[0] != expected:
                    self._found(expected, f"it is missing, and so is everything up to record {row[0]}.")
                expected = row[0] + 1
                self._check_leaf(row, disclosures.get(row[0], []))
            if self.progress is not None:
                self.progress(expected, self.size)
        if expected != self.size:
            self._found(None, f"The head counts {self.size} records, but they end at {expected}.")

    def _check_leaf(self, row: Any, disclosures: list[Any]) -> None:
        seq, stored_hash, kind, token_id, token_seq, request_id, recorded_at, body, before = row
        if not isinstance(body, bytes):
            self._found(seq, "its content is not stored as bytes.")
            return
        hashed = leaf_hash(body)
        self.frontier.append(hashed)
        if hashed != stored_hash:
            self._found(seq, "its content does not match its hash.")
        try:
            fields = parse_canonical(body)
        except LedgerError as error:
            self._found(seq, f"its content is {error}.")
            return
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
            column = SQLModel.metadata.tables["ledger_leaf"].c.recorded_at
            value = driver_value(self.session, column, from_ms(milliseconds))
            self._stamp = (milliseconds, value if isinstance(value, datetime) else value.encode())
        return self._stamp[1]

    def _disclosures(self, first: int, last: int) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        for row in self._rows(sql.DISCLOSURES, first=first, last=last):
            found.setdefault(row[0], []).append(row)
        return found

    def _pages(self) -> Iterator[list[Any]]:
        after = -1
        while page := self._rows(sql.LEAVES, after=after, size=self.size, page=PAGE):
            yield page
            after = page[-1][0]

    def _rows(self, statement: str, **values: Any) -> list[Any]:
        query = text(statement.format_map(self.expressions))
        return list(self.session.connection().execute(query, values).all())

    def _found(self, seq: int | None, sentence: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(seq, sentence))

"""Recompute the whole log from its stored bytes and say, in plain words, whatever does not agree.

This finds any change to a record, to the head, to a stored node, to the end of a token's chain or to a
disclosure. It cannot find what leaves no contradiction inside the database: whoever owns it can drop the
last records and rebuild the head, or rewrite everything. Only a root kept elsewhere shows that.

Values are compared as the driver holds them and not through the column types, which forgive spellings.
Only records below the size in the head are read, so that a log may grow while it is verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from storage.database import is_sqlite
from storage.ledger import verify_sql as sql
from storage.ledger.merkle import Frontier
from storage.ledger.verify_apart import processes
from storage.ledger.verify_stretch import STRETCH, TOO_EARLY, Checked, Reader, Stretch, check_stretch
from storage.ledger.verify_stretch import Finding as Finding

LARGE = 4 * STRETCH  # records; from there on it pays to start further processes

_Check = Callable[[Iterable[Stretch]], Iterable[Checked]]


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


def verify_log(
    session: Session, progress: Callable[[int, int], None] | None = None, *, in_processes: int = 1
) -> Verdict:
    """Verify the whole log. Memory does not grow with it; nothing is written.

    Args:
        progress: called with (records read, records in all) after every stretch of them.
        in_processes: how many processes share the records of a large log. Where it is more than one, they read what is
            committed, by connections of their own, and not what the transaction of ``session`` itself has written.
    """
    return _Verification(session, progress, in_processes).verdict()


class _Verification:
    """All epochs, one after the other, and what must hold between them."""

    def __init__(self, session: Session, progress: Callable[[int, int], None] | None, in_processes: int) -> None:
        self.reader = Reader(session)
        self.progress = progress
        self.in_processes = in_processes
        self.last: _Replay | None = None

    def verdict(self) -> Verdict:
        try:
            heads = self.reader.rows(sql.HEADS)
            records = sum(row[2] for row in heads if type(row[2]) is int)
            if self.in_processes > 1 and records >= LARGE:
                with processes(self.reader.session, self.in_processes) as apart:
                    self._check_all(heads, records, apart.check)
            else:
                self._check_all(heads, records, self._check_here)
        except DBAPIError as error:
            if not is_sqlite(self.reader.session):
                raise  # a lost connection says nothing about the records
            self.reader.found(None, f"The database file cannot be read any further: {error.orig}.")
        findings = tuple(self.reader.findings)
        if self.last is None:
            return Verdict("", 0, 0, Frontier().root(), findings)
        last = self.last
        return Verdict(last.log, last.epoch, last.frontier.size, last.frontier.root(), findings)

    def _check_here(self, stretches: Iterable[Stretch]) -> Iterator[Checked]:
        return (check_stretch(self.reader.session, stretch) for stretch in stretches)

    def _check_all(self, heads: list[Any], records: int, check: _Check) -> None:
        read, found = self.reader.rows, self.reader.found
        done = nodes = 0
        for number, (epoch, log, size, *derived, sealed) in enumerate(heads):
            if epoch != number:
                found(None, f"The head of epoch {number} is missing, and there is one of epoch {epoch!r}.")
                break
            before = self.last
            self.last = _Replay(self.reader, epoch, log, size, self._progress(done, records))
            self.last.check(check, *derived)
            self._check_turn(before, is_last=number == len(heads) - 1, sealed=bool(sealed))
            done += self.last.records
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
    """One epoch: its stretches, checked somewhere, and what joins them."""

    def __init__(self, reader: Reader, epoch: int, log: Any, size: int, progress: Callable[[int], None]) -> None:
        self.progress = progress
        self.epoch, self.size = epoch, size
        self.log = log.decode("utf-8", "replace") if isinstance(log, bytes) else ""
        self.frontier = Frontier()
        self.follows: object = None  # what record 0 says of the epoch before
        self.records = 0
        self.nodes = 0
        self._reader = reader
        self._recorded_ms: int | None = None

    def check(self, check: _Check, root: Any, frontier: Any, recorded_at: Any) -> None:
        end = 0
        for stretch, checked in self._checked(check):
            self._join(stretch, checked)
            end = checked.end
            if end < stretch.last < self.size:
                self._found(end, f"it is missing, and so is everything up to record {stretch.last}.")
            self.progress(end)
        if end != self.size:
            self._found(None, f"The head counts {self.size} records, but they end at {end}.")
        self._check_head(root, frontier, recorded_at)
        for (seq,) in self._reader.rows(sql.OUTSIDE, epoch=self.epoch, size=self.size):
            self._found(seq, "it lies outside of the log that the head describes.")

    def _checked(self, check: _Check) -> Iterator[tuple[Stretch, Checked]]:
        size = self.size if type(self.size) is int else 0
        starts = range(0, size, STRETCH)
        stretches = [Stretch(self.log, self.epoch, first, min(first + STRETCH, size)) for first in starts]
        return zip(stretches, check(stretches), strict=True)

    def _join(self, stretch: Stretch, checked: Checked) -> None:
        for finding in checked.findings:
            self._reader.found(finding.seq, finding.sentence, finding.epoch)
        if stretch.first == 0:
            self.follows = checked.follows
        if self._recorded_ms is not None and checked.began_ms is not None and checked.began_ms < self._recorded_ms:
            self._found(stretch.first, TOO_EARLY)
        self._recorded_ms = self._recorded_ms if checked.ended_ms is None else checked.ended_ms
        self.records += checked.size
        self.nodes += checked.nodes
        if self.frontier.size == stretch.first and checked.size <= stretch.last - stretch.first:
            completed = self.frontier.join(Frontier.from_bytes(checked.size, checked.roots))
            self.nodes += len(completed)
            self._reader.check_nodes(self.epoch, completed)

    def _check_head(self, root: Any, frontier: Any, recorded_at: Any) -> None:
        if root != self.frontier.root():
            self._found(None, "The root in the head is not the root of the records.")
        if frontier != self.frontier.to_bytes():
            self._found(None, "The frontier in the head is not the frontier of the records.")
        if self._recorded_ms is not None and recorded_at != self._reader.stored_time(self._recorded_ms):
            self._found(None, "The time in the head is not the time of the last record.")

    def _found(self, seq: int | None, sentence: str) -> None:
        self._reader.found(seq, sentence, self.epoch)

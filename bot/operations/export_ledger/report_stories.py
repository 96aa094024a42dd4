"""The second of the report's two passes: what is told of each token in full, and what concerns the whole log.

What is kept of a token is bounded: its first and its last records, and the intervals of its offices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.operations.lookups.told import effective_at, lines_of_record, part, refs_in
from messages.cards.facts import HistoryLine, Tenure
from messages.wording.names import OFFICES
from storage.ledger.log import StoredRecord
from storage.ledger.record import RecordKind

FIRST, LAST = 15, 45
"""Records of a token that are told: so many from its beginning, and so many from its end."""
MOST_OF_THE_LOG = 150
"""Records about the log as a whole that are told, the newest."""
GONE = " (erased or not in this folder)"
_MOST_TENURES = 60
_NOT_TOLD: Final = frozenset({RecordKind.PERSON_NAMED})


@dataclass
class Token:
    """One token, as its records tell it."""

    token_id: int
    first: list[StoredRecord] = field(default_factory=list)
    last: deque[StoredRecord] = field(default_factory=lambda: deque(maxlen=LAST))
    seen: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    tenures: list[Tenure] = field(default_factory=list)
    _open: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def take(self, record: StoredRecord) -> None:
        """The next record."""
        self.seen += 1
        if len(self.first) < FIRST:
            self.first.append(record)
        else:
            self.last.append(record)
        self.facts = {**self.facts, **part(record.fields, "token")}
        self._note_holders(record)

    @property
    def records(self) -> list[StoredRecord]:
        """Those that are told, in the order of the log."""
        return [*self.first, *self.last]

    @property
    def left_out(self) -> int:
        return self.seen - len(self.first) - len(self.last)

    def holders(self) -> dict[str, str]:
        """Role to pseudonym, as the last record that says so has it."""
        return {role: self._open[role][0] for role in OFFICES if role in self._open}

    def intervals(self) -> list[Tenure]:
        """Who held which office, by pseudonym; since when a record first shows it."""
        still = [Tenure(role, ref, since) for role, (ref, since) in self._open.items()]
        return sorted([*self.tenures, *still], key=lambda one: (one.since, one.role))

    def _note_holders(self, record: StoredRecord) -> None:
        accountable = part(record.fields, "accountable")
        before, after = part(accountable, "before"), part(accountable, "after")
        if not before and not after:
            return
        at = effective_at(record)
        # An import says what changed; every other record says who holds each office.
        whole = record.kind is not RecordKind.OWNERSHIP_CHANGED and record.kind is not RecordKind.TOKEN_VANISHED
        for role in OFFICES:
            if role in before or (whole and before):
                self._holds(role, before.get(role), at)
            if role in after or (role in before and record.kind is RecordKind.OWNERSHIP_CHANGED):
                self._holds(role, after.get(role), at)

    def _holds(self, role: str, ref: object, at: datetime) -> None:
        held = self._open.get(role)
        if held is not None and held[0] == ref:
            return
        if held is not None:
            if len(self.tenures) < _MOST_TENURES and held[1] < at:
                self.tenures.append(Tenure(role, held[0], held[1], at))
            del self._open[role]
        if isinstance(ref, str) and ref:
            self._open[role] = (ref, at)


@dataclass
class Stories:
    """What is told in full."""

    tokens: list[Token]
    of_the_log: deque[HistoryLine]
    not_told: int
    refs: set[str]


def tell(records: Iterable[StoredRecord], chosen: Iterable[int], names: Mapping[str, str]) -> Stories:
    """Collect what is told of the chosen tokens, in their order, and of the log as a whole."""
    tokens = {token_id: Token(token_id) for token_id in chosen}
    of_the_log: deque[HistoryLine] = deque(maxlen=MOST_OF_THE_LOG)
    lines = 0
    for record in records:
        if record.token_id is not None:
            token = tokens.get(record.token_id)
            if token is not None:
                token.take(record)
        elif record.kind not in _NOT_TOLD:
            told = lines_of_record(record, names, GONE)
            lines += len(told)
            of_the_log.extend(told)
    refs = {ref for token in tokens.values() for record in token.records for ref in refs_in(record.fields)}
    return Stories(list(tokens.values()), of_the_log, lines - len(of_the_log), refs)

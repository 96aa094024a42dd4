"""What the report's page is told: plain values, already read out of the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from messages.cards.facts import HistoryLine, ProvenRecord, Tenure


@dataclass(frozen=True)
class ControlEvidence:
    """How many records show one control at work."""

    framework: str
    id: str
    title: str
    count: int


@dataclass(frozen=True)
class DatedCheckpoint:
    """A signed checkpoint, and who has it: (kind of anchor, its address, its own time if it has a clock)."""

    epoch: int
    size: int
    root: str
    kept: Sequence[tuple[str, str, datetime | None]] = ()


@dataclass(frozen=True)
class TokenPart:
    """One token in full: the first and the last of its records."""

    issuer: str
    external_id: str
    name: str
    """What people call it; empty: the records do not say."""
    vendor: str
    contract_ends_on: date | None
    """The last day of the contract with the vendor."""
    tier: str
    scopes: str
    stands_out: Sequence[str]
    """Codes, most urgent first."""
    holders: Sequence[tuple[str, str]]
    """(role, name) at the end of these records."""
    tenures: Sequence[Tenure]
    lines: Sequence[HistoryLine]
    told_first: int
    """How many records from the beginning are told."""
    left_out: int
    """Records between those and the last ones that are not told."""
    records: int
    proofs: Sequence[ProvenRecord]
    """One for each record behind ``lines``."""


@dataclass(frozen=True)
class Numbers:
    """What the records come to."""

    records: int
    tokens: int
    asked: int
    answered: int
    silent: int
    refused: int
    owner_changes: int
    kinds: Sequence[tuple[str, int]]
    """(name of the record kind, how many)."""
    reasons: Sequence[tuple[str, int]]
    decisions: Sequence[tuple[str, int]]
    results: Sequence[tuple[str, str, int]]
    """(``rotate`` or ``revoke``, result, how many)."""
    defaults: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class ReportFacts:
    """A bundle as its report shows it. All moments are UTC."""

    log: str
    log_id: str
    epoch: int
    size: int
    root: str
    selection: str
    selected: str
    complete: bool
    as_of: datetime | None
    numbers: Numbers
    tokens: Sequence[TokenPart]
    more_tokens: int
    log_lines: Sequence[HistoryLine]
    more_log_lines: int
    people: Sequence[tuple[str, str]]
    """(pseudonym, ``Name <address>``; empty: erased or not there)."""
    more_people: int
    controls: Sequence[ControlEvidence]
    checkpoints: Sequence[DatedCheckpoint]
    more_checkpoints: int

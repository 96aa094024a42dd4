"""What the readings of a bundle are told about it, all of it out of the bundle's own files.

A *reading* is a file that says what the records say in another form: the report, the table, OCSF events, OSCAL. Every
reading is made of :class:`About` and the records alone. So it can be made again by whoever has the bundle, and
compared: nothing in it has to be believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Kept:
    """Where a checkpoint was put out of the operator's reach.

    Attributes:
        kind: ``folder``, ``chat``, ``tsa`` or ``witness``.
        anchor: its name, as in ``WHOSE_ANCHORS``: ``tsa:https://…``.
        at: when, in UTC, by the clock of whoever keeps it (a time-stamp, a cosignature); None: it does not say.
    """

    kind: str
    anchor: str
    at: datetime | None = None


@dataclass(frozen=True)
class CheckpointLine:
    """A signed checkpoint in the bundle: it covers the records below ``size`` of its epoch."""

    epoch: int
    size: int
    root: bytes
    kept: Sequence[Kept] = ()


@dataclass(frozen=True)
class About:
    """A bundle as its readings see it.

    Attributes:
        log: the log's name, the origin of the current epoch's checkpoints.
        log_id: the log's random id, hexadecimal, the same in every epoch.
        epoch: the current one.
        size: records in the current epoch, as its newest checkpoint in the bundle says.
        root: the Merkle root over them.
        selection: which records were asked for, as one of ``all``, ``token``, ``vendor``, ``from_to``.
        selected: what they were selected by, in words: ``aws-prod/AKIA…``, ``Driftly``, ``2026-01-01 to 2026-06-30``.
        complete: every record of every epoch is there, so that none can be missing.
        records: how many there are in the bundle.
        checkpoints: those in the bundle, by epoch and size.
        names: pseudonym to ``Name <address>``, for everybody whose name can still be read in the bundle.
        as_of: when the last record of the bundle was recorded, UTC; None: there is none.
    """

    log: str
    log_id: str
    epoch: int
    size: int
    root: bytes
    selection: str
    selected: str
    complete: bool
    records: int
    checkpoints: Sequence[CheckpointLine] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    as_of: datetime | None = None

    def first_kept(self, epoch: int, seq: int) -> tuple[CheckpointLine, Kept] | None:
        """The earliest dated proof that a record was there: it was written no later than that; None: there is none."""
        dated = (
            (line, kept)
            for line in self.checkpoints
            if line.epoch == epoch and line.size > seq
            for kept in line.kept
            if kept.at is not None
        )
        return min(dated, key=lambda pair: (pair[1].at, pair[0].size), default=None)

    def first_signed(self, epoch: int, seq: int) -> CheckpointLine | None:
        """The smallest checkpoint in the bundle that covers a record."""
        covering = (line for line in self.checkpoints if line.epoch == epoch and line.size > seq)
        return min(covering, key=lambda line: line.size, default=None)

"""What shows that records were written when they say: the first signed checkpoint over each, and who dated one.

The time in a receipt is read here to be shown. That it holds was checked when the receipt came, and is checked again
by whoever verifies a bundle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from messages.cards.facts import ProvenRecord
from storage.ledger.log import StoredRecord
from storage.ledger.published import Published, checkpoint_over, first_receipts
from storage.ledger.receipt import DATED, dated


def proofs_of(session: Session, records: Sequence[StoredRecord]) -> list[ProvenRecord]:
    """For each record, in order, what shows by when it was written. Records come in the order of the log."""
    found: list[ProvenRecord] = []
    covering: _Covering | None = None
    for record in records:
        if covering is None or not covering.holds_for(record):
            covering = _covering(session, record)
        found.append(covering.of(record))
    return found


@dataclass(frozen=True)
class _Covering:
    """What covers the records from one on, up to the size at which something else comes first."""

    epoch: int
    until: int | None
    signed: Published | None
    kept: tuple[datetime, str] | None

    def holds_for(self, record: StoredRecord) -> bool:
        return record.epoch == self.epoch and (self.until is None or record.seq < self.until)

    def of(self, record: StoredRecord) -> ProvenRecord:
        at, anchor = self.kept or (None, "")
        kind, _, where = anchor.partition(":")
        return ProvenRecord(
            epoch=record.epoch,
            seq=record.seq,
            recorded_at=record.recorded_at,
            signed_size=None if self.signed is None else self.signed.size,
            signed_at=None if self.signed is None else self.signed.published_at,
            kept_kind=kind,
            kept_by=where,
            kept_at=at,
        )


def _covering(session: Session, record: StoredRecord) -> _Covering:
    signed = checkpoint_over(session, record.epoch, record.seq)
    receipts = first_receipts(session, record.epoch, record.seq, DATED)
    times = [(at, anchor) for _, anchor, receipt in receipts if (at := dated(anchor, receipt)) is not None]
    sizes = [size for size, _, _ in receipts] + ([] if signed is None else [signed.size])
    return _Covering(record.epoch, min(sizes, default=None), signed, min(times, default=None))

"""Which checkpoint covers a record, and which dated proof is its earliest: :class:`About`'s answers, for every record.

A log of a year has thousands of checkpoints; looked up once a record, they have to be found by halving.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

from bot.operations.export_ledger.about import About, CheckpointLine, Kept

Proof = tuple[CheckpointLine, Kept]


class Dated:
    """The checkpoints of a bundle, made ready for many questions."""

    def __init__(self, about: About) -> None:
        by_epoch: dict[int, list[CheckpointLine]] = {}
        for line in about.checkpoints:
            by_epoch.setdefault(line.epoch, []).append(line)
        self._epochs = {epoch: _Epoch(lines) for epoch, lines in by_epoch.items()}

    def signed(self, epoch: int, seq: int) -> CheckpointLine | None:
        """As :meth:`About.first_signed`."""
        of = self._epochs.get(epoch)
        return None if of is None else of.signed(seq)

    def kept(self, epoch: int, seq: int) -> Proof | None:
        """As :meth:`About.first_kept`."""
        of = self._epochs.get(epoch)
        return None if of is None else of.kept(seq)


class _Epoch:
    def __init__(self, lines: list[CheckpointLine]) -> None:
        self._lines = sorted(lines, key=lambda line: line.size)  # stable, as the first of equals is meant
        self._sizes = [line.size for line in self._lines]
        self._kept: list[Proof | None] = [None] * len(lines)
        earliest: tuple[datetime, Proof] | None = None
        for at in range(len(lines) - 1, -1, -1):
            line = self._lines[at]
            for kept in line.kept:
                # A later line with the same time is not the better proof: the smaller checkpoint is.
                if kept.at is not None and (earliest is None or _goes_before(kept.at, line, earliest)):
                    earliest = kept.at, (line, kept)
            self._kept[at] = None if earliest is None else earliest[1]

    def signed(self, seq: int) -> CheckpointLine | None:
        at = bisect_right(self._sizes, seq)
        return self._lines[at] if at < len(self._lines) else None

    def kept(self, seq: int) -> Proof | None:
        at = bisect_right(self._sizes, seq)
        return self._kept[at] if at < len(self._kept) else None


def _goes_before(at: datetime, line: CheckpointLine, earliest: tuple[datetime, Proof]) -> bool:
    when, (other, _) = earliest
    return at < when or (at == when and line.size < other.size)

"""Which records go into a bundle, and reading them: in the order of the log, a page at a time.

A part of the log is only readable with what explains it: who the pseudonyms in it stand for, and that keys changed or
an epoch was opened. Those records come along.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, select
from sqlmodel import Session

from bot.errors import NotFoundError
from storage.database import among
from storage.inventory import TOKEN
from storage.ledger.bundle import Selection
from storage.ledger.kinds import RecordKind
from storage.ledger.tables import DISCLOSURE, LEAF, OF_THE_LOG

PAGE = 2_000
_REF = re.compile(rb'"(p_[0-9a-f]{24})"')
_ALWAYS = (RecordKind.EPOCH_OPENED, RecordKind.KEY_ROTATED)


class Told(NamedTuple):
    """A disclosure that may still be read."""

    digest: str
    salt: str
    name: str
    value: str


class Stored(NamedTuple):
    """A record's bytes with its disclosures, by digest."""

    epoch: int
    seq: int
    body: bytes
    disclosures: Sequence[Told]


@dataclass(frozen=True)
class Choice:
    """What somebody asked for; by default everything.

    Attributes:
        kind, of: as in :class:`~storage.ledger.bundle.Selection`.
        tokens: the ids of the tokens, where it is about some.
        between: two moments, the second one excluded, where it is about a stretch of time.
    """

    kind: str = "all"
    of: str = ""
    tokens: Sequence[int] | None = None
    between: tuple[datetime, datetime] | None = None


@dataclass(frozen=True)
class Chosen:
    """The records of a bundle: all below the sizes, or those that are listed."""

    selection: Selection
    sizes: Mapping[int, int]
    """Epoch to the size of its tree."""
    listed: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Epoch to the numbers of the records, where not all are chosen."""

    def count(self, epoch: int) -> int:
        return self.sizes[epoch] if self.selection.kind == "all" else len(self.listed.get(epoch, ()))

    def has(self, epoch: int, seq: int) -> bool:
        if self.selection.kind == "all":
            return seq < self.sizes[epoch]
        listed = self.listed.get(epoch, ())
        at = bisect_left(listed, seq)
        return at < len(listed) and listed[at] == seq


def choose(session: Session, choice: Choice, sizes: Mapping[int, int]) -> Chosen:
    """Find what was asked for among the first records of each epoch.

    Raises:
        NotFoundError: there is nothing.
    """
    if choice.kind == "all":
        return Chosen(Selection("all"), sizes)
    asked = _places(session, _asked(session, choice), sizes)
    if not any(asked.values()):
        raise NotFoundError(f"The ledger has no signed record about {choice.of}.")
    ranges = tuple((epoch, seqs[0], seqs[-1]) for epoch, seqs in sorted(asked.items()) if seqs)
    selection = Selection(choice.kind, choice.of, ranges if choice.kind == "from_to" else ())
    explaining = _explaining(session, Chosen(selection, sizes, asked))
    listed = {epoch: sorted({*asked[epoch], *explaining[epoch]}) for epoch in sizes}
    return Chosen(selection, sizes, listed)


def stored(session: Session, chosen: Chosen, epoch: int) -> Iterator[Stored]:
    """The chosen records of one epoch, in order."""
    if chosen.selection.kind == "all":
        parts: Iterator[ColumnElement[bool]] = (
            and_(LEAF.c.seq >= first, LEAF.c.seq < min(first + PAGE, chosen.sizes[epoch]))
            for first in range(0, chosen.sizes[epoch], PAGE)
        )
    else:
        listed = chosen.listed.get(epoch, ())
        parts = (among(session, LEAF.c.seq, listed[at : at + PAGE]) for at in range(0, len(listed), PAGE))
    for part in parts:
        query = select(LEAF.c.seq, LEAF.c.body).where(LEAF.c.epoch == epoch, part).order_by(LEAF.c.seq)
        rows = session.connection().execute(query).all()
        disclosures = _disclosures(session, epoch, rows[0].seq, rows[-1].seq) if rows else {}
        for seq, body in rows:
            yield Stored(epoch, seq, body, disclosures.get(seq, ()))


def _disclosures(session: Session, epoch: int, first: int, last: int) -> dict[int, list[Told]]:
    at = DISCLOSURE.c
    query = select(at.leaf_seq, at.digest, at.salt, at.name, at.value)
    query = query.where(at.epoch == epoch, at.leaf_seq >= first, at.leaf_seq <= last)
    found: dict[int, list[Told]] = {}
    for seq, *told in session.connection().execute(query.order_by(at.leaf_seq, at.digest)):
        found.setdefault(seq, []).append(Told(*told))
    return found


def _asked(session: Session, choice: Choice) -> ColumnElement[bool]:
    if choice.between is not None:
        first, end = choice.between
        return and_(LEAF.c.recorded_at >= first, LEAF.c.recorded_at < end)
    return among(session, LEAF.c.token_id, choice.tokens or ())


def _places(session: Session, where: ColumnElement[bool], sizes: Mapping[int, int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {epoch: [] for epoch in sizes}
    query = select(LEAF.c.epoch, LEAF.c.seq).where(where).order_by(LEAF.c.epoch, LEAF.c.seq)
    for epoch, seq in session.connection().execute(query.execution_options(yield_per=PAGE)):
        if seq < sizes.get(epoch, 0):
            found[epoch].append(seq)
    return found


def _explaining(session: Session, asked: Chosen) -> dict[int, list[int]]:
    """Records that open epochs or change keys, and those about people who occur in what was asked for."""
    refs: set[bytes] = set()
    for epoch in asked.sizes:
        for record in stored(session, asked, epoch):
            refs.update(_REF.findall(record.body))
    found: dict[int, list[int]] = {epoch: [] for epoch in asked.sizes}
    query = select(LEAF.c.epoch, LEAF.c.seq, LEAF.c.kind, LEAF.c.body).where(OF_THE_LOG)
    row: Any
    for row in session.connection().execute(query.execution_options(yield_per=PAGE)):
        needed = row.kind in _ALWAYS or not refs.isdisjoint(_REF.findall(row.body))
        if needed and row.seq < asked.sizes.get(row.epoch, 0):
            found[row.epoch].append(row.seq)
    return found


def tokens_of(session: Session, vendor_ids: Sequence[int]) -> list[int]:
    """The tokens that these vendors hold, by id."""
    query = select(TOKEN.c.id).where(among(session, TOKEN.c.vendor_id, vendor_ids)).order_by(TOKEN.c.id)
    return list(session.connection().execute(query).scalars())

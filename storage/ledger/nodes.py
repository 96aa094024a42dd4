"""Proofs from the database: a few hundred stored hashes, whatever the size of the log.

Level 0 is read from ``ledger_leaf`` and every eighth level above from ``ledger_node``, a tile's width at a time; the
seven levels between follow by hashing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel import Session

from storage.database import driver_rows
from storage.ledger import proofs
from storage.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, TileHashes

_LEAVES = text("SELECT leaf_hash FROM ledger_leaf WHERE epoch = :epoch AND seq >= :first AND seq < :last ORDER BY seq")
_NODES = text(
    "SELECT hash FROM ledger_node "
    "WHERE epoch = :epoch AND level = :level AND idx >= :first AND idx < :last ORDER BY idx"
)
_CURRENT = text("SELECT max(epoch) FROM ledger_head")


class DatabaseHashes(TileHashes):
    """A :class:`~storage.ledger.proofs.HashReader` over the first ``size`` records of an epoch.

    Good for many proofs within one read transaction: it remembers the last few tiles.
    """

    def __init__(self, session: Session, epoch: int, size: int) -> None:
        """
        Raises:
            ProofError: no tree has ``size`` leaves.
        """
        self._session = session
        self._epoch = epoch
        super().__init__(size, self._from_tables)

    def _from_tables(self, level: int, index: int, width: int) -> Sequence[bytes]:
        first = index << TILE_HEIGHT
        place = {"epoch": self._epoch, "first": first, "last": first + width}
        if level:
            query, place = _NODES, place | {"level": level * TILE_HEIGHT}
        else:
            query = _LEAVES
        return [found for (found,) in driver_rows(self._session, query, place, page=TILE_WIDTH)]


def inclusion_proof(session: Session, index: int, size: int, *, epoch: int | None = None) -> list[bytes]:
    """The path from record ``index`` to the root of the log's first ``size`` records, the leaf's sibling first.

    Args:
        epoch: the current one if left out.

    Raises:
        ProofError: there is no such record, or nodes of the log are missing.
    """
    return proofs.inclusion_proof(DatabaseHashes(session, _or_current(session, epoch), size), index, size)


def consistency_proof(session: Session, old: int, new: int, *, epoch: int | None = None) -> list[bytes]:
    """What shows that the log's first ``new`` records begin with its first ``old`` ones.

    Args:
        epoch: the current one if left out.

    Raises:
        ProofError: ``old`` is larger than ``new``, or nodes of the log are missing.
    """
    return proofs.consistency_proof(DatabaseHashes(session, _or_current(session, epoch), new), old, new)


def root_at(session: Session, size: int, *, epoch: int | None = None) -> bytes:
    """The root over the log's first ``size`` records, from the stored nodes.

    Raises:
        ProofError: there are not so many records, or nodes of the log are missing.
    """
    return proofs.subtree_root(DatabaseHashes(session, _or_current(session, epoch), size), 0, size)


def _or_current(session: Session, epoch: int | None) -> int:
    if epoch is not None:
        return epoch
    current: int | None = session.connection().execute(_CURRENT).scalar()
    return current or 0

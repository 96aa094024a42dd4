"""Backups of an SQLite database: made while everything runs, looked at before they are trusted.

On PostgreSQL that is ``pg_dump``'s work (docs/operating.md).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from bot.errors import WhoseError
from storage.database import Database, table_of
from storage.ledger.log import LedgerLeaf, head
from storage.ledger.nodes import DatabaseHashes
from storage.ledger.proofs import ProofError, subtree_root
from storage.migrations import current_revision, knows
from storage.restored import newest_moment
from storage.sqlite_file import Progress, copy_database, faults_of, in_one_file

_LEAF = table_of(LedgerLeaf)
T = TypeVar("T")


class BackupError(WhoseError):
    """The backup cannot be made, or is not one that can be put back."""


@dataclass(frozen=True)
class Contents:
    """What a backup holds."""

    epoch: int
    records: int
    """How many entries the record has in this epoch."""
    root: bytes
    newest: datetime | None
    """The newest moment in it; None: nothing was recorded or sent yet."""


def back_up(database: Database, target: Path, progress: Progress = lambda _done, _all: None) -> Contents:
    """Write a backup of an SQLite database into a new file (mode 0600), and look whether it is whole.

    Raises:
        BackupError: it cannot be written, the file exists, or what was written is not whole (it is removed then).
    """
    assert database.is_sqlite, "PostgreSQL has pg_dump"
    assert database.url.database is not None, "it is a file"
    try:
        copy_database(Path(database.url.database), target, progress)
    except FileExistsError:
        raise BackupError(f"{target} exists, and a backup never replaces a file. Name another one.") from None
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"The backup cannot be written to {target}: {_said(error)}. Nothing was kept.") from None
    try:
        contents = examine(target)
        in_one_file(target)
    except BackupError:
        target.unlink(missing_ok=True)
        raise
    return contents


def examine(path: Path) -> Contents:
    """See that a backup is whole: SQLite's own check of every page, and the head of the record.

    Raises:
        BackupError: it is not, or it is from a newer release.
    """
    try:
        faults = faults_of(path)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{path} cannot be read as a database: {_said(error)}. Use another backup.") from None
    if faults:
        raise BackupError(f"{path} is damaged: {'; '.join(faults)}. Use another backup.")
    return with_database(path, lambda database: _contents(database, path))


def with_database(path: Path, work: Callable[[Database], T]) -> T:
    """Open an SQLite file, do something with it, and close it."""
    database = Database(f"sqlite:///{path}")
    try:
        return work(database)
    finally:
        database.close()


def _contents(database: Database, path: Path) -> Contents:
    revision = current_revision(database)
    if revision is None:
        raise BackupError(f"{path} holds no tables of Whose. Use another backup.")
    if not knows(revision):
        raise BackupError(f"{path} is from a newer release of Whose (tables {revision}). Install that one first.")
    try:
        with database.read() as session:
            now_at = head(session)
            if now_at is None:
                return Contents(0, 0, b"", newest_moment(session))
            records = select(func.count()).select_from(_LEAF).where(_LEAF.c.epoch == now_at.epoch)
            count: int = session.connection().execute(records).scalar_one()
            root = subtree_root(DatabaseHashes(session, now_at.epoch, now_at.size), 0, now_at.size)
            if (count, root) != (now_at.size, now_at.root):
                raise BackupError(f"{path} does not hold the record that its head names. Use another backup.")
            return Contents(now_at.epoch, now_at.size, now_at.root, newest_moment(session))
    except (DBAPIError, ProofError) as error:
        raise BackupError(f"The record in {path} cannot be read: {_said(error)}. Use another backup.") from None


def _said(error: Exception) -> str:
    if isinstance(error, DBAPIError):
        return str(error.orig)
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)

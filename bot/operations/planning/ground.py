"""Where a plan reads from: the database, with every token in the tier that the policy asked about puts it in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.tiering import put_into_tiers, tiers_are_up_to_date
from storage.database import Database
from storage.sqlite_file import copy_database


@contextmanager
def planning_ground(ctx: Context) -> Iterator[Session]:
    """A session to read from. Nothing of the database is changed.

    Where tokens are in other tiers than they would be (nothing was swept yet, or it is another policy), they are put
    into theirs: on SQLite in a copy that is thrown away, since a transaction would keep everybody else from writing;
    on PostgreSQL in a transaction that is taken back.
    """
    with ctx.database.read() as session:
        if tiers_are_up_to_date(session, ctx):
            yield session
            return
    if ctx.database.is_sqlite:
        with _copy_of(ctx.database) as copy, copy.write() as session:
            put_into_tiers(session, ctx)
            yield session
        return
    with ctx.database.write() as session:
        put_into_tiers(session, ctx)
        yield session
        session.rollback()


@contextmanager
def _copy_of(database: Database) -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="whose-plan-") as folder:
        path = Path(folder) / "plan.db"
        copy_database(Path(database.url.database or ""), path, lambda _done, _of: None)
        copy = Database(f"sqlite:///{path}")
        try:
            yield copy
        finally:
            copy.close()

"""Loading many rows at once: indexes are made afterwards, where that is worth it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session

from storage.database import is_sqlite

_WORTH_IT = 20_000  # rows


@contextmanager
def indexes_later(session: Session, tables: tuple[str, ...], *, rows: int, present: int) -> Iterator[None]:
    """On SQLite, take the tables' secondary indexes away for the block and make them anew at its end.

    Sorting once is several times cheaper than finding a place for every row. It happens inside the transaction,
    so nobody ever sees a table without its indexes, and only for ``rows`` that are many beside those ``present``.
    On PostgreSQL, where this would lock readers out, nothing is done. A unique index is checked when it is made.
    """
    if not is_sqlite(session) or rows < _WORTH_IT or rows < present // 2:
        yield
        return
    connection = session.connection()
    marks = ", ".join("?" * len(tables))
    indexes = connection.exec_driver_sql(
        "SELECT name, sql FROM main.sqlite_master WHERE type = 'index' AND sql IS NOT NULL "  # noqa: S608 - marks only
        f"AND tbl_name IN ({marks})",
        tables,
    ).all()
    for name, _ in indexes:
        connection.exec_driver_sql(f'DROP INDEX main."{name}"')
    yield
    for _, definition in indexes:
        connection.exec_driver_sql(definition)

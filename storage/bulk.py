"""Loading many tokens at once: indexes, the search's too, are made afterwards, where that is worth it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session

from storage.database import is_sqlite
from storage.search_index import indexed_together

_WORTH_IT = 20_000  # rows
_TABLES = ("token", "ownership")


@contextmanager
def loading_tokens(session: Session, *, rows: int, after_id: int) -> Iterator[None]:
    """Load ``rows`` tokens with ids above ``after_id``, and their owners, in the block.

    On SQLite and for many rows beside those present, the secondary indexes are taken away and made anew at the
    end: sorting once is several times cheaper than finding a place for every row. It happens inside the
    transaction, so nobody ever sees a table without its indexes, and a unique index is checked when it is made.
    On PostgreSQL, where this would lock readers out, nothing is done.
    """
    if not is_sqlite(session) or rows < _WORTH_IT or rows < after_id // 2:
        yield
        return
    with indexed_together(session, after_id), _indexes_later(session):
        yield


@contextmanager
def _indexes_later(session: Session) -> Iterator[None]:
    connection = session.connection()
    indexes = connection.exec_driver_sql(
        "SELECT name, sql FROM main.sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN (?, ?)",
        _TABLES,
    ).all()
    for name, _ in indexes:
        connection.exec_driver_sql(f'DROP INDEX main."{name}"')
    yield
    for _, definition in indexes:
        connection.exec_driver_sql(definition)

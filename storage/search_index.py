"""The indexes beneath ``storage/search.py`` and how they are kept.

PostgreSQL keeps its own (pg_trgm and two ordered ones). On SQLite, an FTS5 trigram index that is fed row by row
costs more than the whole import (every row is a savepoint, and each savepoint a flush). So triggers only note which
tokens changed, and :func:`refresh_search` brings the index up to date with a few statements for all of them. A search
reads the noted ones beside the index, so that it is right before a refresh too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import ColumnElement, String, literal_column
from sqlmodel import Session

from storage.database import is_sqlite

TRIGRAM = 3

_PG_TEXT = "({0}display_name || E'\\n' || {0}external_id)"
"""One expression, so that a search is one index scan; a line break, which no search holds, keeps the two apart."""

PG_SEARCHED: ColumnElement[str] = literal_column(_PG_TEXT.format("token."), String)

_NOTE = (
    "INSERT INTO token_search_stale (token_id, display_name, external_id) SELECT {values} "
    "WHERE NOT EXISTS (SELECT 1 FROM token_search_stale WHERE token_id = {id})"
)
_NOTE_NEW = _NOTE.format(values="new.id, NULL, NULL", id="new.id")
_NOTE_OLD = _NOTE.format(values="old.id, old.display_name, old.external_id", id="old.id")

_INSERT_TRIGGER = f"CREATE TRIGGER IF NOT EXISTS token_search_insert AFTER INSERT ON token BEGIN {_NOTE_NEW}; END"

_SQLITE_DDL = [
    # detail=none keeps no positions: a third of the size and of the time, at the price of checking the rows found.
    "CREATE VIRTUAL TABLE IF NOT EXISTS token_search USING fts5("
    "display_name, external_id, content='token', content_rowid='id', tokenize='trigram', detail=none, columnsize=0)",
    "INSERT INTO token_search(token_search, rank) VALUES ('hashsize', 33554432)",
    # Names and ids with A-Z folded, in order: for exact ones and for beginnings.
    "CREATE TABLE IF NOT EXISTS token_name (name TEXT NOT NULL, token_id INTEGER NOT NULL, "
    "PRIMARY KEY (name, token_id)) WITHOUT ROWID",
    # What changed, with what the index still holds of it; NULL: nothing yet.
    "CREATE TABLE IF NOT EXISTS token_search_stale (token_id INTEGER PRIMARY KEY, display_name TEXT, external_id TEXT)",
    _INSERT_TRIGGER,
    "CREATE TRIGGER IF NOT EXISTS token_search_update AFTER UPDATE OF display_name, external_id ON token "
    "WHEN old.display_name IS NOT new.display_name OR old.external_id IS NOT new.external_id "
    f"BEGIN {_NOTE_OLD}; END",
    f"CREATE TRIGGER IF NOT EXISTS token_search_delete AFTER DELETE ON token BEGIN {_NOTE_OLD}; END",
]

_POSTGRESQL_DDL = [
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    'CREATE INDEX IF NOT EXISTS ix_token_display_name ON token ((lower(display_name COLLATE "C") COLLATE "C"))',
    'CREATE INDEX IF NOT EXISTS ix_token_external_id ON token ((lower(external_id COLLATE "C") COLLATE "C"))',
    f"CREATE INDEX IF NOT EXISTS ix_token_search ON token USING gin ({_PG_TEXT.format('')} gin_trgm_ops)",
]

_FORGET = [
    "INSERT INTO token_search(token_search, rowid, display_name, external_id) "
    "SELECT 'delete', token_id, display_name, external_id FROM token_search_stale WHERE external_id IS NOT NULL",
    "DELETE FROM token_name WHERE (name, token_id) IN ("
    "SELECT lower(display_name), token_id FROM token_search_stale WHERE external_id IS NOT NULL UNION ALL "
    "SELECT lower(external_id), token_id FROM token_search_stale WHERE external_id IS NOT NULL)",
]


def _learn(which: str) -> list[str]:
    """Statements that index the tokens for which ``which`` holds."""
    return [
        "INSERT INTO token_search(rowid, display_name, external_id) "  # noqa: S608 - our own words
        f"SELECT id, display_name, external_id FROM token WHERE {which}",
        # In the order of the table itself, so that each page is written once.
        f"INSERT INTO token_name (name, token_id) SELECT lower(external_id) AS name, id FROM token WHERE {which} "  # noqa: S608
        f"UNION SELECT lower(display_name) AS name, id FROM token WHERE {which} AND display_name <> '' ORDER BY 1, 2",
    ]


_LEARN_STALE = _learn("id IN (SELECT token_id FROM token_search_stale)")
_LEARN_NEW = _learn("id > :after_id")


def search_ddl(dialect_name: str) -> list[str]:
    """The search indexes, for the migration and ``storage.schema.create_all``. Repeatable.

    Raises:
        ValueError: for a dialect other than ``sqlite`` and ``postgresql``.
    """
    if dialect_name == "sqlite":
        return list(_SQLITE_DDL)
    if dialect_name == "postgresql":
        return list(_POSTGRESQL_DDL)
    raise ValueError(f"no search index for {dialect_name!r}: Whose runs on SQLite and PostgreSQL")


def refresh_search(session: Session) -> None:
    """Index what changed, in the caller's transaction: at the end of whatever writes tokens. Repeatable."""
    if is_sqlite(session):
        connection = session.connection()
        for statement in (*_FORGET, *_LEARN_STALE, "DELETE FROM token_search_stale"):
            connection.exec_driver_sql(statement)


@contextmanager
def indexed_together(session: Session, after_id: int) -> Iterator[None]:
    """On SQLite, index all tokens that the block adds (those with ids above ``after_id``) at its end.

    For loading many: a trigger a row costs about as much as the row. It is taken away and made anew inside the
    caller's transaction, so nobody else ever sees the table without it.
    """
    if not is_sqlite(session):
        yield
        return
    connection = session.connection()
    connection.exec_driver_sql("DROP TRIGGER IF EXISTS main.token_search_insert")
    yield
    for statement in _LEARN_NEW:
        connection.exec_driver_sql(statement, {"after_id": after_id})
    connection.exec_driver_sql(_INSERT_TRIGGER)


def fold(name: str) -> str:
    """Lower-case A-Z and nothing else, as SQLite's ``lower()`` and PostgreSQL's under ``"C"`` do."""
    return name.translate(_ASCII_LOWER)


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

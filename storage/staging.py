"""Where an import's tokens wait: a scratch file while they are read, a table beside the real ones when they are merged.

Reading and checking a million rows takes a while and must not hold the writer's lock. So rows first go into an
SQLite file of the import's own, whichever database we use. Only when all of them are good does a transaction
begin: on SQLite the file is attached to it, on PostgreSQL its rows are copied into a temporary table. From
there on both are merged by the same statements (:mod:`storage.merge`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Column, Integer, MetaData, String, Table
from sqlmodel import Session

from storage.database import BigInt, Database, is_sqlite
from storage.inventory import OWNERSHIP_ROLES, TOKEN

#: A token's own columns as files name them; ``vendor`` and the owners are numbers of the import's own registers.
MOMENTS = ("created_at", "expires_at", "last_used_at", "last_rotated_at", "last_attested_at")
TEXTS = (
    "issuing_system",
    "external_id",
    "display_name",
    "credential_type",
    "purpose",
    "environment",
    "data_classification",
    "data_scope",
    "scopes",
    "rotation_method",
    "revocation_path",
    "secret_ref",
    "consumers",
    "held_by",
    "expected_cidrs",
    "expected_countries",
    "expected_hours",
    "tags",
    "notes",
)
#: Moments that only ever move forward.
FORWARD = ("last_used_at", "last_rotated_at", "last_attested_at")
PLAIN = (*TEXTS, "customer_data", *MOMENTS)
NUMBERED = ("vendor", *OWNERSHIP_ROLES)
_PLACE = ("file", "line", "shape")
_CACHE_KB = 128 * 1024


class Staged(NamedTuple):
    """The tables of an import in progress, as a session sees them."""

    token: Table
    """One row a token: ``seq``, where it came from, ``token_id`` (null: new), and its columns."""
    person: Table
    """``local`` number of an address to ``person.id``."""
    vendor: Table
    """``local`` number of a name to ``vendor.id``."""
    changed: Table
    """Which staged rows change a token that exists."""
    owner_change: Table
    """Which roles of existing tokens change hands."""
    vanished: Table
    """Tokens that the files no longer name."""


@cache
def _tables(schema: str | None) -> Staged:
    metadata = MetaData()

    def made(name: str, *columns: Column[Any]) -> Table:
        temporary: dict[str, Any] = {} if schema else {"prefixes": ["TEMPORARY"], "postgresql_on_commit": "DROP"}
        return Table(name, metadata, *columns, schema=schema, **temporary)

    def number(name: str, *, key: bool = False) -> Column[Any]:
        return Column(name, BigInt, primary_key=key, autoincrement=False)

    return Staged(
        token=made(
            "staged_token",
            number("seq", key=True),
            *(number(name) for name in (*_PLACE, "token_id", *NUMBERED)),
            *(Column(name, TOKEN.c[name].type) for name in PLAIN),
        ),
        person=made("staged_person", number("local", key=True), number("person_id")),
        vendor=made("staged_vendor", number("local", key=True), number("vendor_id")),
        changed=made("staged_change", number("seq", key=True), number("token_id"), Column("retier", Integer)),
        owner_change=made(
            "staged_owner_change",
            number("token_id", key=True),
            Column("role", String, primary_key=True),
            *(number(name) for name in ("seq", "before_id", "after_id")),
            Column("before_source", String),
        ),
        vanished=made("staged_vanished", number("token_id", key=True), number("file")),
    )


def staged(session: Session) -> Staged:
    """The import's tables in a session of :meth:`Scratch.write`."""
    return _tables("scratch" if is_sqlite(session) else None)


def one_at_a_time(session: Session) -> None:
    """Wait until nobody else makes tokens, and keep others from it until the transaction ends. On SQLite the writer's
    lock does that."""
    if not is_sqlite(session):
        session.connection().exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('whose import'))")


class Duplicate(NamedTuple):
    """A staged token that another row of the same run already named."""

    file: int
    line: int
    first_file: int
    first_line: int


class Scratch:
    """The scratch file. Make one in a folder that is removed afterwards; :meth:`close` it before that."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "staged.db"
        self._connection = sqlite3.connect(self.path, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=NORMAL", f"cache_size=-{_CACHE_KB // 4}"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("BEGIN")
        numbers = ", ".join(f"{name} INTEGER" for name in (*_PLACE, "token_id", *NUMBERED, "customer_data"))
        texts = ", ".join(f"{name} TEXT NOT NULL DEFAULT ''" for name in TEXTS)
        moments = ", ".join(f"{name} TEXT" for name in MOMENTS)
        for statement in (
            f"CREATE TABLE staged_token (seq INTEGER PRIMARY KEY, {numbers}, {texts}, {moments})",
            "CREATE TABLE staged_person (local INTEGER PRIMARY KEY, person_id INTEGER)",
            "CREATE TABLE staged_vendor (local INTEGER PRIMARY KEY, vendor_id INTEGER)",
            "CREATE TABLE staged_change (seq INTEGER PRIMARY KEY, token_id INTEGER, retier INTEGER)",
            "CREATE TABLE staged_owner_change (token_id INTEGER, role TEXT, seq INTEGER, before_id INTEGER, "
            "after_id INTEGER, before_source TEXT, PRIMARY KEY (token_id, role)) WITHOUT ROWID",
            "CREATE TABLE staged_vanished (token_id INTEGER PRIMARY KEY, file INTEGER)",
        ):
            self._connection.execute(statement)

    def add(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Stage rows: file, line and shape (each a number), then the values of ``columns``."""
        names = (*_PLACE, *columns)
        marks = ", ".join("?" * len(names))
        # The names are those of the table above, checked when the header was understood.
        self._connection.executemany(f"INSERT INTO staged_token ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608

    def ended_before_made(self) -> list[tuple[int, int, str]]:
        """File, line and end of tokens that end before they were made; they are no longer staged."""
        wrong = "FROM staged_token WHERE expires_at < created_at"
        found = self._connection.execute(f"SELECT file, line, expires_at {wrong} ORDER BY seq").fetchall()
        if found:
            self._connection.execute(f"DELETE {wrong}")
        return found

    def duplicates(self) -> list[Duplicate]:
        """Rows that name a token that an earlier row names; also prepares the order for the merge."""
        self._connection.execute("CREATE INDEX staged_identity ON staged_token (issuing_system, external_id)")
        twice = self._connection.execute(
            "SELECT issuing_system, external_id, min(seq) FROM staged_token "
            "GROUP BY issuing_system, external_id HAVING count(*) > 1"
        ).fetchall()
        found = []
        for system, external_id, first in twice:
            rows = self._connection.execute(
                "SELECT file, line FROM staged_token WHERE issuing_system = ? AND external_id = ? ORDER BY seq",
                (system, external_id),
            ).fetchall()
            found += [Duplicate(*row, *rows[0]) for row in rows[1:]]
            self._connection.execute(
                "DELETE FROM staged_token WHERE issuing_system = ? AND external_id = ? AND seq > ?",
                (system, external_id, first),
            )
        return sorted(found)

    def used(self, column: str) -> set[int]:
        """The numbers that staged rows carry in ``vendor`` or an owner column."""
        query = f"SELECT DISTINCT {column} FROM staged_token WHERE {column} IS NOT NULL"  # noqa: S608 - our own name
        return {number for (number,) in self._connection.execute(query)}

    @contextmanager
    def write(self, database: Database) -> Iterator[Session]:
        """A transaction like ``Database.write()`` in which :func:`staged` tables are there. Stage nothing after."""
        self._connection.execute("COMMIT")
        with database.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            if database.is_sqlite:
                raw.execute("ATTACH DATABASE ? AS scratch", (str(self.path),))
                for pragma in (
                    "scratch.journal_mode=OFF",
                    "scratch.synchronous=OFF",
                    f"main.cache_size=-{_CACHE_KB}",
                    # Every reference that an import writes was read from the row it refers to, in this transaction:
                    # looking for millions of them once more would find nothing.
                    "foreign_keys=OFF",
                ):
                    raw.execute(f"PRAGMA {pragma}")
            try:
                with Session(connection, expire_on_commit=False) as session, session.begin():
                    if not database.is_sqlite:
                        self._copy(session)
                    yield session
            finally:
                if database.is_sqlite:
                    raw.execute("PRAGMA foreign_keys=ON")
                    raw.execute("PRAGMA main.cache_size=-2000")
                    raw.execute("DETACH DATABASE scratch")

    def _copy(self, session: Session) -> None:
        """Make the temporary tables and copy the staged tokens. One import at a time; owners stand still meanwhile."""
        connection = session.connection()
        connection.exec_driver_sql("SET LOCAL TimeZone = 'UTC'")
        one_at_a_time(session)
        connection.exec_driver_sql("LOCK TABLE ownership IN SHARE ROW EXCLUSIVE MODE")
        table = staged(session).token
        table.metadata.create_all(connection, checkfirst=False)
        names = ", ".join(column.name for column in table.columns)
        raw: Any = connection.connection.driver_connection
        rows = self._connection.execute(f"SELECT {names} FROM staged_token ORDER BY seq")  # noqa: S608 - our own names
        with raw.cursor() as cursor, cursor.copy(f"COPY staged_token ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.exec_driver_sql("ANALYZE staged_token")

    def close(self) -> None:
        self._connection.close()

"""Statements that run at every click: put together once for each database, and run by its driver.

SQLAlchemy's way from a statement to its rows takes about ten times as long as SQLite does for a short one (measured).
These go the same way once; after that only their values do, converted as their columns say.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Dialect,
    Insert,
    Integer,
    Select,
    Table,
    Text,
    Update,
    any_,
    bindparam,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session

from storage.database import Database

Convert = Callable[[Any], Any]
Statement = Select[*tuple[Any, ...]] | Insert | Update | Delete
Made = Statement | Callable[[bool], Statement]


class _List(TypeDecorator[Sequence[Any]]):
    """Ids or words as SQLite takes them in one value; PostgreSQL has arrays."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str:  # noqa: ARG002
        return json.dumps(list(value or ()))


def one_of(column: ColumnElement[Any], name: str, *, sqlite: bool) -> ColumnElement[bool]:
    """``column IN (…)`` for any number of ids or words, given as one value by this name."""
    if sqlite:
        each = func.json_each(bindparam(name, type_=_List)).table_valued("value")
        return column.in_(select(each.c.value))
    of = BigInteger() if isinstance(column.type, Integer) else Text()
    return column == any_(bindparam(name, type_=ARRAY(of)))


def insert_into(table: Table) -> Insert:
    """``INSERT`` of one row with a value for every column but its id, which nobody asks for."""
    given: dict[str, Any] = {column.name: bindparam(column.name) for column in table.c if not column.primary_key}
    return insert(table).values(given).inline()


class Prepared:
    """One statement; its values are given by the names of its ``bindparam``. For ``IN``: :func:`one_of`.

    Args:
        statement: as it is, or made from whether it is for SQLite.

    Raises:
        sqlalchemy.exc.DBAPIError: (its kinds) the database refuses it; without the values, which may be personal.
    """

    def __init__(self, statement: Made) -> None:
        self._statement = statement
        self._ready: dict[str, _Ready] = {}

    def all(self, session: Session, **given: Any) -> list[Any]:
        """Its rows, as named tuples."""
        rows: list[Any] = self._execute(*_driver(session), given, _Ready.rows)
        return rows

    def first(self, session: Session, **given: Any) -> Any | None:
        """Its first row; None: it has none."""
        rows = self.all(session, **given)
        return rows[0] if rows else None

    def run(self, session: Session, **given: Any) -> int:
        """For what gives no rows; how many rows it changed."""
        changed: int = self._execute(*_driver(session), given, _changed)
        return changed

    def look(self, database: Database, **given: Any) -> list[Any]:
        """Its rows, where nothing else is read or written with it: one statement sees one moment without a session."""
        raw = database.read_engine.raw_connection()
        try:
            rows: list[Any] = self._execute(database.read_engine.dialect, raw.driver_connection, given, _Ready.rows)
        finally:
            raw.close()
        return rows

    def _execute(
        self, dialect: Dialect, driver: Any, given: dict[str, Any], answer: Callable[[_Ready, Any], Any]
    ) -> Any:
        ready = self._ready.get(dialect.name)
        if ready is None:
            ready = self._ready[dialect.name] = _put_together(self._statement, dialect)
        any_error = dialect.loaded_dbapi.Error
        try:
            return answer(ready, driver.execute(ready.sql, ready.values(given)))
        except any_error as error:
            raise DBAPIError.instance(ready.sql, None, error, any_error, hide_parameters=True) from error


def _driver(session: Session) -> tuple[Dialect, Any]:
    connection = session.connection()
    return connection.dialect, connection.connection.driver_connection


class _Ready(NamedTuple):
    """A statement as one database's driver takes it."""

    sql: str
    fixed: dict[str, Any]
    asked: list[tuple[str, Convert | None]]
    order: Sequence[str] | None
    """Of the values, where they go by position."""
    row: Any
    converts: list[tuple[int, Convert]]

    def values(self, given: dict[str, Any]) -> Any:
        values = self.fixed.copy()
        for name, convert in self.asked:
            value = given[name]
            values[name] = value if convert is None else convert(value)
        return values if self.order is None else [values[name] for name in self.order]

    def rows(self, cursor: Any) -> list[Any]:
        return [self._row(values) for values in cursor.fetchall()]

    def _row(self, values: Sequence[Any]) -> Any:
        row = list(values)
        for at, convert in self.converts:
            row[at] = convert(row[at])
        return self.row._make(row)


def _put_together(made: Made, dialect: Dialect) -> _Ready:
    statement = made(dialect.name == "sqlite") if callable(made) else made
    compiled: Any = statement.compile(dialect=dialect)
    fixed: dict[str, Any] = {}
    asked: list[tuple[str, Convert | None]] = []
    for bind, name in compiled.bind_names.items():
        if bind.expanding:
            raise ValueError(f"{name!r} expands: the statement would be another one for each number of values")
        convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if bind.required:
            asked.append((name, convert))
        else:
            fixed[name] = bind.value if convert is None else convert(bind.value)
    columns = [(str(name), column) for name, column in statement.exported_columns.items()]
    converts = [column.type.dialect_impl(dialect).result_processor(dialect, None) for _, column in columns]
    return _Ready(
        str(compiled),
        fixed,
        asked,
        compiled.positiontup if compiled.positional else None,
        namedtuple("Row", [name for name, _ in columns]),
        [(at, convert) for at, convert in enumerate(converts) if convert is not None],
    )


def _changed(_ready: _Ready, cursor: Any) -> int:
    return int(cursor.rowcount)

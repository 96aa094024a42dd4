"""The engine, the transaction and the differences between SQLite and PostgreSQL; nowhere else.

A write is one transaction that holds the writer's lock from its first statement: ``BEGIN IMMEDIATE``
on SQLite, a plain READ COMMITTED transaction on PostgreSQL where rows are locked by name. Reads go
through a second, deferred engine, so that a long read never stands in a writer's way.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from select import POLLIN, poll
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Engine,
    Executable,
    Integer,
    Table,
    Text,
    any_,
    create_engine,
    event,
    func,
    literal,
    make_url,
    select,
)
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, SQLModel

#: 64-bit on PostgreSQL; on SQLite ``INTEGER`` so that the column is the rowid itself.
BigInt = BigInteger().with_variant(Integer(), "sqlite")


class UTCDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite drops the zone on the way in; this puts it back on the way out.

    Raises:
        ValueError: on a naive datetime. A moment without a zone is a bug where it was made.
    """

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: moments are stored with a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """On SQLite, straight from the stored text: a sweep reads many moments, and this is several times faster."""
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


_RECYCLED_AFTER = 300
"""Seconds: older connections to PostgreSQL are not used again, should a firewall have dropped them without a word."""
BUSY_SECONDS = 5.0
"""How long a writer waits for the one before it."""


class Database:
    """One database: ``write()`` and ``read()`` sessions over it.

    Args:
        url: an SQLAlchemy URL; ``sqlite:///file.db`` or ``postgresql+psycopg://…``
            (``postgres://`` and ``postgresql://`` are taken as psycopg 3).
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed
        self._writer = threading.Lock()
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine = _sqlite_engine(parsed.render_as_string(hide_password=False), begin="BEGIN IMMEDIATE")
            self.read_engine = _sqlite_engine(parsed.render_as_string(hide_password=False), begin="BEGIN")
        else:
            # Values may be personal: a failing statement is logged without them.
            self.engine = create_engine(parsed, pool_recycle=_RECYCLED_AFTER, hide_parameters=True)
            event.listen(self.engine, "checkout", _not_ended_by_the_server)
            self.read_engine = self.engine.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        with self._turn(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """On SQLite, writers of this process queue up here: SQLite's own waiting is a game of chance in which eight
        clicks at once kept one of them for two seconds (measured). After that long, it is left to SQLite again."""
        mine = self.is_sqlite and self._writer.acquire(timeout=BUSY_SECONDS)
        try:
            yield
        finally:
            if mine:
                self._writer.release()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A snapshot to read from; nothing is committed."""
        with Session(self.read_engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    def compact(self) -> None:
        """Bring SQLite's write-ahead log into the file and empty it, so that no deleted row lingers there; as far as
        no reader is in the way. Nothing on PostgreSQL, which does its own."""
        if self.is_sqlite:
            raw = self.read_engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                raw.close()

    def close(self) -> None:
        self.engine.dispose()
        self.read_engine.dispose()


def _not_ended_by_the_server(connection: Any, _record: Any, _fairy: Any) -> None:
    """Before an idle connection is used again. A server says nothing on one unless it ends it (or was configured anew):
    looking at the socket finds that out in microseconds, where asking the server would be a round trip each time.

    Raises:
        InvalidatePoolError: there is something to read; the pool opens new connections.
    """
    socket = poll()
    socket.register(connection.fileno(), POLLIN)
    if socket.poll(0):
        raise InvalidatePoolError


def _sqlite_engine(url: str, *, begin: str) -> Engine:
    """An SQLite engine whose transactions we begin ourselves: the driver's own lose updates silently."""
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "busy_timeout=5000",
            "foreign_keys=ON",
            "temp_store=MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def table_of(model: type[SQLModel]) -> Table:
    """The Core table of a SQLModel class, for statements over many rows at once."""
    return model.__table__  # type: ignore[attr-defined,no-any-return]


def is_sqlite(session: Session) -> bool:
    """Whether this session talks to SQLite (the one question about dialects that others may ask)."""
    return session.get_bind().dialect.name == "sqlite"


def scrub(session: Session) -> None:
    """Have what this connection deletes from now on overwritten in an SQLite file, and not only left out."""
    if is_sqlite(session):
        session.connection().exec_driver_sql("PRAGMA secure_delete = ON").fetchall()


def among(session: Session, column: Column[Any], ids: Iterable[int]) -> ColumnElement[bool]:
    """``column IN (…)`` for any number of ids: they travel as one parameter, so there is no limit to their number and
    no statement to be put together anew for each of them."""
    if is_sqlite(session):
        each = func.json_each(json.dumps(list(ids))).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(literal(list(ids), postgresql.ARRAY(BigInteger)))


def insert_or_ignore(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert ``rows``, leaving out those that break a unique rule; returns how many went in."""
    if not rows:
        return 0
    if is_sqlite(session):
        statement: Any = sqlite.insert(table).on_conflict_do_nothing()
    else:
        statement = postgresql.insert(table).on_conflict_do_nothing()
    # An insert's count is thrown away by default (sqlalchemy.engine.CursorResult.rowcount).
    options = {"preserve_rowcount": True}
    inserted: int = session.connection().execute(statement, list(map(dict, rows)), execution_options=options).rowcount
    return max(inserted, 0)


def upsert(
    session: Session,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str],
) -> None:
    """Insert ``rows``; where ``key`` exists already, set the ``update`` columns to the new values."""
    if not rows:
        return
    make = sqlite.insert if is_sqlite(session) else postgresql.insert
    statement: Any = make(table)
    statement = statement.on_conflict_do_update(
        index_elements=list(key), set_={column: statement.excluded[column] for column in update}
    )
    session.connection().execute(statement, [dict(row) for row in rows])


def insert_rows(
    session: Session,
    table: Table,
    rows: Sequence[Sequence[Any]],
    *,
    columns: Sequence[str] | None = None,
    tail: str = "",
) -> int:
    """Insert many rows at the speed of the driver (PostgreSQL: ``COPY``, where there is no ``tail``): no processing
    of values. Returns how many went in.

    Args:
        rows: one value for each of ``columns``, as the driver takes them (:func:`driver_value` for moments, text
            for JSON).
        columns: all of ``table``'s, in its order, if left out.
        tail: what follows the values, such as an ``ON CONFLICT`` clause that both databases read.
    """
    if not rows:
        return 0
    connection = session.connection()
    names = [column.name for column in table.columns] if columns is None else columns
    target = f"{table.name} ({', '.join(names)})"
    sqlite = is_sqlite(session)
    marks = ", ".join(["?" if sqlite else "%s"] * len(names))
    statement = f"INSERT INTO {target} VALUES ({marks}) {tail}"  # noqa: S608 - our own names
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor()
    any_error = connection.dialect.loaded_dbapi.Error
    try:
        if len(rows) == 1:
            cursor.execute(statement, rows[0])
        elif sqlite or tail:
            cursor.executemany(statement, rows)
        else:
            with cursor.copy(f"COPY {target} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        return max(int(cursor.rowcount), 0)
    except any_error as error:
        raise DBAPIError.instance(statement, None, error, any_error, hide_parameters=True) from error
    finally:
        cursor.close()


def driver_value(session: Session, column: Column[Any], value: Any) -> Any:
    """``value`` as the driver stores it in ``column``; worth it once for a value that many rows share."""
    dialect = session.get_bind().dialect
    process = column.type.dialect_impl(dialect).bind_processor(dialect)
    return value if process is None else process(value)


_FETCHED = 200  # rows; with 2,000, memory goes back to the system and comes again with every page: a tenth slower


def driver_rows(
    session: Session, statement: Executable, values: Mapping[str, Any], *, page: int
) -> Iterator[Sequence[Any]]:
    """The rows of ``statement``, ``page`` held at a time; on SQLite straight from the driver, since over many rows
    SQLAlchemy's processing of values takes as long as finding them. :func:`read_moment` is for moments among them."""
    connection = session.connection()
    if not is_sqlite(session):
        for rows in connection.execute(statement, values, execution_options={"yield_per": page}).partitions():
            yield from rows
        return
    any_error = connection.dialect.loaded_dbapi.Error
    # Without "yield_per", for which SQLAlchemy would read the first rows itself.
    with connection.execute(statement, values) as result:
        cursor: Any = result.cursor
        try:
            while found := cursor.fetchmany(min(page, _FETCHED)):
                yield from found
        except any_error as error:
            raise DBAPIError.instance(None, None, error, any_error, hide_parameters=True) from error


def read_moment(session: Session) -> Callable[[Any], datetime | None]:
    """How a moment in a row of :func:`driver_rows` becomes one in UTC."""
    return _from_text if is_sqlite(session) else _as_it_is


def _as_it_is(moment: datetime | None) -> datetime | None:
    return moment


class Moments:
    """Moments as the driver takes them, worked out once each: in bulk the same few come again and again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._column = Column("moment", UTCDateTime)
        self._known: dict[datetime | None, Any] = {None: None}

    def __call__(self, moment: datetime | None) -> Any:
        if moment not in self._known:
            self._known[moment] = driver_value(self._session, self._column, moment)
        return self._known[moment]


def reserve_ids(session: Session, table: Table, count: int) -> list[int]:
    """``count`` ids for rows about to be inserted into ``table``: known beforehand, so that rows of several tables
    can refer to each other in one pass. Call it in the transaction that inserts them.

    On SQLite the writer's lock keeps them ours; on PostgreSQL they come from the table's sequence.
    """
    connection = session.connection()
    if is_sqlite(session):
        last = _last_id(session, table)
        return list(range(last + 1, last + 1 + count))
    taken = select(func.nextval(func.pg_get_serial_sequence(table.name, "id"))).select_from(
        func.generate_series(1, count).alias("wanted")
    )
    return sorted(connection.execute(taken).scalars())


_SKIPPED = sql_table("marker", sql_column("name", Text), sql_column("value", Text))


def skip_ids(session: Session, table: Table, count: int) -> None:
    """Have :func:`reserve_ids` pass over the next ``count`` ids of a table, so that none of them is given out again."""
    if is_sqlite(session):
        row = {"name": f"skipped:{table.name}", "value": str(_last_id(session, table) + count)}
        statement = sqlite.insert(_SKIPPED).values(row)
        statement = statement.on_conflict_do_update(index_elements=["name"], set_={"value": row["value"]})
        session.connection().execute(statement)
    else:
        sequence = func.pg_get_serial_sequence(table.name, "id")
        session.connection().execute(select(func.setval(sequence, func.nextval(sequence) + count)))


def _last_id(session: Session, table: Table) -> int:
    """The highest id that was given out or passed over, on SQLite."""
    used: int | None = session.connection().execute(select(func.max(table.c.id))).scalar()
    skipped = select(_SKIPPED.c.value).where(_SKIPPED.c.name == f"skipped:{table.name}")
    return max(used or 0, int(session.connection().execute(skipped).scalar() or 0))

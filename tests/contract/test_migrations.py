"""A migrated database is the one that the models describe: tables, indexes, constraints and triggers, on both kinds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.database import Database
from storage.ledger.log import append
from storage.ledger.record import Entry, RecordKind
from storage.ledger.verify import verify_log
from storage.migrations import _config, current_revision, head_revision, knows, migrate

_SQLITE_SHAPE = "SELECT type || ' ' || name || ': ' || sql FROM sqlite_master WHERE sql IS NOT NULL"
_POSTGRES_SHAPE = """
SELECT 'column ' || table_name || '.' || column_name || ': ' || data_type || ' ' || is_nullable || ' '
       || coalesce(column_default, '') || ' ' || coalesce(character_maximum_length::text, '')
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ': ' || pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function ' || proname || ': ' || prosrc FROM pg_proc WHERE proname LIKE 'ledger%'
UNION ALL SELECT 'extension ' || extname FROM pg_extension
"""


@pytest.fixture
def empty_sqlite(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    yield database
    database.close()


@pytest.fixture
def empty_postgres(postgres_uri: Callable[[str], str]) -> Iterator[Database]:
    name = f"empty_{os.getpid()}"
    with psycopg.connect(postgres_uri("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
        database = Database(postgres_uri(name))
        yield database
        database.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest) -> Database:
    """A database without any table."""
    found = request.getfixturevalue("empty_sqlite" if request.param == "sqlite" else "empty_postgres")
    assert isinstance(found, Database)
    return found


def shape(database: Database) -> set[str]:
    """Everything that the database's catalogue says about our tables, in a form that can be compared."""
    with database.read_engine.connect() as connection:
        rows = connection.execute(text(_SQLITE_SHAPE if database.is_sqlite else _POSTGRES_SHAPE)).scalars()
        lines = {" ".join(row.replace("IF NOT EXISTS ", "").replace("( ", "(").split()) for row in rows}
    return {line.replace("( ", "(").replace(" )", ")") for line in lines if "alembic_version" not in line}


def test_a_migrated_sqlite_file_is_what_the_models_say(empty_sqlite: Database, sqlite_database: Database) -> None:
    migrate(empty_sqlite)
    assert shape(empty_sqlite) == shape(sqlite_database)


def test_a_migrated_postgres_is_what_the_models_say(empty_postgres: Database, postgres_database: Database) -> None:
    migrate(empty_postgres)
    assert shape(empty_postgres) == shape(postgres_database)


def test_migrating_again_changes_nothing(empty: Database) -> None:
    assert current_revision(empty) is None
    assert migrate(empty) == (None, head_revision())
    before = shape(empty)
    assert migrate(empty) == (head_revision(), head_revision())
    assert shape(empty) == before
    assert current_revision(empty) == head_revision()


def test_two_releases_at_once_migrate_one_after_the_other(empty: Database) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(migrate, [empty, empty]))
    newest = head_revision()
    assert sorted(results, key=str) == [(newest, newest), (None, newest)]


def test_a_database_of_the_first_release_is_brought_up_with_its_data(
    empty: Database, sqlite_database: Database, postgres_database: Database
) -> None:
    """From every revision there ever was: the shape of a fresh one, nothing lost, and the ledger still verifies."""
    with empty.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with empty.write() as session:
        entry = Entry(RecordKind.DECISION, "attest", token_id=1, token={"issuer": "aws"}, disclosures={"note": "mine"})
        append(session, [entry] * 300, lambda: datetime(2026, 11, 24, 9, tzinfo=UTC))
    assert current_revision(empty) == "0001"
    assert migrate(empty) == ("0001", head_revision())
    assert shape(empty) == shape(sqlite_database if empty.is_sqlite else postgres_database)
    with empty.read() as session:
        verdict = verify_log(session)
    assert (verdict.ok, verdict.size) == (True, 300)


def test_the_ledger_of_a_migrated_database_only_grows(empty: Database) -> None:
    migrate(empty)
    insert = text(
        "INSERT INTO ledger_leaf (epoch, seq, leaf_hash, kind, recorded_at, body) VALUES (0, 0, :h, 1, :at, :h)"
    )
    with empty.engine.begin() as connection:
        connection.execute(insert, {"h": b"x", "at": "2026-11-23 09:30:00+00:00"})
    for statement in ("UPDATE ledger_leaf SET kind = 2", "DELETE FROM ledger_leaf"):
        with pytest.raises(DBAPIError, match="only grows"), empty.engine.begin() as connection:
            connection.execute(text(statement))


def test_a_failing_migration_leaves_nothing_behind(empty: Database) -> None:
    with empty.engine.begin() as connection:
        connection.execute(text("CREATE TABLE outbox (id INTEGER)"))  # in the way of one of ours
    before = shape(empty)
    with pytest.raises(DBAPIError):
        migrate(empty)
    assert shape(empty) == before
    assert current_revision(empty) is None


def test_a_revision_of_a_newer_release_is_not_known() -> None:
    assert knows(head_revision())
    assert not knows("9999")

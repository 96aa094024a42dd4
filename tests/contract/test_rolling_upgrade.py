"""Old and new code on one database while a release replaces another: a revision only adds what the release before can
leave alone, and a process says what it thinks of tables that are newer than its own. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Column, Connection, Inspector, LargeBinary, MetaData, Table, inspect, select, text
from sqlalchemy.types import Boolean, Date, DateTime, Float, Integer, TypeEngine

from bot.operations.doctor import tables_are_current
from bot.settings import Settings
from bot.wiring.installation import NotMigratedError, ready_database
from bot.wiring.installation import migrate as migrate_by_settings
from storage.database import Database
from storage.markers import note_tables, tables_noted
from storage.migrations import CONTRACTS, _config, does_for_us, head_revision, migrate, oldest_served
from tests.contract.test_migrations import empty, empty_postgres, empty_sqlite

__all__ = ["empty", "empty_postgres", "empty_sqlite"]

REVISIONS = [one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]
NEWER = "9999"


def upgrade(database: Database, revision: str) -> None:
    with database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


# ------------------------------------------------------------------ revisions only add


@dataclass
class Tables:
    """What the code of a release can notice of a database: everything but plain indexes."""

    columns: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)
    """Type, and whether an insert may leave it out."""
    rules: set[tuple[str, str]] = field(default_factory=set)
    """What a row must fulfil: keys, unique indexes, foreign keys, checks and triggers, by table."""


def tables_of(database: Database) -> Tables:
    found = Tables()
    with database.read_engine.connect() as connection:
        look = inspect(connection)
        names = [one for one in look.get_table_names() if one != "alembic_version" and "token_search" not in one]
        for table in names:
            for one in look.get_columns(table):
                optional = one["nullable"] or one["default"] is not None or bool(one.get("autoincrement") is True)
                found.columns[table, one["name"]] = (str(one["type"]), optional)
            found.rules.update((table, rule) for rule in _rules(look, table))
        found.rules.update(_triggers(connection, names))
    return found


def _rules(look: Inspector, table: str) -> Iterator[str]:
    yield f"primary key {look.get_pk_constraint(table)['constrained_columns']}"
    for key in look.get_foreign_keys(table):
        yield f"{key['constrained_columns']} refers to {key['referred_table']} {key['referred_columns']}"
    for unique in look.get_unique_constraints(table):
        yield f"unique {unique['column_names']}"
    for index in look.get_indexes(table):
        if index["unique"]:
            yield f"unique index {index['name']} {index['column_names']}"
    for check in look.get_check_constraints(table):
        yield f"check {check['sqltext']}"


def _triggers(connection: Connection, tables: list[str]) -> Iterator[tuple[str, str]]:
    query = "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
    if connection.dialect.name == "postgresql":
        query = "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
    for table, written in connection.execute(text(query)):
        if table in tables:
            yield table, " ".join(written.split())


def takes_away(before: Tables, after: Tables) -> list[str]:
    """What the code that was made for ``before`` would trip over."""
    old = {table for table, _ in before.columns}
    gone = [f"{name} is gone" for name in before.columns.keys() - after.columns.keys()]
    other = [f"{name} is another" for name, one in before.columns.items() if after.columns.get(name, one) != one]
    new = {name: optional for name, (_, optional) in after.columns.items() if name not in before.columns}
    wanted = [f"{name} is wanted" for name, optional in new.items() if name[0] in old and not optional]
    stricter = [f"{table}: {rule}" for table, rule in after.rules - before.rules if table in old]
    return sorted([*gone, *other, *wanted, *stricter])


def test_every_revision_only_adds(empty: Database) -> None:
    upgrade(empty, REVISIONS[0])
    before = tables_of(empty)
    assert len(before.columns) > 100
    for revision in REVISIONS[1:]:
        upgrade(empty, revision)
        after = tables_of(empty)
        if revision not in CONTRACTS:
            assert takes_away(before, after) == [], revision
        before = after


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE marker DROP COLUMN value",
        "ALTER TABLE outbox RENAME COLUMN error TO fault",
        "ALTER TABLE posting RENAME TO message",
        "CREATE UNIQUE INDEX ux_outbox_delivery_key ON outbox (delivery_key)",
        "ALTER TABLE marker ADD COLUMN owner INTEGER NOT NULL",
    ],
)
def test_what_would_break_the_release_before_is_noticed(postgres_database: Database, statement: str) -> None:
    before = tables_of(postgres_database)
    with postgres_database.engine.begin() as connection:
        connection.execute(text(statement))
    assert takes_away(before, tables_of(postgres_database)) != []


def test_what_the_release_before_can_leave_alone_is_fine(empty: Database) -> None:
    migrate(empty)
    before = tables_of(empty)
    for statement in (
        "CREATE TABLE later (id INTEGER NOT NULL PRIMARY KEY)",
        "ALTER TABLE marker ADD COLUMN note VARCHAR",
        "ALTER TABLE marker ADD COLUMN number INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX ix_marker_note ON marker (note)",
    ):
        with empty.engine.begin() as connection:
            connection.execute(text(statement))
    assert takes_away(before, tables_of(empty)) == []


# ------------------------------------------------------------------ the statements of every older release


def _value(column: Column[Any]) -> object:
    if any(key.column.table is column.table for key in column.foreign_keys) and column.nullable:
        return None
    samples: list[tuple[type[TypeEngine[Any]], object]] = [
        (Boolean, False),
        (Integer, 1),
        (Float, 1.0),
        (DateTime, datetime(2026, 1, 5, 9, 30, tzinfo=UTC)),
        (Date, date(2026, 1, 5)),
        (JSON, {}),
        (LargeBinary, b"x" * 32),
    ]
    return next((value for kind, value in samples if isinstance(column.type, kind)), "x")


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_what_an_older_release_writes_and_reads_still_works(empty: Database, revision: str) -> None:
    """Its code knows the columns that its tables had, and no others. A row in every table, each read back by name and
    written once more, on the tables of today."""
    if set(REVISIONS[REVISIONS.index(revision) + 1 :]) & CONTRACTS:
        pytest.skip("a later revision took something away on purpose")
    upgrade(empty, revision)
    theirs = MetaData()
    with empty.read_engine.connect() as connection:
        theirs.reflect(connection, only=lambda name, _: name != "alembic_version" and "token_search" not in name)
    migrate(empty)
    tables: list[Table] = theirs.sorted_tables
    assert {"outbox", "request", "decision", "ledger_leaf"} <= {table.name for table in tables}
    with empty.engine.begin() as connection:
        for table in tables:
            row = {column.name: _value(column) for column in table.columns}
            connection.execute(table.insert().values(row))
        for table in tables:
            assert connection.execute(select(*table.columns)).first() is not None
            if not table.name.startswith("ledger_"):
                kept = {column.name: column for column in table.columns if not column.primary_key}
                assert not kept or connection.execute(table.update().values(kept)).rowcount >= 1


# ------------------------------------------------------------------ a process on newer tables


def at_a_newer_revision(database: Database, oldest: str, noted: str = NEWER) -> None:
    """As a newer release leaves the tables, of which ``oldest`` is the first whose code can work with them."""
    migrate(database)
    with database.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = :to"), {"to": NEWER})
        note_tables(session, noted, oldest)


def settings_for(database: Database) -> Settings:
    return Settings.model_validate({"database_url": database.url.render_as_string(hide_password=False)})


def test_migrating_notes_whom_the_tables_do_for(empty: Database) -> None:
    migrate(empty)
    with empty.read() as session:
        assert tables_noted(session) == (head_revision(), oldest_served())
    assert oldest_served() in REVISIONS


def test_an_older_process_starts_on_tables_that_do_for_it_and_says_so(empty: Database) -> None:
    at_a_newer_revision(empty, oldest=head_revision())
    said: list[str] = []
    ready_database(settings_for(empty), said.append).close()
    assert said == [
        f"The database's tables: at revision {NEWER}, which is a newer release's; this one can work with it."
    ]
    assert [one.level for one in tables_are_current(empty)] == ["ok"]
    with pytest.raises(NotMigratedError, match="nothing for this release to do"):
        migrate_by_settings(settings_for(empty))


@pytest.mark.parametrize(
    ("oldest", "noted"),
    [
        (NEWER, NEWER),  # a contract step
        (REVISIONS[0], head_revision()),  # the note is about other tables: whoever moved them on left none
    ],
)
def test_an_older_process_refuses_tables_that_do_not_do_for_it(empty: Database, oldest: str, noted: str) -> None:
    at_a_newer_revision(empty, oldest, noted)
    assert not does_for_us(empty, NEWER)
    with pytest.raises(NotMigratedError, match=r"newer release's\. Run that release"):
        ready_database(settings_for(empty), lambda _: None)
    assert [one.level for one in tables_are_current(empty)] == ["wrong"]


def test_tables_that_nobody_noted_anything_of_are_refused(empty: Database) -> None:
    at_a_newer_revision(empty, oldest=REVISIONS[0])
    with empty.write() as session:
        session.connection().execute(text("DELETE FROM marker WHERE name = 'tables'"))
    with pytest.raises(NotMigratedError, match="newer release's"):
        ready_database(settings_for(empty), lambda _: None)

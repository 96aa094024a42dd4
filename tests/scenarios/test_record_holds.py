"""After a day's work the record verifies; after any byte of it was changed, in any column, it does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bot.cli import whose
from messages.action_ref import Verb
from storage.database import Database
from storage.ledger.verify import verify_log
from storage.migrations import head_revision
from tests.servers.office import Office

BYTES_OF_A_BODY = 8
"""How many bytes of each record's content are tried; of every other value it is one."""


def a_days_work(office: Office) -> None:
    """Attested, refused, revoked and carried out, passed on and taken over: one record of almost every kind."""
    office.tick()
    office.press("omar", Verb.ATTEST, "ledger-sync")
    office.press("ana", Verb.ATTEST, "drift-dev")
    office.fill("ana", Verb.REVOKE, "drift-prod", justification="We left Driftly.")
    office.fill("ana", Verb.DISOWN, "drift-stage", new_owner="omar", justification="Ask Omar.")
    office.tick()
    office.fill("ana", Verb.DONE, "drift-prod", result="accepted_unverified", evidence="OPS-17")
    office.press("omar", Verb.ACCEPT, "drift-stage")
    office.advance(24, step=6)


def verify_exit_code(database: Database, monkeypatch: pytest.MonkeyPatch) -> int:
    """What ``whose ledger verify`` ends with."""
    monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    return CliRunner().invoke(whose, ["ledger", "verify"]).exit_code


def test_the_record_holds_until_a_byte_is_changed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    database = office.database
    with database.write() as session:  # the tests' tables were made without a migration
        session.connection().execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32))"))
        session.connection().execute(text("INSERT INTO alembic_version VALUES (:now)"), {"now": head_revision()})
    a_days_work(office)
    assert verify_exit_code(database, monkeypatch) == 0

    changed_by_hand = "UPDATE ledger_leaf SET body = :body WHERE seq = 7"
    with database.write() as session:
        _drop_triggers(session, database)
        body = bytes(session.connection().execute(text("SELECT body FROM ledger_leaf WHERE seq = 7")).scalar_one())
        session.connection().execute(text(changed_by_hand), {"body": body.replace(b"2026", b"2025") + b" "})
    assert verify_exit_code(database, monkeypatch) == 1
    with database.write() as session:
        session.connection().execute(text(changed_by_hand), {"body": body})
    assert verify_exit_code(database, monkeypatch) == 0


def test_every_column_of_every_record_is_covered(office: Office) -> None:
    """Each value of each row of the four tables is changed in turn, by one byte, and put back."""
    a_days_work(office)
    tried = 0
    with Session(office.database.engine) as session:
        _drop_triggers(session, office.database)
        assert verify_log(session).ok
        for table in ("ledger_leaf", "ledger_head", "ledger_subject", "ledger_disclosure"):
            for statement, values, said in _changes(session, table):
                point = session.begin_nested()
                try:
                    session.connection().execute(text(statement), values)
                except IntegrityError:
                    point.rollback()  # the database itself does not let two rows have one place
                    continue
                assert not verify_log(session).ok, said
                point.rollback()
                tried += 1
        assert verify_log(session).ok
        session.rollback()
    assert tried > 400


def _changes(session: Session, table: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """UPDATE statements that each change one value of one row by one byte, with what they change in words."""
    inspector = inspect(session.connection())
    columns = [one["name"] for one in inspector.get_columns(table)]
    keys = inspector.get_pk_constraint(table)["constrained_columns"]
    rows = session.connection().execute(text(f"SELECT {', '.join(columns)} FROM {table}")).mappings().all()
    where = " AND ".join(f"{key} = :key_{key}" for key in keys)
    for number, row in enumerate(rows):
        for column in columns:
            times = BYTES_OF_A_BODY if column == "body" else 1
            for turn in range(times if row[column] is not None else 0):
                changed = _with_another_byte(row[column], number * 31 + turn * 97)
                values = {f"key_{key}": row[key] for key in keys} | {"changed": changed}
                said = f"{column} of row {number} of {table}: {row[column]!r} became {changed!r}"
                yield f"UPDATE {table} SET {column} = :changed WHERE {where}", values, said


def _with_another_byte(value: Any, at: int) -> Any:
    match value:
        case bytes() | memoryview():
            changed = bytearray(value)
            changed[at % len(changed)] ^= 1 << (at % 8)
            return bytes(changed)
        case str():
            at %= len(value)
            return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        case datetime():
            return value + timedelta(microseconds=1)
        case _:
            return int(value) ^ (1 << (at % 16))


def _drop_triggers(session: Session, database: Database) -> None:
    """Nothing but the owner of the database can do this; the record must hold against them too."""
    if database.is_sqlite:
        names = session.connection().execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()
        statements = [f"DROP TRIGGER {name}" for name in names.all() if name.startswith("ledger_")]
    else:
        tables = ("ledger_leaf", "ledger_head", "ledger_subject", "ledger_disclosure")
        statements = [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in tables]
    for statement in statements:
        session.connection().execute(text(statement))

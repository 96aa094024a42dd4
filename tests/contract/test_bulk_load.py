"""A large import on SQLite takes short cuts: nothing of it shows afterwards, whichever way the tokens came in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storage.database import Database, is_sqlite
from storage.search import find_tokens
from tests.contract.import_kit import Importer

HEAD = "external_id,issuing_system,display_name,vendor,service_owner,backup_owner\n"
FIRST = HEAD + "".join(f"key-{i},gh,Nightly sync {i},Acme,ana@example.com,bo@example.com\n" for i in range(30))


@pytest.fixture
def importer(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Importer:
    monkeypatch.setattr("storage.bulk._WORTH_IT", 10)
    return Importer(database, tmp_path)


def found(database: Database, words: str) -> list[str]:
    with database.read() as session:
        return [hit.external_id for hit in find_tokens(session, words, visible=None)]


def layout(database: Database) -> list[Any]:
    with database.read() as session:
        if not is_sqlite(session):
            return []
        query = "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') ORDER BY type, name"
        return [tuple(row) for row in session.connection().exec_driver_sql(query)]


def test_indexes_and_triggers_are_those_from_before(importer: Importer) -> None:
    before = layout(importer.database)
    assert importer({"a.csv": FIRST}).files[0].new == 30
    assert layout(importer.database) == before


def test_what_was_loaded_at_once_is_found_and_found_anew_when_it_changes(importer: Importer) -> None:
    importer({"a.csv": FIRST})
    assert found(importer.database, "sync 17") == ["key-17"]
    assert found(importer.database, "KEY-17") == ["key-17"]
    importer({"a.csv": FIRST.replace("Nightly sync 17", "Morning run")})
    assert found(importer.database, "morning") == ["key-17"]
    assert found(importer.database, "sync 17") == []
    importer({"b.csv": FIRST.replace("key-", "other-").replace(",gh,", ",aws,")})
    assert found(importer.database, "other-17") == ["other-17"]
    assert found(importer.database, "morning") == ["key-17"]


def test_a_dry_run_leaves_nothing_to_be_found(importer: Importer) -> None:
    before = layout(importer.database)
    importer({"a.csv": FIRST}, dry_run=True)
    assert found(importer.database, "sync 17") == []
    assert layout(importer.database) == before


def test_every_reference_holds_and_is_checked_again_afterwards(importer: Importer) -> None:
    """SQLite does not check references while an import writes."""
    importer({"a.csv": FIRST})
    with importer.database.write() as session:
        if not is_sqlite(session):
            return
        connection = session.connection()
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM ownership").scalar() == 60

"""``whose outbox``: what it prints, and what its exit codes say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.outbox_enqueue import enqueue
from tests.contract.test_cli import folder as folder
from tests.contract.test_cli import objects, run

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.fixture
def given_up(folder: Path) -> Path:
    """Three messages: two given up, one still to go."""
    run("outbox", "list")
    database = Database(f"sqlite:///{folder / 'whose.db'}")
    with database.write() as session:
        for channel in ("audit", "security", "later"):
            where = {"lane": "slack:T1", "channel": channel, "not_before": AT, "created_at": AT}
            enqueue(session, dedupe_key=channel, card="checkpoint", **where)  # type: ignore[arg-type]
        dead = "UPDATE outbox SET state = 'dead', error = :error, done_at = not_before WHERE id = :id"
        for number, error in ((1, "not_in_channel"), (2, "outcome_unknown")):
            session.connection().execute(text(dead), {"id": number, "error": error})
    database.close()
    return folder


def test_an_empty_outbox_is_said_to_be_empty(folder: Path) -> None:
    result = run("outbox", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Nothing was given up." in result.stderr
    assert run("outbox", "retry", "--all").exit_code == 0


def test_the_list_says_why_and_what_to_do(given_up: Path) -> None:
    result = run("outbox", "list")
    assert result.exit_code == 0
    assert "not in the channel; waits for you" in result.stdout
    assert "/invite" in result.stdout
    assert "later" not in result.stdout
    newest, oldest = objects(run("outbox", "list", "--json"))
    assert (oldest["id"], oldest["to"], oldest["error"], oldest["consequence"], oldest["done_at"]) == (
        1,
        "#audit",
        "not_in_channel",
        "operator",
        "2026-11-23T09:30:00Z",
    )
    assert newest["id"] == 2
    assert "newest 1 of 2" in run("outbox", "list", "--limit", "1").stderr
    assert "#later" in run("outbox", "list", "--state", "pending").stdout


def test_retry_tells_what_is_sent_and_what_is_looked_for(given_up: Path) -> None:
    result = run("outbox", "retry", "--all")
    assert result.exit_code == 0
    assert "sent again, when a worker runs: 1\n" in result.stdout
    assert "looked for first: 2\n" in result.stdout
    assert "Nothing was given up" in run("outbox", "list").stderr
    assert run("ledger", "verify").exit_code == 0


def test_drop_wants_a_reason(given_up: Path) -> None:
    assert run("outbox", "drop", "1").exit_code == 2
    assert run("outbox", "drop", "--why", "x").exit_code == 2
    assert run("outbox", "drop", "1", "--why", "  ").exit_code == 1
    result = run("outbox", "drop", "1", "--why", "Told in person.")
    assert (result.exit_code, result.stdout) == (0, "Left unsent: 1\n")
    assert "Nothing was changed" in run("outbox", "drop", "1", "--why", "again").stderr


def test_what_cannot_be_done_changes_nothing(given_up: Path) -> None:
    assert run("outbox", "retry").exit_code == 2
    assert run("outbox", "retry", "1", "--all").exit_code == 2
    assert run("outbox", "retry", "0").exit_code == 2
    for number, said in (("3", "still to be sent"), ("99", "There is no message 99")):
        result = run("outbox", "retry", "1", number)
        assert result.exit_code == 1
        assert said in result.stderr
    assert len(objects(run("outbox", "list", "--json"))) == 2


def test_doctor_speaks_of_them_and_stays_well(given_up: Path) -> None:
    found = [one for one in objects(run("doctor", "--json")) if one["name"] == "outbox"]
    assert [one["level"] for one in found] == ["look", "look"]

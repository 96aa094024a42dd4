"""A log that is verified in stretches, here and in processes of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.ledger import verify
from storage.ledger.log import append, head
from storage.ledger.record import Entry, RecordKind
from storage.ledger.verify import Verdict, verify_log
from tests.servers.fake_clock import FakeClock

RECORDS = 3 * 256 + 40
Check = Callable[..., Verdict]


@pytest.fixture(params=[1, 2], ids=["here", "apart"])
def check(request: pytest.FixtureRequest, database: Database, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Verify four stretches, after statements that break something."""
    monkeypatch.setattr(verify, "LARGE", 1)
    monkeypatch.setattr(verify, "STRETCH", 256)

    def run(*statements: str) -> Verdict:
        with database.write() as session:
            for statement in statements:
                session.connection().execute(text(statement))
        with database.read() as session:
            return verify_log(session, in_processes=request.param)

    return run


@pytest.fixture(autouse=True)
def _log(database: Database, clock: FakeClock) -> None:
    for start in range(0, RECORDS, 101):
        entries = [
            Entry(RecordKind.ASKED, "due", token_id=number % 50, disclosures={"why": "so"} if number % 90 == 0 else {})
            for number in range(start, min(start + 101, RECORDS))
        ]
        with database.write() as session:
            append(session, entries, clock.now)
        clock.advance(timedelta(seconds=1))
    with database.write() as session:
        for statement in _without_triggers(database):
            session.connection().execute(text(statement))


def _without_triggers(database: Database) -> list[str]:
    if database.is_sqlite:
        refused = [("leaf", "update"), ("leaf", "delete"), ("node", "update"), ("disclosure", "update")]
        return [f"DROP TRIGGER ledger_{table}_no_{verb}" for table, verb in refused]
    return [f"ALTER TABLE ledger_{table} DISABLE TRIGGER ALL" for table in ("leaf", "node", "disclosure")]


def test_a_sound_log_is_joined_to_the_root_in_its_head(check: Check, database: Database) -> None:
    verdict = check()
    with database.read() as session:
        state = head(session)
    assert verdict.ok, verdict.findings
    assert state is not None
    assert (verdict.log, verdict.size, verdict.root) == (state.log, RECORDS, state.root)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE ledger_leaf SET kind = 9 WHERE seq = 700", "Record 700: its kind is 9 in the table"),
        (
            "DELETE FROM ledger_leaf WHERE seq = 256",
            "Record 256: it is missing, and so is everything up to record 257.",
        ),
        (
            "DELETE FROM ledger_leaf WHERE seq = 255",
            "Record 255: it is missing, and so is everything up to record 256.",
        ),
        (
            "DELETE FROM ledger_leaf WHERE seq >= 256 AND seq < 512",
            "Record 256: it is missing, and so is everything up to record 512.",
        ),
        ("DELETE FROM ledger_leaf WHERE seq = 807", "The head counts 808 records, but they end at 807."),
        ("UPDATE ledger_node SET idx = 7 WHERE idx = 2", "The stored node 2 of level 8 is not that of the records."),
        ("UPDATE ledger_disclosure SET leaf_seq = 541 WHERE leaf_seq = 540", "Record 541: it promises no disclosure"),
    ],
)
def test_what_is_broken_is_found_wherever_it_is(check: Check, statement: str, said: str) -> None:
    findings = [str(finding) for finding in check(statement).findings]
    assert any(said in finding for finding in findings), findings


def test_time_that_runs_backwards_between_two_stretches_is_found(check: Check) -> None:
    """The records are exchanged whole: each is in itself what it should be."""
    columns = "leaf_hash, kind, token_id, token_seq, request_id, recorded_at, body"
    make = f"CREATE TABLE aside AS SELECT epoch, {columns} FROM ledger_leaf WHERE seq IN (255, 800)"
    remove = "DELETE FROM ledger_leaf WHERE seq IN (255, 800)"
    put = (
        f"INSERT INTO ledger_leaf (epoch, seq, {columns}) SELECT epoch, {{}}, {columns} FROM aside ORDER BY recorded_at"
    )
    findings = check(
        make,
        remove,
        put.format("255") + " DESC LIMIT 1",
        put.format("800") + " LIMIT 1",
    ).findings
    sentences = [str(finding) for finding in findings]
    assert "Record 256: it was recorded before the record in front of it." in sentences
    assert "Record 800: it was recorded before the record in front of it." in sentences

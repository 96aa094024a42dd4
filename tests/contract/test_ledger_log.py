"""The ledger on SQLite and on PostgreSQL: the same promises on both."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from storage.database import Database
from storage.ledger.log import PAGE, append, head, leaves
from storage.ledger.merkle import leaf_hash, root_of
from storage.ledger.record import Entry, LedgerError, RecordKind
from storage.ledger.tables import ledger_triggers
from storage.ledger.verify import Verdict, verify_log
from storage.schema import create_all
from tests.servers.fake_clock import FakeClock


def opened(token_id: int, **more: Any) -> Entry:
    return Entry(
        RecordKind.REQUEST_OPENED,
        "expiring",
        token_id=token_id,
        token={"issuer": "aws-iam", "external_id": f"AKIA{token_id}", "tier": "high"},
        request_id=token_id * 10,
        **more,
    )


def fill(database: Database, clock: FakeClock) -> None:
    """Seven records in three transactions: two tokens, one record without a token, three disclosures."""
    decided = opened(1, actor_ref="p_1", actor_type="human", disclosures={"actor_name": "Olga", "why": "é 😀"})
    with database.write() as session:
        append(session, [opened(1), opened(2), Entry(RecordKind.POLICY_CHANGED, "file_changed")], clock.now)
    clock.advance(timedelta(seconds=90, microseconds=1500))
    with database.write() as session:
        append(session, [decided, opened(2), opened(1)], clock.now)
    with database.write() as session:
        append(session, [opened(2, disclosures={"why": "gone"})], clock.now)


def verify(database: Database) -> Verdict:
    with database.read() as session:
        return verify_log(session)


def test_an_empty_log_verifies(database: Database) -> None:
    with database.read() as session:
        assert head(session) is None
        assert list(leaves(session)) == []
    assert verify(database).ok


def test_records_get_their_place(database: Database, clock: FakeClock) -> None:
    with database.write() as session:
        first = append(session, [opened(1), opened(2), opened(1), Entry(RecordKind.POLICY_CHANGED)], clock.now)
    with database.write() as session:
        second = append(session, [opened(1)], clock.now)
    assert [(item.seq, item.token_seq) for item in first + second] == [(0, 0), (1, 0), (2, 1), (3, None), (4, 2)]
    with database.read() as session:
        stored = list(leaves(session))
        state = head(session)
    assert [record.fields["seq"] for record in stored] == [0, 1, 2, 3, 4]
    assert [record.fields.get("prev") for record in stored] == [
        "",
        "",
        first[0].leaf_hash.hex(),
        None,
        first[2].leaf_hash.hex(),
    ]
    assert len({record.fields["id"] for record in stored}) == 5
    assert all(record.leaf_hash == leaf_hash(record.body) for record in stored)
    assert state is not None
    assert (state.size, state.epoch, len(state.log)) == (5, 0, 32)
    assert state.root == root_of([record.leaf_hash for record in stored]) == verify(database).root
    assert verify(database).ok


def test_nothing_to_append_touches_nothing(database: Database, clock: FakeClock) -> None:
    with database.write() as session:
        assert append(session, [], clock.now) == []
    with database.read() as session:
        assert head(session) is None


def test_a_record_shares_the_fate_of_its_transaction(database: Database, clock: FakeClock) -> None:
    fill(database, clock)
    with Session(database.engine) as session:
        append(session, [opened(1, disclosures={"why": "never"}), opened(3)], clock.now)
        session.rollback()
    with pytest.raises(LedgerError), database.write() as session:
        append(session, [opened(1), opened(1, details={"ratio": 0.5})], clock.now)
    verdict = verify(database)
    assert verdict.ok
    assert verdict.size == 7


def test_time_never_runs_backwards(database: Database, clock: FakeClock) -> None:
    def record() -> datetime:
        with database.write() as session:
            return append(session, [opened(1)], clock.now)[0].recorded_at

    start = record()
    assert start == datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    clock.advance(timedelta(hours=-1))
    assert record() == start
    clock.advance(timedelta(hours=1, microseconds=2999))
    assert record() == start + timedelta(milliseconds=2)
    assert verify(database).ok


def test_reading_by_token_request_and_position(database: Database, clock: FakeClock) -> None:
    fill(database, clock)
    with database.read() as session:
        assert [record.seq for record in leaves(session, token_id=2)] == [1, 4, 6]
        assert [record.seq for record in leaves(session, request_id=10)] == [0, 3, 5]
        assert [record.seq for record in leaves(session, token_id=1, after_seq=0)] == [3, 5]
        assert list(leaves(session, token_id=99)) == []
        [decided] = list(leaves(session, token_id=1, after_seq=0))[:1]
    assert decided.kind is RecordKind.REQUEST_OPENED
    assert decided.disclosures == {"actor_name": "Olga", "why": "é 😀"}
    assert decided.recorded_at == datetime(2026, 1, 5, 9, 31, 30, 1000, tzinfo=UTC)
    assert b"Olga" not in decided.body
    assert decided.fields["actor"] == {"ref": "p_1", "type": "human"}


def test_more_than_a_page(database: Database, clock: FakeClock) -> None:
    count = 2 * PAGE + 3
    with database.write() as session:
        append(session, [opened(number % 7) for number in range(count)], clock.now)
    with database.read() as session:
        assert [record.seq for record in leaves(session)] == list(range(count))
    seen: list[tuple[int, int]] = []
    with database.read() as session:
        assert verify_log(session, lambda done, total: seen.append((done, total))).ok
    assert seen[-1] == (count, count)


def test_personal_data_can_be_erased(database: Database, clock: FakeClock) -> None:
    fill(database, clock)
    before = verify(database)
    with database.write() as session:
        session.connection().execute(text("DELETE FROM ledger_disclosure WHERE name = 'actor_name'"))
    after = verify(database)
    assert after.ok
    assert after.root == before.root
    with database.read() as session:
        assert [record.disclosures for record in leaves(session) if record.disclosures] == [
            {"why": "é 😀"},
            {"why": "gone"},
        ]


def test_the_clock_is_read_behind_the_lock(database: Database, clock: FakeClock) -> None:
    """A second writer must not take its time while the first one still holds the head."""
    fill(database, clock)
    started, read_early = threading.Event(), threading.Event()
    committed = threading.Event()

    def second() -> None:
        def now() -> datetime:
            if not committed.is_set():
                read_early.set()
            return clock.now()

        started.set()
        with database.write() as session:
            append(session, [opened(2)], now)

    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            append(session, [opened(1)], clock.now)
            waiting = pool.submit(second)
            started.wait(10)
            read_early.wait(0.3)
            committed.set()
        waiting.result(30)
    assert not read_early.is_set()
    assert verify(database).ok


def test_writers_at_once_leave_no_gap(database: Database, clock: FakeClock) -> None:
    """Also the very first append: all writers find an empty log."""
    writers, each = 4, 12

    def write(number: int) -> None:
        for _ in range(each):
            with database.write() as session:
                append(session, [opened(1), opened(number)], clock.now)

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(1, writers + 1)))
    verdict = verify(database)
    assert verdict.ok, verdict.findings
    assert verdict.size == 2 * writers * each


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_leaf SET kind = 5",
        "DELETE FROM ledger_leaf WHERE seq = 3",
        "DELETE FROM ledger_head",
        "DELETE FROM ledger_subject",
        "UPDATE ledger_disclosure SET value = 'x'",
    ],
)
def test_careless_hands_are_stopped(database: Database, clock: FakeClock, statement: str) -> None:
    fill(database, clock)
    with pytest.raises(DBAPIError, match="only grows"), database.write() as session:
        session.connection().execute(text(statement))
    assert verify(database).ok


def test_truncation_is_stopped(postgres_database: Database, clock: FakeClock) -> None:
    fill(postgres_database, clock)
    with pytest.raises(DBAPIError, match="only grows"), postgres_database.write() as session:
        session.connection().execute(text("TRUNCATE ledger_leaf"))


def test_tables_and_triggers_can_be_made_again(database: Database, clock: FakeClock) -> None:
    fill(database, clock)
    create_all(database)
    assert verify(database).ok


def test_triggers_exist_for_two_databases() -> None:
    with pytest.raises(ValueError, match="mysql"):
        ledger_triggers("mysql")


# Tampering: every attack runs in a transaction that is rolled back, on a log without its triggers.


@pytest.fixture
def attack(database: Database, clock: FakeClock) -> Callable[..., list[str]]:
    """Run statements against a filled log and return the findings that they cause."""
    fill(database, clock)
    with database.write() as session:
        for statement in _without_triggers(session, database):
            session.connection().execute(text(statement))

    def run(*statements: str, **values: Any) -> list[str]:
        with Session(database.engine) as session:
            for statement in statements:
                session.connection().execute(text(statement), values)
            findings = [str(finding) for finding in verify_log(session).findings]
            session.rollback()
        return findings

    assert run() == []
    return run


def _without_triggers(session: Session, database: Database) -> list[str]:
    if database.is_sqlite:
        names = session.connection().execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        return [f"DROP TRIGGER {name}" for (name,) in names]
    tables = ("ledger_leaf", "ledger_head", "ledger_subject", "ledger_disclosure")
    return [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in tables]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_leaf SET kind = kind + 1 WHERE seq = 3",
        "UPDATE ledger_leaf SET token_id = 9 WHERE seq = 5",
        "UPDATE ledger_leaf SET token_id = NULL, token_seq = NULL WHERE seq = 5",
        "UPDATE ledger_leaf SET token_seq = 7 WHERE seq = 5",
        "UPDATE ledger_leaf SET token_seq = -1 WHERE seq = 0",
        "UPDATE ledger_leaf SET token_id = 1, token_seq = 3 WHERE seq = 2",
        "UPDATE ledger_leaf SET request_id = 11 WHERE seq = 0",
        "UPDATE ledger_leaf SET request_id = NULL WHERE seq = 0",
        "UPDATE ledger_leaf SET request_id = 10 WHERE seq = 2",
        "UPDATE ledger_leaf SET seq = 100 WHERE seq = 6",
        "UPDATE ledger_leaf SET seq = -3 WHERE seq = 0",
        "UPDATE ledger_leaf SET recorded_at = (SELECT recorded_at FROM ledger_leaf WHERE seq = 0) WHERE seq = 6",
        "UPDATE ledger_leaf SET body = (SELECT body FROM ledger_leaf WHERE seq = 0) WHERE seq = 6",
        "UPDATE ledger_leaf SET leaf_hash = (SELECT leaf_hash FROM ledger_leaf WHERE seq = 0) WHERE seq = 6",
        "DELETE FROM ledger_leaf WHERE seq = 2",
        "DELETE FROM ledger_leaf WHERE seq = 6",
        "DELETE FROM ledger_leaf WHERE seq = 0",
        "DELETE FROM ledger_leaf",
        "DELETE FROM ledger_head",
        "UPDATE ledger_head SET epoch = 2",
        "UPDATE ledger_head SET sealed_at = recorded_at",
        "UPDATE ledger_head SET size = 6",
        "UPDATE ledger_head SET size = 8",
        "UPDATE ledger_head SET size = 0",
        "UPDATE ledger_head SET epoch = 1",
        "UPDATE ledger_head SET log = substr(log, 2) || substr(log, 1, 1)",
        "UPDATE ledger_head SET recorded_at = NULL",
        "UPDATE ledger_head SET recorded_at = (SELECT recorded_at FROM ledger_leaf WHERE seq = 0)",
        "INSERT INTO ledger_head SELECT 1, log, size, root, frontier, recorded_at, sealed_at FROM ledger_head",
        "UPDATE ledger_leaf SET epoch = 1 WHERE seq = 6",
        "UPDATE ledger_subject SET epoch = 1 WHERE token_id = 1",
        "UPDATE ledger_disclosure SET epoch = 1 WHERE leaf_seq = 3",
        "UPDATE ledger_subject SET next_seq = next_seq + 1 WHERE token_id = 1",
        "UPDATE ledger_subject SET next_seq = next_seq - 1 WHERE token_id = 1",
        "UPDATE ledger_subject SET last_hash = (SELECT leaf_hash FROM ledger_leaf WHERE seq = 0)",
        "UPDATE ledger_subject SET token_id = 77 WHERE token_id = 1",
        "DELETE FROM ledger_subject WHERE token_id = 2",
        "UPDATE ledger_disclosure SET value = value || ' ' WHERE name = 'why'",
        "UPDATE ledger_disclosure SET name = 'Why' WHERE name = 'why'",
        "UPDATE ledger_disclosure SET salt = upper(salt) || 'x'",
        "UPDATE ledger_disclosure SET digest = 'x' || digest",
        "UPDATE ledger_disclosure SET leaf_seq = 5 WHERE leaf_seq = 3",
        "UPDATE ledger_disclosure SET leaf_seq = 50 WHERE leaf_seq = 3",
    ],
)
def test_every_change_of_a_column_is_found(attack: Callable[..., list[str]], statement: str) -> None:
    assert attack(statement)


@pytest.mark.parametrize(("table", "column"), [("leaf", "body"), ("leaf", "leaf_hash"), ("head", "root")])
def test_every_changed_byte_is_found(
    attack: Callable[..., list[str]], database: Database, table: str, column: str
) -> None:
    key = "seq = 3" if table == "leaf" else "epoch = 0"
    with database.read() as session:
        query = f"SELECT {column} FROM ledger_{table} WHERE {key}"
        original = bytes(session.connection().execute(text(query)).scalar_one())
    step = 1 if database.is_sqlite else 17
    for position in range(0, len(original), step):
        changed = bytearray(original)
        changed[position] ^= 1 << (position % 8)
        findings = attack(f"UPDATE ledger_{table} SET {column} = :value WHERE {key}", value=bytes(changed))
        assert findings, f"byte {position} of {column}"
        if table == "leaf":
            assert any(finding.startswith("Record 3: ") for finding in findings)


def test_every_changed_byte_of_the_frontier_is_found(attack: Callable[..., list[str]]) -> None:
    for position in range(0, 96, 5):
        changed = bytes(32 * 3)[:position] + b"\x01" + bytes(95 - position)
        assert attack("UPDATE ledger_head SET frontier = :value", value=changed)


@pytest.mark.parametrize("column", ["digest", "salt", "name", "value"])
def test_every_changed_byte_of_a_disclosure_is_found(
    attack: Callable[..., list[str]], database: Database, column: str
) -> None:
    query = f"SELECT {column} FROM ledger_disclosure WHERE leaf_seq = 3 ORDER BY name"
    with database.read() as session:
        original = session.connection().execute(text(query)).scalars().first()
    assert original
    for position, letter in enumerate(original):
        changed = original[:position] + chr(ord(letter) ^ 1) + original[position + 1 :]
        assert attack(
            f"UPDATE ledger_disclosure SET {column} = :value WHERE leaf_seq = 3 AND {column} = :old",
            value=changed,
            old=original,
        )


def test_a_removed_record_is_named(attack: Callable[..., list[str]]) -> None:
    findings = attack("DELETE FROM ledger_leaf WHERE seq = 3")
    assert "Record 3: it is missing, and so is everything up to record 4." in findings
    assert "Record 5: the record before it in its token's chain is missing." in findings


def test_renumbering_does_not_hide_a_removal(attack: Callable[..., list[str]]) -> None:
    findings = attack(
        "DELETE FROM ledger_leaf WHERE seq = 2",
        *(f"UPDATE ledger_leaf SET seq = {seq - 1} WHERE seq = {seq}" for seq in range(3, 7)),
        "UPDATE ledger_head SET size = 6",
    )
    assert any(finding.startswith("Record 2: its seq is 2 in the table but 3") for finding in findings)


def test_exchanged_records_are_found(attack: Callable[..., list[str]]) -> None:
    assert attack(
        "UPDATE ledger_leaf SET seq = 99 WHERE seq = 0",
        "UPDATE ledger_leaf SET seq = 0 WHERE seq = 1",
        "UPDATE ledger_leaf SET seq = 1 WHERE seq = 99",
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_leaf SET recorded_at = replace(recorded_at, ' ', 'T') WHERE seq = 2",
        "UPDATE ledger_leaf SET recorded_at = 'yesterday' WHERE seq = 2",
        "UPDATE ledger_leaf SET recorded_at = CAST(x'ff' AS TEXT) WHERE seq = 2",
        "UPDATE ledger_leaf SET body = CAST(body AS TEXT) WHERE seq = 2",
        "UPDATE ledger_leaf SET body = CAST(replace(body, 'file', 'fill') AS BLOB) WHERE seq = 2",
        "UPDATE ledger_leaf SET leaf_hash = CAST(leaf_hash AS TEXT) WHERE seq = 2",
        "UPDATE ledger_leaf SET kind = 'x' WHERE seq = 2",
        "UPDATE ledger_leaf SET kind = CAST(x'ff' AS TEXT) WHERE seq = 2",
        "UPDATE ledger_leaf SET token_id = 'x' WHERE seq = 1",
        "UPDATE ledger_leaf SET token_seq = x'00' WHERE seq = 1",
        "UPDATE ledger_head SET size = 'many'",
        "UPDATE ledger_head SET log = CAST(log AS BLOB)",
        "UPDATE ledger_head SET log = CAST(x'ff' AS TEXT)",
        "UPDATE ledger_leaf SET epoch = 'x' WHERE seq = 6",
        "UPDATE ledger_leaf SET epoch = 0.5 WHERE seq = 6",
        "UPDATE ledger_leaf SET seq = 5.5 WHERE seq = 6",
        "UPDATE ledger_subject SET last_hash = CAST(last_hash AS TEXT)",
        "UPDATE ledger_disclosure SET value = CAST(x'ff' AS TEXT)",
        "UPDATE ledger_disclosure SET value = CAST(value AS BLOB)",
        "UPDATE ledger_disclosure SET leaf_seq = 'x' WHERE leaf_seq = 3",
    ],
)
def test_sqlite_types_give_no_shelter(sqlite_database: Database, clock: FakeClock, statement: str) -> None:
    fill(sqlite_database, clock)
    with sqlite_database.write() as session:
        for drop in _without_triggers(session, sqlite_database):
            session.connection().execute(text(drop))
        session.connection().execute(text(statement))
    verdict = verify(sqlite_database)
    assert not verdict.ok
    assert all(str(finding).strip() for finding in verdict.findings)


def test_findings_end_somewhere(database: Database, clock: FakeClock) -> None:
    with database.write() as session:
        append(session, [opened(number) for number in range(300)], clock.now)
    with database.write() as session:
        for statement in _without_triggers(session, database):
            session.connection().execute(text(statement))
        session.connection().execute(text("UPDATE ledger_leaf SET kind = 9"))
    assert len(verify(database).findings) == 100

"""Proofs from the database are those from the plain leaves, and the stored nodes are those of the records."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import event, text

from storage.database import Database
from storage.ledger import proofs
from storage.ledger.log import append, head, leaves
from storage.ledger.merkle import root_of
from storage.ledger.nodes import DatabaseHashes, consistency_proof, inclusion_proof, root_at
from storage.ledger.record import Entry, RecordKind
from tests.contract.ledger_kit import add, some_sizes, verify, without_triggers
from tests.servers.fake_clock import FakeClock
from tests.unit.ledger_tree import ListTree

MOST = 2_100
LEVEL_16 = 65_536 + 300


def test_proofs_are_those_of_the_plain_leaves(database: Database, clock: FakeClock) -> None:
    for count in (1, 254, 1, 1, 300, 1, MOST - 558):  # so that appends begin and end around complete subtrees
        add(database, clock, count=count)
    chance = random.Random(3)
    with database.read() as session:
        tree = ListTree([record.leaf_hash for record in leaves(session)])
        for size in some_sizes(MOST):
            assert root_at(session, size) == root_of(tree.leaves[:size])
            for index in {0, size - 1, size // 2, *(chance.randrange(size) for _ in range(5))}:
                assert inclusion_proof(session, index, size) == proofs.inclusion_proof(tree, index, size)
            for old in {0, 1, size, *(chance.randrange(size + 1) for _ in range(5))}:
                assert consistency_proof(session, old, size) == proofs.consistency_proof(tree, old, size)
    assert verify(database).ok


def test_proofs_of_a_large_log_read_little(sqlite_database: Database, clock: FakeClock) -> None:
    entries = [Entry(RecordKind.POLICY_CHANGED, "x")] * 4_096
    for _ in range(LEVEL_16 // len(entries)):
        add(sqlite_database, clock, *entries)
    add(sqlite_database, clock, *entries[:300])
    with sqlite_database.read() as session:
        tree = ListTree(
            [hashed for (hashed,) in session.connection().execute(text("SELECT leaf_hash FROM ledger_leaf"))]
        )
        levels = session.connection().execute(text("SELECT level, count(*) FROM ledger_node GROUP BY level ORDER BY 1"))
        assert [tuple(row) for row in levels] == [(8, LEVEL_16 // 256), (16, 1)]
        statements: list[str] = []
        event.listen(session.connection().engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        for index in (0, 65_535, 65_536, LEVEL_16 - 1, 12_345):
            statements.clear()
            path = inclusion_proof(session, index, LEVEL_16)
            assert len(statements) <= 8  # a tile each, and which epoch is current
            assert path == proofs.inclusion_proof(tree, index, LEVEL_16)
        assert consistency_proof(session, 40_000, LEVEL_16) == proofs.consistency_proof(tree, 40_000, LEVEL_16)
        state = head(session)
        assert state is not None
        assert root_at(session, LEVEL_16) == state.root


def test_what_is_not_there_is_not_proven(database: Database, clock: FakeClock) -> None:
    add(database, clock, count=10)
    with database.read() as session:
        for index, size in ((10, 10), (-1, 10), (0, 11), (0, 1000)):
            with pytest.raises(proofs.ProofError):
                inclusion_proof(session, index, size)
        with pytest.raises(proofs.ProofError):
            consistency_proof(session, 11, 10)
        with pytest.raises(proofs.ProofError):
            DatabaseHashes(session, 1, 10).node(0, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_node SET hash = (SELECT leaf_hash FROM ledger_leaf WHERE seq = 0) WHERE idx = 1",
        "DELETE FROM ledger_node WHERE idx = 0",
        "UPDATE ledger_node SET idx = 7 WHERE idx = 1",
        "UPDATE ledger_node SET epoch = 1 WHERE idx = 1",
        "INSERT INTO ledger_node SELECT epoch, 16, 0, hash FROM ledger_node WHERE idx = 0",
    ],
)
def test_every_change_of_a_node_is_found(database: Database, clock: FakeClock, statement: str) -> None:
    add(database, clock, count=600)
    assert verify(database).ok
    without_triggers(database)
    with database.write() as session:
        session.connection().execute(text(statement))
    findings = [str(one) for one in verify(database).findings]
    assert any("node" in one for one in findings)


def test_a_savepoint_that_is_rolled_back_leaves_no_gap(database: Database, clock: FakeClock) -> None:
    with database.write() as session:
        append(session, [Entry(RecordKind.POLICY_CHANGED, "kept")], clock.now)
        savepoint = session.begin_nested()
        append(session, [Entry(RecordKind.POLICY_CHANGED, "dropped")] * 300, clock.now)
        savepoint.rollback()
        append(session, [Entry(RecordKind.POLICY_CHANGED, "kept too")], clock.now)
    with database.read() as session:
        assert [record.fields["reason"] for record in leaves(session)] == ["kept", "kept too"]
    assert verify(database).ok

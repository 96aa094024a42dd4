"""A question that joins a message which waits must be in it, whatever a sender does at that moment. On PostgreSQL,
where both write at once; on SQLite one waits for the other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session

from bot.operations.asking import enqueue_asks
from bot.operations.directory import People
from storage.database import Database
from storage.outbox_queries import claim
from tests.contract.sweep_kit import LANE, Inventory
from tests.servers.fake_clock import FakeClock

LEASE = timedelta(seconds=30)


@pytest.fixture
def inventory(postgres_database: Database, clock: FakeClock) -> Inventory:
    """A message to Ana waits in the outbox."""
    made = Inventory(postgres_database, clock)
    with made.database.write() as session:
        assert ask(made, session) == 1
    return made


def ask(inventory: Inventory, session: Session) -> int:
    now = inventory.clock.now()
    return enqueue_asks(session, inventory.ctx, People(session, inventory.ctx, now), [inventory.people["ana"]], now=now)


def claimed(inventory: Inventory, session: Session) -> int:
    return len(claim(session, LANE, inventory.clock.now(), lease=LEASE))


def test_a_message_that_is_relied_on_is_not_sent_before_that_is_committed(inventory: Inventory) -> None:
    with inventory.database.write() as session:
        assert ask(inventory, session) == 0, "the one that waits will do"
        with inventory.database.write() as sender:
            assert claimed(inventory, sender) == 0
    with inventory.database.write() as sender:
        assert claimed(inventory, sender) == 1


def test_a_message_that_is_being_claimed_is_not_relied_on(inventory: Inventory) -> None:
    with inventory.database.write() as sender:
        assert claimed(inventory, sender) == 1
        with inventory.database.write() as session:
            assert ask(inventory, session) == 1, "the other may be written without it"

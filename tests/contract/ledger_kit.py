"""A ledger with a key, a state file and a publisher, for the tests of its keeping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bot.operations.ledger_key import LedgerKey, new_key
from bot.operations.publish_checkpoint import Publisher
from storage.database import Database
from storage.ledger.checkpoint import Checkpoint, verify_checkpoint
from storage.ledger.log import Appended, append, log_id
from storage.ledger.record import Entry, RecordKind
from storage.ledger.verify import Verdict, verify_log
from tests.servers.fake_clock import FakeClock

TABLES = ("ledger_leaf", "ledger_head", "ledger_subject", "ledger_disclosure", "ledger_node", "ledger_checkpoint")


def asked(token_id: int = 1, **more: Any) -> Entry:
    return Entry(RecordKind.REQUEST_OPENED, "expiring", token_id=token_id, token={"issuer": "aws-iam"}, **more)


def add(database: Database, clock: FakeClock, *entries: Entry, count: int = 0) -> list[Appended]:
    """Append the given entries, or ``count`` of a few tokens."""
    wanted = entries or tuple(asked(number % 7) for number in range(count))
    with database.write() as session:
        return append(session, wanted, clock.now)


def keeper(
    database: Database, clock: FakeClock, folder: Path, *, anchors: Sequence[str] = (), key: LedgerKey | None = None
) -> Publisher:
    """A publisher whose last checkpoint is kept in ``folder``."""
    if key is None:
        with database.write() as session:
            key = new_key(log_id(session), "example.com")
    return Publisher(database, clock.now, key, folder / "state", anchors)


def verified(publisher: Publisher, note: bytes, epoch: int = 0) -> Checkpoint:
    return verify_checkpoint(note, [publisher.key.verifier(epoch)]).checkpoint


def verify(database: Database) -> Verdict:
    with database.read() as session:
        return verify_log(session)


def without_triggers(database: Database) -> None:
    """What an attacker, or a restore, does first."""
    with database.write() as session:
        connection = session.connection()
        if database.is_sqlite:
            names = list(connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars())
            statements = [f"DROP TRIGGER {name}" for name in names]
        else:
            statements = [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in TABLES]
        for statement in statements:
            connection.execute(text(statement))


class Backup:
    """The ledger's tables as they are now, to be put back later: what a restored backup does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.read() as session:
            self._rows = {
                table: [dict(row._mapping) for row in session.connection().execute(text(f"SELECT * FROM {table}"))]
                for table in (*TABLES, "ledger_anchor")
            }

    def restore(self) -> None:
        without_triggers(self._database)
        with self._database.write() as session:
            connection = session.connection()
            for table, rows in self._rows.items():
                connection.execute(text(f"DELETE FROM {table}"))
                for row in rows:
                    columns = ", ".join(row)
                    marks = ", ".join(f":{name}" for name in row)
                    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), row)


def some_sizes(most: int) -> Iterator[int]:
    """Sizes at and around everything that is special about one."""
    special = {1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 1000, 1024, 2047, most - 1, most}
    yield from sorted(size for size in special if 0 < size <= most)

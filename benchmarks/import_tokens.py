"""Import of many tokens from CSV, against a bare ``executemany`` (PostgreSQL: ``COPY``) of the same 22 columns.

``python -m benchmarks.import_tokens --rows 1000000 [--database URL]``. The floor inserts ready-made tuples into a
table without any index; ours reads the file, checks every cell, looks for secrets, finds duplicates, keeps all
indexes and the search index, opens an ownership row for every owner (all tokens have a service owner, half a
business owner, two thirds a backup owner) and appends to the ledger. The database must be empty; without
``--database`` it is an SQLite file of the run's own.
"""

from __future__ import annotations

import argparse
import csv
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.harness import Measured, measured, on_processor, show
from bot.operations.import_inventory import import_inventory
from storage.database import Database
from storage.schema import create_all

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
COLUMNS = (
    "external_id",
    "issuing_system",
    "display_name",
    "credential_type",
    "vendor",
    "purpose",
    "environment",
    "data_classification",
    "customer_data",
    "data_scope",
    "scopes",
    "service_owner",
    "business_owner",
    "backup_owner",
    "created_at",
    "expires_at",
    "last_used_at",
    "last_attested_at",
    "rotation_method",
    "revocation_path",
    "held_by",
    "tags",
)
AIM = 6.0


def rows(count: int) -> Iterator[tuple[str, ...]]:
    """A made-up inventory, the same every time: ids in no order, moments all different, owners and vendors shared."""
    draw = random.Random(20261123)

    def moment(years: int) -> str:
        return (NOW - timedelta(seconds=draw.randrange(1, years * 31_536_000))).strftime("%Y-%m-%dT%H:%M:%SZ")

    for i in range(count):
        yield (
            f"key-{draw.getrandbits(48):012x}",
            f"system-{i % 8}",
            f"Nightly sync {i}",
            ("pat", "oauth_client", "api_key")[i % 3],
            f"Vendor {draw.randrange(300)}",
            f"Moves batch {i % 5000} to the warehouse",
            ("production", "staging", "development")[i % 3],
            ("internal", "confidential", "restricted")[i % 3],
            "true" if i % 4 == 0 else "false",
            "orders, invoices",
            "repo:read, repo:write",
            f"owner{draw.randrange(2000)}@example.com",
            f"business{draw.randrange(500)}@example.com" if i % 2 else "",
            f"backup{draw.randrange(2000)}@example.com" if i % 3 else "",
            moment(4),
            (NOW + timedelta(days=draw.randrange(1, 700))).strftime("%Y-%m-%d") if i % 3 else "",
            moment(1),
            moment(1) if i % 5 else "",
            "manual",
            f"https://tokens.example.com/{i % 50}",
            "us" if i % 2 else "vendor",
            "crm,eu",
        )


def floor_sqlite(path: Path, source: Path) -> Measured:
    """``executemany`` alone, of tuples ready made, into a table without an index, with one durable commit."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"CREATE TABLE bare ({', '.join(COLUMNS)})")
    connection.execute("BEGIN IMMEDIATE")
    insert = f"INSERT INTO bare VALUES ({', '.join('?' * len(COLUMNS))})"
    floor = Measured()
    for batch in _batches(source):
        with measured() as one:
            connection.executemany(insert, batch)
        floor += one
    with measured() as one:
        connection.execute("COMMIT")
    floor += one
    connection.close()
    return floor


def floor_postgres(database: Database, source: Path) -> Measured:
    """The same by ``COPY``; the table is removed again."""
    floor = Measured()
    with database.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        cursor = raw.cursor()
        cursor.execute(f"CREATE TABLE bare ({', '.join(f'{name} text' for name in COLUMNS)})")
        for batch in _batches(source):
            with measured() as one, cursor.copy(f"COPY bare ({', '.join(COLUMNS)}) FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)
            floor += one
        with measured() as one:
            raw.commit()
        floor += one
        cursor.execute("DROP TABLE bare")
        raw.commit()
    return floor


def _batches(source: Path) -> Iterator[list[list[str]]]:
    with source.open(newline="") as stream:
        reader = csv.reader(stream)
        next(reader)
        while batch := list(islice(reader, 20_000)):
            yield batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", default="", help="an empty database; default: an SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whose-benchmark-") as folder:
        source = Path(folder) / "tokens.csv"
        with source.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            writer.writerows(rows(arguments.rows))
        database = Database(arguments.database or f"sqlite:///{folder}/whose.db")
        create_all(database)
        if database.is_sqlite:
            floor = floor_sqlite(Path(folder) / "floor.db", source)
        else:
            floor = floor_postgres(database, source)
        for name, aim in (("first import", AIM), ("import again, nothing changed", None)):
            with measured() as ours:
                report = import_inventory(database, [source], now=NOW, clock=lambda: NOW)
            assert report.written, report.problems[:3]
            assert report.files[0].rows == arguments.rows
            show(f"{name} of {arguments.rows:,} tokens", ours, floor, aim=aim, note=on_processor(ours, floor))
        database.close()


if __name__ == "__main__":
    main()

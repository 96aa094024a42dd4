"""The ledger: appending against SHA-256 and a bare insert of the same bytes, verifying against reading and hashing.

``python -m benchmarks.ledger [--records N] [--single N] [--postgres]``.

* *append, batched*: 1,000 records a transaction, each a request opened for a token with its own chain; the floor hashes
  the same bodies and inserts the same leaf rows into the same table, 1,000 a transaction.
* *append, one commit each*: a decision's worth of durability for every record; the floor likewise.
* *verify*: the whole log against its head; the floor reads every body in order and hashes it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice

from benchmarks.harness import Measured, measured, show
from benchmarks.inventory import NOW
from benchmarks.places import place
from storage.database import Database, insert_rows, table_of
from storage.ledger.log import LedgerLeaf, append
from storage.ledger.record import Entry, RecordKind
from storage.ledger.verify import verify_log
from storage.schema import create_all

BATCH = 1_000
LEAF = table_of(LedgerLeaf)
_TOKENS = 100_000


def entries(count: int, first: int = 0) -> Iterator[Entry]:
    """Requests that were opened, made up."""
    authority = {"policy_id": "default", "version": "1", "hash": "5f" * 32}
    for number in range(first, first + count):
        owner = f"p_{number % 10_000:024x}"
        yield Entry(
            RecordKind.REQUEST_OPENED,
            reason="due",
            token_id=number % _TOKENS + 1,
            token={"issuer": f"system-{number % 8}", "external_id": f"key-{number:08x}", "tier": "high"},
            request_id=number + 1,
            accountable={"before": {"service_owner": owner, "backup_owner": f"p_{number % 9_000:024x}"}},
            authority=authority,
            details={"reasons": ["never_attested"], "step": 0, "told": [{"rung": "owner", "ref": owner}]},
        )


def write(database: Database, made: Iterator[Entry], batch: int) -> Measured:
    total = Measured()
    while part := list(islice(made, batch)):
        with measured() as one, database.write() as session:
            append(session, part, lambda: NOW)
        total = Measured(total.seconds + one.seconds, one.peak_mb)
    return total


def write_bare(database: Database, source: Database, batch: int, *, first: int, count: int) -> Measured:
    """Hash the bodies that ``source`` holds and insert the same rows."""
    total = Measured()
    names = ", ".join(LEAF.columns.keys())
    with source.read_engine.connect() as reader:
        for after in range(first, first + count, batch):
            part = f"epoch = 0 AND seq >= {after} AND seq < {after + batch}"
            query = f"SELECT {names} FROM ledger_leaf WHERE {part} ORDER BY seq"
            rows = [tuple(row) for row in reader.exec_driver_sql(query)]
            with measured() as one, database.write() as session:
                hashed = [(epoch, seq, sha256(b"\x00" + row[-1]).digest(), *row) for epoch, seq, _, *row in rows]
                insert_rows(session, LEAF, hashed)
            total = Measured(total.seconds + one.seconds, one.peak_mb)
    return total


def hash_all(database: Database) -> int:
    count = 0
    with database.read_engine.connect() as connection:
        found = connection.execution_options(yield_per=2_000).exec_driver_sql(
            "SELECT body FROM ledger_leaf WHERE epoch = 0 ORDER BY seq"
        )
        for (body,) in found:
            sha256(b"\x00" + body).digest()
            count += 1
    return count


def measure_verify(database: Database, records: int) -> None:
    with measured() as ours, database.read() as session:
        verdict = verify_log(session)
    assert verdict.ok
    assert verdict.size == records
    with measured() as floor:
        assert hash_all(database) == records
    show(f"ledger, verify {records:,} / read and hash", ours, floor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000, help="appended in batches, then verified")
    parser.add_argument("--single", type=int, default=2_000, help="appended with one commit each")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server of the run's own")
    parser.add_argument("--verify", metavar="URL", help="only verify the log of --records records that is there")
    options = parser.parse_args()
    if options.verify:
        measure_verify(Database(options.verify), options.records)
        return
    with place(postgres=options.postgres) as where:
        log, bare = where.make("log"), where.make("bare")
        create_all(log)
        create_all(bare)
        for name, count, batch, first in (
            ("batched", options.records, BATCH, 0),
            ("one commit each", options.single, 1, options.records),
        ):
            ours = write(log, entries(count, first), batch)
            floor = write_bare(bare, log, batch, first=first, count=count)
            show(f"ledger, append {count:,} {name}", ours, floor)
        log.close()
        bare.close()
        total = str(options.records + options.single)
        # In a process of its own, so that the peak memory is that of verifying.
        subprocess.run(
            [sys.executable, "-m", "benchmarks.ledger", "--verify", where.url("log"), "--records", total], check=True
        )


if __name__ == "__main__":
    main()

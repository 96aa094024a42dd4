"""The ledger: appending against SHA-256 and a bare insert of the same bytes, verifying, and proofs.

``python -m benchmarks.ledger [--records N] [--single N] [--postgres]``.

* *append, batched*: 1,000 records a transaction, each a request opened for a token with its own chain. There are two
  floors, and both hash the same bodies and insert the same leaf rows into the same table, 1,000 a transaction: one is
  given the bodies, the other also makes them from the same entries (canonical JSON, which the log cannot do without).
* *append, one commit each*: a decision's worth of durability for every record; the floor, given the bodies, likewise.
  The aim is 0.85 of its rate.
* *proof*: the inclusion proof of a record of the whole log, each in a transaction of its own: p50 and p99.
* *verify*: the whole log against its head, in as many processes as the machine has processors; the floor reads every
  body in order and hashes it. Its memory is that of all processes together.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from typing import Any

from benchmarks.harness import Measured, measured, show
from benchmarks.inventory import NOW
from benchmarks.places import place
from storage.database import Database, insert_rows, table_of
from storage.ledger.log import LedgerLeaf, append, head
from storage.ledger.nodes import inclusion_proof
from storage.ledger.proofs import verify_inclusion
from storage.ledger.record import Entry, Place, RecordKind, record_bytes, to_ms
from storage.ledger.verify import verify_log
from storage.schema import create_all

BATCH = 1_000
_NOW_MS = to_ms(NOW)
LEAF = table_of(LedgerLeaf)
_TOKENS = 100_000
_PROOFS = 1_000
_AIM_BATCHED, _AIM_SINGLE, _AIM_PROOF_MS, _AIM_VERIFY_S, _AIM_VERIFY_MB = 1.25, 1 / 0.85, 3.0, 10.0, 300.0


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
        total = _sum(total, one)
    return total


def write_bare(
    database: Database, source: Database, batch: int, *, first: int, count: int, make_bodies: bool = False
) -> Measured:
    """Hash the bodies that ``source`` holds, or bodies like them, made anew, and insert the same rows."""
    total = Measured()
    names = ", ".join(LEAF.columns.keys())
    with source.read_engine.connect() as reader:
        for after in range(first, first + count, batch):
            part = f"epoch = 0 AND seq >= {after} AND seq < {after + batch}"
            query = f"SELECT {names} FROM ledger_leaf WHERE {part} ORDER BY seq"
            rows = [tuple(row) for row in reader.exec_driver_sql(query)]
            said = list(entries(len(rows), after)) if make_bodies else []
            with measured() as one, database.write() as session:
                if make_bodies:
                    rows = [_made(entry, row) for entry, row in zip(said, rows, strict=True)]
                hashed = [(epoch, seq, sha256(b"\x00" + row[-1]).digest(), *row) for epoch, seq, _, *row in rows]
                insert_rows(session, LEAF, hashed)
            total = _sum(total, one)
    return total


def _made(entry: Entry, row: tuple[Any, ...]) -> tuple[Any, ...]:
    epoch, seq, hashed, kind, token_id, token_seq, request_id, recorded_at, _ = row
    place = Place("5f" * 16, epoch, seq, "5f" * 16, _NOW_MS, token_seq, hashed.hex())
    return (epoch, seq, hashed, kind, token_id, token_seq, request_id, recorded_at, record_bytes(entry, place))


def _sum(total: Measured, one: Measured) -> Measured:
    return Measured(total.seconds + one.seconds, one.peak_mb, total.processor + one.processor)


def _show(name: str, ours: Measured, floor: Measured, aim: float | None = None) -> bool:
    """Print it, also as time on the processor; whether the aim was held."""
    note = f"  (processor {ours.processor / floor.processor:.2f}×)"
    return show(name, ours, floor, aim=aim, note=note) <= (aim or float("inf"))


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


def measure_proofs(database: Database) -> bool:
    """Prove and check records at random; whether the aim was held."""
    with database.read() as session:
        state = head(session)
    assert state is not None
    taken = []
    for index in random.Random(9162).sample(range(state.size), min(_PROOFS, state.size)):
        started = time.perf_counter()
        with database.read() as session:
            proof = inclusion_proof(session, index, state.size)
        taken.append(time.perf_counter() - started)
        with database.read() as session:
            query = f"SELECT leaf_hash FROM ledger_leaf WHERE epoch = 0 AND seq = {index}"
            leaf = session.connection().exec_driver_sql(query).scalar_one()
        verify_inclusion(leaf, index, state.size, proof, state.root)
    taken.sort()
    p50, p99 = (1_000 * taken[len(taken) * part // 100] for part in (50, 99))
    held = p99 <= _AIM_PROOF_MS
    print(
        f"{f'ledger, inclusion proof of {state.size:,}':<46} p50 {p50:.2f} ms  p99 {p99:.2f} ms"
        f"  aim ≤ {_AIM_PROOF_MS:g} ms: {'held' if held else 'MISSED'}",
        flush=True,
    )
    return held


def measure_verify(database: Database, records: int, in_processes: int) -> bool:
    with measured() as ours, database.read() as session:
        verdict = verify_log(session, in_processes=in_processes)
    helpers = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours.processor += helpers.ru_utime + helpers.ru_stime
    if helpers.ru_maxrss:
        ours.peak_mb += in_processes * helpers.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    assert verdict.ok
    assert verdict.size == records
    with measured() as floor:
        assert hash_all(database) == records
    _show(f"ledger, verify {records:,} in {in_processes} / read and hash", ours, floor)
    return ours.seconds <= _AIM_VERIFY_S and ours.peak_mb <= _AIM_VERIFY_MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000, help="appended in batches, then verified")
    parser.add_argument("--single", type=int, default=2_000, help="appended with one commit each")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server of the run's own")
    parser.add_argument("--verify", metavar="URL", help="only verify the log of --records records that is there")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that verify")
    options = parser.parse_args()
    if options.verify:
        raise SystemExit(not measure_verify(Database(options.verify), options.records, options.processes))
    with place(postgres=options.postgres) as where:
        log, bare, made = (where.make(name) for name in ("log", "bare", "made"))
        for database in (log, bare, made):
            create_all(database)
        count, single = options.records, options.single
        name = f"ledger, append {count:,} batched"
        ours = write(log, entries(count), BATCH)
        held = _show(f"{name} / given", ours, write_bare(bare, log, BATCH, first=0, count=count), _AIM_BATCHED)
        floor = write_bare(made, log, BATCH, first=0, count=count, make_bodies=True)
        _show(f"{name} / made", ours, floor)
        ours = write(log, entries(single, count), 1)
        floor = write_bare(bare, log, 1, first=count, count=single)
        held &= _show(f"ledger, append {single:,} one commit each", ours, floor, _AIM_SINGLE)
        held &= measure_proofs(log)
        for database in (log, bare, made):
            database.close()
        # In a process of its own, so that the peak memory is that of verifying.
        verify = ["--verify", where.url("log"), "--records", str(count + single)]
        verify += ["--processes", str(options.processes)]
        held &= subprocess.run([sys.executable, "-m", "benchmarks.ledger", *verify], check=False).returncode == 0
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()

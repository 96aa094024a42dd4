"""Opening 100,000 requests over 10,000 owners, against a bare ``executemany`` of requests and outbox rows.

``python -m benchmarks.opening [--requests N] [--owners N] [--repeat N] [--postgres]``.

Ours: ``open_requests``, 1,000 requests a transaction: the request, who was told, the ledger record with its hash
and its place in the token's chain, and one message an owner. Floors, all in the same tables with their indexes,
ready-made tuples, 1,000 requests a transaction, and as durable:

* *requests + outbox*: the request and an outbox row for each of them, the floor that facts are stated against;
* *requests + messages*: the request, and only the one message an owner that we send;
* *the same rows*: every row that ours wrote, in every table, read back and inserted again.

Every pass starts from an inventory of its own where all tokens are due; passes alternate and the median is shown.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from sqlalchemy import Table

from benchmarks.harness import Measured, measured, show_passes
from benchmarks.inventory import NOW, context, fill
from benchmarks.places import Place, place
from bot.operations.directory import People
from bot.operations.opening import Planner, open_requests, plan_all, plan_at_rest
from bot.rules.due import due_parameters
from storage.database import Database, table_of
from storage.due import due_rows
from storage.ledger.log import LedgerLeaf, LedgerSubject
from storage.markers import policy_in_force
from storage.outbox import OUTBOX
from storage.requests import LADDER_STEP, QUIET, REQUEST

AIM = 2.0
BATCH = 1_000
WRITTEN = (REQUEST, LADDER_STEP, QUIET, OUTBOX, table_of(LedgerLeaf), table_of(LedgerSubject))
Rows = list[tuple[Any, ...]]
Load = dict[Table, Rows]


def ours(database: Database) -> Measured:
    """Open everything that is due; what is found and planned beforehand is not measured."""
    ctx = context(database)
    with database.read() as session:
        people = People(session, ctx, NOW)
        people.load_all()
        rows = list(due_rows(session, due_parameters(ctx.policy), NOW))
        openings = plan_all(session, ctx, people, Planner(ctx.policy, people, NOW), rows)
        policy_hash = policy_in_force(session)
    opened = 0
    with measured() as result, plan_at_rest():
        for at in range(0, len(openings), BATCH):
            batch = openings[at : at + BATCH]
            with database.write() as session:
                opened += open_requests(
                    session, ctx, people.within(session), batch, policy_hash=policy_hash, now=NOW, read_at=NOW
                )
    assert opened == len(rows)
    return result


def bare(database: Database, load: Load) -> Measured:
    """Insert rows that are ready, as many transactions as there are batches of requests."""
    transactions = -(-len(load[REQUEST]) // BATCH)
    with measured() as result:
        for number in range(transactions):
            with database.engine.begin() as connection:
                for table, rows in load.items():
                    part = rows[len(rows) * number // transactions : len(rows) * (number + 1) // transactions]
                    if part:
                        marks = ", ".join(["?" if database.is_sqlite else "%s"] * len(part[0]))
                        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", part)
    return result


def written(database: Database) -> Load:
    """What ours wrote, as the driver takes it."""
    load: Load = {}
    with database.read_engine.connect() as connection:
        for table in WRITTEN:
            # The ledger holds a record from before: the policy's coming into force.
            ours_only = " WHERE request_id IS NOT NULL" if table.name == "ledger_leaf" else ""
            rows = connection.exec_driver_sql(f"SELECT * FROM {table.name}{ours_only}")
            load[table] = [tuple(map(_plain, row)) for row in rows]
    return load


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


def one_message_each(load: Load) -> Load:
    """The requests, and an outbox row for each of them."""
    messages = load[OUTBOX]
    made = []
    for number, request in enumerate(load[REQUEST], start=1):
        message = dict(zip(OUTBOX.columns.keys(), messages[number % len(messages)], strict=True))
        message |= {"id": number, "dedupe_key": f"req:{request[0]}:step:0", "request_id": request[0]}
        made.append(tuple(message.values()))
    return {REQUEST: load[REQUEST], OUTBOX: made}


def run(where: Place, requests: int, owners: int, repeat: int) -> bool:
    """Alternate ours and the floors, print the medians; whether the aim is held."""
    database = where.make("inventory")
    fill(database, requests, owners, all_due=True)
    database.close()
    mine: list[Measured] = []
    floors: dict[str, list[Measured]] = {}
    peak = 0.0
    for _ in range(repeat):
        database = where.copy("inventory", "pass")
        mine.append(ours(database))
        peak = peak or mine[0].peak_mb  # before the floors' rows are held
        load = written(database)
        where.remove(database, "pass")
        loads = {
            "requests + outbox": one_message_each(load),
            "requests + messages": {table: load[table] for table in (REQUEST, OUTBOX)},
            "the same rows": load,
        }
        for name, rows in loads.items():
            database = where.copy("inventory", "pass")
            floors.setdefault(name, []).append(bare(database, rows))
            where.remove(database, "pass")
    held = True
    for name, passes in floors.items():
        aim = AIM if name == "requests + outbox" else None
        held &= show_passes(f"open {requests:,} requests / {name}", mine, passes, peak=peak, aim=aim)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--owners", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3, help="passes of ours and of each floor")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server of the run's own")
    options = parser.parse_args()
    with place(postgres=options.postgres) as where:
        held = run(where, options.requests, options.owners, options.repeat)
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()

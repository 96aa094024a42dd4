"""Claiming messages and marking them as sent with 1, 2 and 4 processes on PostgreSQL, against raw ``SKIP LOCKED``.

``python -m benchmarks.claiming [--messages N] [--workers 1,2,4] [--repeat N]``.

Ours: ``claim`` one message (urgent before others, none to a place that another message is on its way to) and commit,
``mark`` it under its fence and commit, as the dispatcher does around sending. Floor: the same two transactions in the
same table with its indexes, in SQL by hand through psycopg: the oldest row that is due, ``FOR UPDATE SKIP LOCKED``.

Every worker is a process of its own; they begin together and go on until nothing is left. Each pass has a database of
its own; afterwards every message must have been claimed once. Passes alternate and the median is shown.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from typing import Any

import psycopg
from sqlalchemy import func, insert, select

from benchmarks.harness import Measured, peak_mb, show_passes
from benchmarks.inventory import NOW
from benchmarks.places import Place, place
from storage import outbox_queries as outbox
from storage.database import Database
from storage.outbox import OUTBOX
from storage.outbox_enqueue import enqueue_many
from storage.people import PERSON
from storage.schema import create_all

AIM = 1 / 0.7
"""Ours may take this many times the floor: at least 0.7 of its rate."""
LANE = "slack:T0123"
LEASE = timedelta(seconds=60)
_PATIENCE = 600

Worker = Callable[[str, Barrier, Any], None]

_CLAIM = """
UPDATE outbox SET state = 'sending', fence = fence + 1, attempts = attempts + 1, lease_until = %(until)s,
    first_attempt_at = coalesce(first_attempt_at, %(now)s)
WHERE id = (
    SELECT id FROM outbox WHERE lane = %(lane)s AND state = 'pending' AND not_before <= %(now)s
    ORDER BY priority, not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING *
"""
_MARK = """
UPDATE outbox SET state = 'sent', done_at = %(now)s, lease_until = NULL, error = ''
WHERE id = %(id)s AND fence = %(fence)s AND state = 'sending'
"""


def fill(database: Database, messages: int) -> None:
    """One routine message that is due to each of so many people."""
    create_all(database)
    known = {"country": "", "subdivision": "", "workweek": "", "timezone": "", "active": True, "by_mention": False}
    with database.write() as session:
        session.connection().execute(
            insert(PERSON),
            [
                known
                | {"id": one, "ref": f"p_{one:024x}", "email": f"owner{one}@example.com", "name": f"Owner {one}"}
                | {"created_at": NOW, "updated_at": NOW}
                for one in range(1, messages + 1)
            ],
        )
        common = {"card": "ask", "lane": LANE, "not_before": NOW, "created_at": NOW}
        enqueue_many(
            session, (common | {"dedupe_key": f"ask:{one}:0", "person_id": one} for one in range(1, messages + 1))
        )
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def ours(url: str, together: Barrier, results: Any) -> None:
    """One worker."""
    database = Database(url)
    with database.read() as session:
        outbox.work_waiting(session, LANE, NOW)  # connected before the clock starts

    def one_message() -> bool:
        with database.write() as session:
            rows = outbox.claim(session, LANE, NOW, lease=LEASE)
        for row in rows:
            with database.write() as session:
                if not outbox.mark(session, row, state="sent", done_at=NOW, lease_until=None, error=""):
                    raise RuntimeError(f"message {row.id} was taken by another worker")
        return bool(rows)

    _work(one_message, together, results)
    database.close()


def floor(url: str, together: Barrier, results: Any) -> None:
    """One worker with SQL by hand."""
    with psycopg.connect(url) as connection:
        values = {"lane": LANE, "now": NOW, "until": NOW + LEASE}

        def one_message() -> bool:
            cursor = connection.execute(_CLAIM, values)
            columns = [column.name for column in cursor.description or ()]
            row = cursor.fetchone()
            connection.commit()
            if row is None:
                return False
            taken = dict(zip(columns, row, strict=True))
            connection.execute(_MARK, {"now": NOW, "id": taken["id"], "fence": taken["fence"]})
            connection.commit()
            return True

        _work(one_message, together, results)


def _work(one_message: Callable[[], bool], together: Barrier, results: Any) -> None:
    together.wait(_PATIENCE)
    start, on_processor = time.perf_counter(), time.process_time()
    done = 0
    while one_message():
        done += 1
    # Nobody may count the time in which others had the last messages: perf_counter is one clock for all processes.
    results.put((start, time.perf_counter(), time.process_time() - on_processor, peak_mb(), done))


def measure(where: Place, worker: Worker, workers: int, messages: int) -> Measured:
    """One pass: so many processes share the messages."""
    database = where.copy("filled", "pass")
    processes = multiprocessing.get_context("spawn")
    together, results = processes.Barrier(workers), processes.SimpleQueue()
    running = [processes.Process(target=worker, args=(where.url("pass"), together, results)) for _ in range(workers)]
    for one in running:
        one.start()
    for one in running:
        one.join(_PATIENCE)
        if one.exitcode != 0:
            raise RuntimeError(f"a worker ended with {one.exitcode}")
    told = [results.get() for _ in running]
    with database.read() as session:
        once = select(func.count()).where(OUTBOX.c.state == "sent", OUTBOX.c.fence == 1)
        sent = session.connection().execute(once).scalar_one()
    if not sent == sum(one[4] for one in told) == messages:
        raise RuntimeError(f"{sent:,} of {messages:,} messages were claimed once")
    where.remove(database, "pass")
    starts, ends, on_processor, peaks, _ = zip(*told, strict=True)
    return Measured(max(ends) - min(starts), max(peaks), sum(on_processor))


def run(where: Place, messages: int, numbers: list[int], repeat: int) -> bool:
    """Whether the aim is held with every number of workers."""
    database = where.make("filled")
    fill(database, messages)
    database.close()
    held = True
    for workers in numbers:
        mine, bare = [], []
        for _ in range(repeat):
            mine.append(measure(where, ours, workers, messages))
            bare.append(measure(where, floor, workers, messages))
        peak = max(one.peak_mb for one in mine)
        held &= show_passes(f"claim + mark {messages:,}, {workers} workers", mine, bare, peak=peak, aim=AIM)
        fastest = [messages / min(one.seconds for one in passes) for passes in (mine, bare)]
        print(f"  ours {fastest[0]:,.0f} a second at best, floor {fastest[1]:,.0f}", flush=True)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--workers", default="1,2,4", help="numbers of processes")
    parser.add_argument("--repeat", type=int, default=3, help="passes of ours and of the floor")
    options = parser.parse_args()
    with place(postgres=True) as where:
        held = run(where, options.messages, [int(one) for one in options.workers.split(",")], options.repeat)
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()

"""Lookups over many tokens: how long a person waits for ``/whose words``, against the barest trigram query.

``python -m benchmarks.lookup --tokens 1000000 [--database URL]``. The floor is one index query by one trigram phrase on
an open connection, ten rows; ours finds by exact name, beginning or any part, ranks, keeps to what the reader may
see, and reads what a card shows. Measured as somebody who sees everything and as somebody who owns 40 tokens.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from sqlmodel import Session

from benchmarks.harness import Measured, measured, peak_mb, show
from bot.operations import look_up
from bot.operations.context import Context
from bot.operations.look_up import EVERYTHING, Reader
from bot.rules.policy_file import default_policy_text, load_policy
from storage.database import Database, is_sqlite
from storage.inventory import OWNERSHIP, TOKEN
from storage.people import Person
from storage.schema import create_all
from storage.search import find_tokens, nearest
from storage.search_index import refresh_search
from storage.visibility import Scope

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
AIM_P99_MS = 5.0
OWNED = 40
_FIRST = ("drift", "crm", "billing", "export", "sync", "ledger", "search", "mail", "geo", "risk", "fraud", "stock")
_SECOND = ("prod", "staging", "dev", "eu", "us", "batch", "api", "hook", "report")
_EMPTY = (
    *("credential_type", "purpose", "environment", "data_classification", "data_scope", "scopes", "rotation_method"),
    *("revocation_path", "secret_ref", "consumers", "held_by", "expected_cidrs", "expected_countries"),
    *("expected_hours", "tags", "notes", "tier"),
)


def fill(database: Database, count: int) -> None:
    """``count`` tokens with ids in no order, the last 40 of them owned by person 1."""
    draw = random.Random(20261123)
    create_all(database)
    with database.write() as session:
        session.add(Person(id=1, email="owner@example.com", name="Owner", created_at=NOW, updated_at=NOW))
        session.flush()
        for start in range(0, count, 20_000):
            rows = [row(draw, number) for number in range(start, min(count, start + 20_000))]
            session.connection().execute(insert(TOKEN), rows)
        last = select(TOKEN.c.id).order_by(TOKEN.c.id.desc()).limit(OWNED)
        owned = [
            {"token_id": one, "person_id": 1, "role": "service_owner", "from_at": NOW, "source": "import"}
            for one in session.connection().execute(last).scalars()
        ]
        session.connection().execute(insert(OWNERSHIP), owned)
        refresh_search(session)
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE token")


def row(draw: random.Random, number: int) -> dict[str, Any]:
    name = f"{draw.choice(_FIRST)}-{draw.choice(_SECOND)}-{draw.choice(_FIRST)}-{number}"
    return dict.fromkeys(_EMPTY, "") | {
        "issuing_system": f"system-{number % 8}",
        "external_id": f"AKIA{draw.getrandbits(60):015X}",
        "display_name": name,
        "state": "active",
        "recorded_at": NOW,
        "updated_at": NOW,
    }


def questions(session: Session, count: int, times: int) -> dict[str, list[str]]:
    """What people type, by kind."""
    draw = random.Random(7)
    low = session.connection().execute(select(func.min(TOKEN.c.id))).scalar() or 0
    ids = [low + draw.randrange(count) for _ in range(times)]
    rows = session.connection().execute(select(TOKEN.c.display_name, TOKEN.c.external_id).where(TOKEN.c.id.in_(ids)))
    known = [(one.display_name, one.external_id) for one in rows]
    return {
        "exact name": [name for name, _ in known],
        "exact id": [external_id.lower() for _, external_id in known],
        "beginning": [name[:-2] for name, _ in known],
        "part of an id": [external_id[6:14] for _, external_id in known],
        "a common word": [draw.choice(_FIRST + _SECOND) for _ in known],
        "two words": [f"{draw.choice(_FIRST)} {draw.choice(_SECOND)}" for _ in known],
        "word and number": [f"{draw.choice(_FIRST)} {draw.randrange(count)}" for _ in known],
        "nothing fits": [f"zq{draw.getrandbits(40):010x}" for _ in known],
    }


def timed(session: Session, asked: Iterable[str], answer: Callable[[Session, str], object]) -> list[float]:
    """Milliseconds an answer, sorted."""
    times = []
    for words in asked:
        start = time.perf_counter()
        answer(session, words)
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)


def percentile(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]


def report(name: str, times: list[float], *, aim: float | None = None) -> bool:
    p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
    held = aim is None or p99 < aim
    said = "" if aim is None else f"  aim p99 < {aim:g} ms: {'held' if held else 'MISSED'}"
    print(f"{name:<44} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms{said}", flush=True)
    return held


def bare(session: Session, words: str) -> None:
    """The floor: one phrase through the trigram index."""
    connection = session.connection()
    if is_sqlite(session):
        grams = " AND ".join(f'"{words[at : at + 3]}"' for at in range(0, len(words) - 2, 3))
        found = connection.exec_driver_sql(
            "SELECT t.id, t.display_name FROM token_search s JOIN token t ON t.id = s.rowid "
            "WHERE token_search MATCH ? LIMIT 10",
            (grams,),
        )
    else:
        found = connection.exec_driver_sql(
            "SELECT id, display_name FROM token WHERE (display_name || E'\\n' || external_id) ILIKE %s LIMIT 10",
            (f"%{words}%",),
        )
    found.all()


def run(database: Database, count: int, times: int) -> bool:
    ctx = Context(database, lambda: NOW, load_policy(default_policy_text(), "the shipped policy"), "slack:T1")
    owner = Reader(1, Scope(1))
    held = True
    with database.read() as session:
        asked = questions(session, count, times)
        everything = [words for group in asked.values() for words in group]
        timed(session, everything[:50], lambda s, w: find_tokens(s, w, visible=None))  # warm
        for kind, group in asked.items():
            report(f"search, {kind}", timed(session, group, lambda s, w: find_tokens(s, w, visible=None)))
        held &= report(
            "search, all of these",
            timed(session, everything, lambda s, w: find_tokens(s, w, visible=None)),
            aim=AIM_P99_MS,
        )
        report("search, an owner's", timed(session, everything, lambda s, w: find_tokens(s, w, visible=Scope(1))))
        report("the whole answer, sees everything", timed(session, everything, _answer(ctx, EVERYTHING)))
        report("the whole answer, an owner's", timed(session, everything, _answer(ctx, owner)))
        slips = [name[:4] + "x" + name[5:] for name in asked["exact name"]]
        report("did you mean", timed(session, slips, lambda s, w: nearest(s, w, visible=None)))
        parts = asked["part of an id"]
        floor, ours = Measured(), Measured()
        for result, answer in ((floor, bare), (ours, lambda s, w: find_tokens(s, w, visible=None))):
            with measured() as one:
                timed(session, parts, answer)
            result.seconds, result.peak_mb = one.seconds, one.peak_mb
        show(f"search, {len(parts)} parts of ids", ours, floor)
    print(f"peak memory {peak_mb():.0f} MB")
    return held


def _answer(ctx: Context, reader: Reader) -> Callable[[Session, str], object]:
    return lambda session, words: look_up.find(session, ctx, reader, words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=200, help="questions of each kind")
    parser.add_argument("--database", help="URL of an empty database; by default an SQLite file of the run's own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whose-lookup-") as folder:
        database = Database(options.database or f"sqlite:///{Path(folder) / 'whose.db'}")
        with measured() as filled:
            fill(database, options.tokens)
        print(f"{options.tokens:,} tokens written and indexed in {filled.seconds:.0f} s")
        held = run(database, options.tokens, options.times)
        database.close()
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()

"""The due sweep, against a hand-written SQL UNION over the same indexes, run by the bare driver in the same process.

``python -m benchmarks.sweep [--sizes N,N] [--repeat N] [--postgres]``; 7.5 % of the tokens are due.

* *due query*: ``due_rows``, every due token with all its reasons as values: what finds them.
* *whole sweep*: ``sweep(dry_run=True)``, which also works out for each whom to ask, by when and in which order.

The floors are SQL with the policy's cutoffs written in, every row of the answer looked at once. *By hand* asks the same
question; *bare union* leaves out what only a sweep has to know, what was answered already and what is being asked.
Every size is measured in a process of its own, a sweep first, so that its peak
memory is that of a sweep and of nothing else. Then ours and the floor alternate, and the median ratio is shown.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from benchmarks.harness import Measured, measured, peak_mb, show_passes
from benchmarks.inventory import NOW, context
from benchmarks.places import place
from bot.operations.context import Context
from bot.operations.sweep import sweep
from bot.rules.due import due_parameters
from storage.database import Database
from storage.due import due_rows

AIM = 1.3
AIM_MB = 200
_DAY = timedelta(days=1)
_TIERS = (("high", 90, (30, 14, 7, 1)), ("medium", 180, (30, 7, 1)), ("low", 365, (14, 3)))
"""The tiers of the policy that ships: name, days between attestations, days of notice before an expiry."""


_OPEN = "request.token_id = token.id AND request.state IN ('open', 'handover', 'remediating')"
At = Callable[[datetime], str]


def floor_sql(database: Database, *, bare: bool) -> str:
    """What one would write by hand for the policy that ships.

    Args:
        bare: every due token and its reasons; else, as the sweep must, without what was answered and stays quiet,
            and with the request that is open.
    """

    def at(moment: datetime) -> str:
        text = f"{moment:%Y-%m-%d %H:%M:%S.%f}"
        return f"'{text}'" if database.is_sqlite else f"timestamptz '{text}+00'"

    found = " UNION ALL ".join([*_by_tier(at, bare), *_by_owner_and_vendor(at, bare)])
    token = "token.id, issuing_system, external_id, token.tier, due.reasons, notice"
    token += ", service_owner_id, created_at, expires_at"
    due = (
        f"(SELECT id, sum(bit) AS reasons, max(notice) AS notice FROM ({found}) AS found GROUP BY id) AS due "
        "JOIN token ON token.id = due.id"
    )
    if bare:
        return f"SELECT {token} FROM {due}"
    lapsing = "reason = '*' AND about_at IS NOT DISTINCT FROM expires_at"
    return (
        f"SELECT {token}, request.id, waiting_on_id, due_at FROM {due} LEFT JOIN request ON {_OPEN} WHERE "
        f"request.id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM quiet WHERE token_id = token.id AND {lapsing})"
    )


def _asked(at: At, bare: bool, reason: str, about: str = "", days: int = 0) -> str:
    if bare:
        return ""
    same = f"token_id = token.id AND reason = '{reason}' AND threshold_days = {days}"
    same += f" AND (until IS NULL OR until > {at(NOW)})"
    same += f" AND about_at IS NOT DISTINCT FROM {about}" if about else ""
    return f" AND (NOT EXISTS (SELECT 1 FROM quiet WHERE {same}) OR EXISTS (SELECT 1 FROM request WHERE {_OPEN}))"


def _by_tier(at: At, bare: bool) -> Iterator[str]:
    for name, cadence, notices in _TIERS:
        here = f"FROM token WHERE state = 'active' AND tier <> '' AND tier = '{name}' AND"
        yield f"SELECT id, 1 AS bit, 0 AS notice {here} last_attested_at IS NULL"
        yield f"SELECT id, 2, 0 {here} last_attested_at <= {at(NOW - cadence * _DAY)}"
        yield f"SELECT id, 8, 0 {here} expires_at <= {at(NOW)}{_asked(at, bare, 'expired', 'expires_at')}"
        for days, tighter in zip(notices, (*notices[1:], 0), strict=True):
            within = f"expires_at > {at(NOW + tighter * _DAY)} AND expires_at <= {at(NOW + days * _DAY)}"
            yield f"SELECT id, 4, {days} {here} {within}{_asked(at, bare, 'expiring', 'expires_at', days)}"
        if name == "high":
            yield f"SELECT id, 16, 0 {here} expires_at IS NULL{_asked(at, bare, 'no_expiry')}"
        if name != "low":
            idle = f"coalesce(last_used_at, created_at) <= {at(NOW - 90 * _DAY)}"
            yield f"SELECT id, 512, 0 {here} {idle}{_asked(at, bare, 'unused')}"


def _by_owner_and_vendor(at: At, bare: bool) -> Iterator[str]:
    here = "FROM token WHERE state = 'active' AND service_owner_id"
    yield f"SELECT id, 128, 0 {here} IS NULL"
    yield f"SELECT id, 256, 0 {here} IN (SELECT id FROM person WHERE NOT active)"
    here = "FROM vendor CROSS JOIN token WHERE token.state = 'active' AND vendor_id = vendor.id AND"
    outlives = _asked(at, bare, "outlives_contract", "contract_ends_at")
    yield f"SELECT token.id, 32, 0 {here} expires_at > contract_ends_at{outlives}"
    soon = f"contract_ends_at <= {at(NOW + 30 * _DAY)}"
    yield f"SELECT token.id, 32, 0 {here} expires_at IS NULL AND {soon}{outlives}"
    ended = f"(contract_ends_at <= {at(NOW)} OR status IN ('offboarding', 'offboarded'))"
    yield f"SELECT token.id, 64, 0 {here} {ended}{_asked(at, bare, 'contract_ended', 'contract_ends_at')}"


def floor(database: Database, sql: str) -> int:
    """Run it through the driver and look at every row once; how many there were."""
    with database.read_engine.connect() as connection:
        cursor: Any = connection.connection.cursor()
        cursor.execute(sql)
        return sum(1 for _ in cursor)


def query(ctx: Context) -> int:
    with ctx.database.read() as session:
        return sum(1 for _ in due_rows(session, due_parameters(ctx.policy), NOW))


def measure(database: Database, tokens: int, repeat: int) -> bool:
    """Print what one size takes; whether the aims are held."""
    ctx = context(database)
    due = len(sweep(ctx, dry_run=True).due)
    peak = peak_mb()
    by_hand, union = floor_sql(database, bare=False), floor_sql(database, bare=True)
    runs: dict[str, Callable[[], int]] = {
        "by hand": lambda: floor(database, by_hand),
        "bare union": lambda: floor(database, union),
        "due query": lambda: query(ctx),
        "whole sweep": lambda: len(sweep(ctx, dry_run=True).due),
    }
    assert {run() for run in runs.values()} == {due}
    passes: dict[str, list[Measured]] = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            with measured() as one:
                run()
            passes[name].append(one)
    held = peak < AIM_MB
    for ours, bare, aim in (
        ("due query", "by hand", AIM),
        ("due query", "bare union", None),
        ("whole sweep", "by hand", None),
    ):
        name = f"{ours}, {tokens:,} tokens / {bare}"
        held &= show_passes(name, passes[ours], passes[bare], peak=peak, aim=aim)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000", help="numbers of tokens, with commas between")
    parser.add_argument("--repeat", type=int, default=5, help="passes of ours and of the floor")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server of the run's own")
    parser.add_argument("--measure", metavar="URL", help="only measure the inventory of --sizes tokens that is there")
    options = parser.parse_args()
    if options.measure:
        database = Database(options.measure)
        held = measure(database, int(options.sizes), options.repeat)
        database.close()
        raise SystemExit(0 if held else 1)
    held = True
    with place(postgres=options.postgres) as where:
        for size in options.sizes.split(","):
            where.make(f"tokens_{size}").close()
            url = where.url(f"tokens_{size}")
            owners = max(int(size) // 50, 10)
            subprocess.run([sys.executable, "-m", "benchmarks.inventory", url, size, str(owners)], check=True)
            again = ["--measure", url, "--sizes", size, "--repeat", str(options.repeat)]
            held &= subprocess.run([sys.executable, "-m", "benchmarks.sweep", *again], check=False).returncode == 0
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()

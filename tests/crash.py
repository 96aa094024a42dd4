"""``make crash``: kill a worker a thousand times on each database, and again with a fault proxy in its way; and five
hundred times for each kind of connector while it carries out a rotation or a revocation.

    python -m tests.crash --only delivery --runs 1000 --seed 7 --database sqlite --calm
    python -m tests.crash --only remediation --deaths 500 --seed 7 --kind aws_iam --kind gitlab

Progress goes to stderr, one line of figures for each part to stdout. Exit code 1: a message was lost or doubled, or a
credential is not what was said of it; the sentence names the run and the seed that show it again.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from storage.database import Database
from storage.schema import create_all
from tests.contract.crash_carrying_trial import crash_lives
from tests.contract.crash_systems import STANDS
from tests.contract.crash_trial import Toll, crash_runs
from tests.servers.postgres import running_postgres

DATABASES = ("sqlite", "postgresql")
FAULT_RATE = 0.2
_SAID_EVERY = 25  # runs, where nobody sits at a terminal


class Deaths(Protocol):
    """What both harnesses count."""

    runs: int
    deaths: int
    second_deaths: int


def main() -> int:
    """Run all parts that are wanted; the exit code."""
    wanted = _arguments()
    delivered = wanted.only == "remediation" or _delivery(wanted)
    kinds = [] if wanted.only == "delivery" else wanted.kind or list(STANDS)
    failed = [kind for kind in kinds if not _remediation(wanted, kind)]
    return 0 if delivered and not failed else 1


def _remediation(wanted: argparse.Namespace, kind: str) -> bool:
    started = time.monotonic()
    try:
        toll = crash_lives(kind, deaths=wanted.deaths, seed=wanted.seed, progress=_progress(kind))
    except AssertionError as error:
        print(f"\n{error}\n{error.__cause__ or ''}", file=sys.stderr)
        return False
    ends = ", ".join(f"{number:,} {end}" for end, number in sorted(toll.ends.items()))
    print(f"\r{' ' * 70}\r", end="", file=sys.stderr)
    print(
        f"{kind}: in {toll.deaths:,} of {toll.runs:,} lives the worker died, in {toll.second_deaths:,} of them again; "
        f"{ends} ({(time.monotonic() - started) / 60:.1f} minutes)",
        flush=True,
    )
    return True


def _delivery(wanted: argparse.Namespace) -> bool:
    print(f"{wanted.runs:,} deaths a part, seed {wanted.seed}", file=sys.stderr)
    for kind in DATABASES if wanted.database == "both" else [wanted.database]:
        for fault_rate in wanted.rates:
            name = f"{kind}, {'with faults' if fault_rate else 'calm'}"
            started = time.monotonic()
            with _database(kind) as database:
                try:
                    toll = crash_runs(
                        database, runs=wanted.runs, seed=wanted.seed, fault_rate=fault_rate, progress=_progress(name)
                    )
                except AssertionError as error:
                    print(f"\n{name}: {error}\n{error.__cause__ or ''}", file=sys.stderr)
                    return False
            print(f"\r{' ' * 70}\r", end="", file=sys.stderr)
            print(_figures(name, toll, time.monotonic() - started), flush=True)
    return True


def _figures(name: str, toll: Toll, seconds: float) -> str:
    return (
        f"{name}: {toll.deaths:,} of {toll.runs:,} runs died, {toll.second_deaths:,} of them twice, "
        f"{toll.troubles:,} requests spoiled; {toll.messages:,} people have {toll.messages:,} messages, each one "
        f"({seconds / 60:.1f} minutes)"
    )


def _progress(name: str) -> Callable[[Deaths], None]:
    terminal = sys.stderr.isatty()

    def say(toll: Deaths) -> None:
        if terminal:
            print(f"\r{name}: {toll.deaths:,} died, {toll.second_deaths:,} twice ", end="", file=sys.stderr, flush=True)
        elif toll.runs % _SAID_EVERY == 0:
            print(f"{name}: {toll.deaths:,} died, {toll.second_deaths:,} twice", file=sys.stderr, flush=True)

    return say


@contextmanager
def _database(kind: str) -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="whose-crash-") as folder:
        url = f"sqlite:///{Path(folder) / 'whose.db'}" if kind == "sqlite" else _fresh_postgres()
        database = Database(url)
        create_all(database)
        try:
            yield database
        finally:
            database.close()


def _fresh_postgres() -> str:
    import psycopg

    address = running_postgres()
    name = f"crash_{time.monotonic_ns()}"
    with psycopg.connect(address("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
    return address(name)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make crash ARGS=…", description=__doc__.partition("\n")[0] if __doc__ else ""
    )
    environ = os.environ
    parser.add_argument("--runs", type=int, default=int(environ.get("WHOSE_CRASH_RUNS", "1000")), help="deaths a part")
    parser.add_argument("--seed", type=int, default=int(environ.get("WHOSE_CRASH_SEED", "20260105")))
    parser.add_argument("--only", choices=("delivery", "remediation"), default="")
    parser.add_argument("--deaths", type=int, default=500, help="deaths for each kind of connector")
    parser.add_argument("--kind", action="append", choices=[*STANDS], help="this kind of connector alone; repeatable")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--calm", dest="rates", action="store_const", const=(0.0,), help="only without the fault proxy")
    one.add_argument("--faults", dest="rates", action="store_const", const=(FAULT_RATE,), help="only with it")
    parser.set_defaults(rates=(0.0, FAULT_RATE))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""Checking stretches of the log in processes of their own, each with its own connection.

They see what is committed, as it is when they look. Since records never change once they are, that is what the caller
sees, too.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from sqlmodel import Session

from storage.database import Database
from storage.ledger.verify_stretch import Checked, Stretch, check_stretch

_database: Database | None = None  # of this process, once it is one of the pool


class Apart:
    """A pool of processes that check stretches."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def check(self, stretches: Iterable[Stretch]) -> Iterator[Checked]:
        """What became of each, in their order."""
        return self._pool.map(_check, stretches)


@contextmanager
def processes(session: Session, count: int) -> Iterator[Apart]:
    """``count`` processes that read the database of ``session``."""
    url = session.get_bind().engine.url.render_as_string(hide_password=False)
    # A process started afresh shares no connection with this one, which a forked one would.
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=_connect, initargs=(url,))
    try:
        yield Apart(pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _connect(url: str) -> None:
    global _database
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits for us
    _database = Database(url)


def _check(stretch: Stretch) -> Checked:
    assert _database is not None
    with _database.read() as session:
        return check_stretch(session, stretch)

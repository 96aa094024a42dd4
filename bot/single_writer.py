"""SQLite has one writer: of the processes that stay (web, worker, up, demo), one at a time may use a file."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import WhoseError


class AlreadyRunningError(WhoseError):
    """Another process that stays uses this SQLite file."""


@contextmanager
def single_writer(database_file: Path, purpose: str) -> Iterator[None]:
    """Hold the file ``DATABASE.lock`` beside an SQLite database.

    The lock belongs to the process: it is free again when the process ends, however it ends.

    Args:
        purpose: what this process does, for the message that the next one gets (``whose up``).

    Raises:
        AlreadyRunningError: another process holds it.
    """
    handle = os.open(Path(f"{database_file}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip() or "another process"
            raise AlreadyRunningError(
                f"{holder} already uses {database_file}, and an SQLite file takes one such process at a time. "
                "Stop it first. `whose up` is web and worker in one process; "
                "to run them apart, use PostgreSQL (DATABASE_URL)."
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{purpose} (process {os.getpid()})\n".encode(), 0)
        yield
    finally:
        os.close(handle)  # which lets go of the lock; the file stays, since removing it would race with the next one

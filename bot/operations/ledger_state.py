"""The last published checkpoint, kept in a file outside of the database: what the next one is compared with.

The file is the signed note itself, so it also serves as ``--held``. It is replaced as a whole, and is on the disk
before the checkpoint is given to anybody. While one process compares and signs, others wait (``FILE.lock``).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import WhoseError
from storage.ledger.note import MAX_NOTE_BYTES

_PATIENCE = 10.0
_STEP = 0.05


class LedgerStateError(WhoseError):
    """The file cannot be read, written or locked."""


def read_state(path: Path) -> bytes | None:
    """The signed note that was published last; None: there is no file.

    Raises:
        LedgerStateError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_NOTE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerStateError(
            f"{path}, which holds the last published checkpoint, cannot be read: {error.strerror}. "
            "See WHOSE_LEDGER_STATE."
        ) from None


def write_state(path: Path, note: bytes) -> None:
    """Replace the file by this note; on the disk when this returns, and never half.

    Raises:
        LedgerStateError: it cannot be written. Nothing was changed then.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise LedgerStateError(
            f"{path}, which is to hold the published checkpoint, cannot be written: {error.strerror}. "
            "See WHOSE_LEDGER_STATE."
        ) from None


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes of this machine from publishing meanwhile.

    Raises:
        LedgerStateError: another one does not come to its end.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LedgerStateError(f"{path}.lock cannot be made: {error.strerror}. See WHOSE_LEDGER_STATE.") from None
    try:
        _lock(handle, path)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    waited = 0.0
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if waited >= _PATIENCE:
                raise LedgerStateError(
                    f"Another process is publishing a checkpoint ({path}.lock is held). Try again in a moment."
                ) from None
            time.sleep(_STEP)
            waited += _STEP


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

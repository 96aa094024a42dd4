"""Going on after a backup was put back, so that nothing is sent twice and the record stays honest.

What a database forgot by being put back is still out there: messages, buttons, signed checkpoints. So

1. messages that were not done at the backup, and those of the next day, are looked for before they are sent. A
   message's key follows from its cause, so that one that was sent after the backup is found, taken over and brought up
   to date instead of sent again (``bot/operations/deliver.py``);
2. no id of a request and no version that a button may carry is given out again, and every posting about an open request
   is drawn anew;
3. where more of the record was published than is there, it goes on in a new epoch that says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import WhoseError
from bot.operations.backup import Contents, examine, with_database
from bot.operations.delivery import LOOK_FIRST
from bot.operations.ledger_state import read_state
from bot.operations.new_epoch import new_epoch
from bot.operations.publish_checkpoint import LogRefusedError, Publication, Publisher, compare
from storage.database import Database
from storage.ledger.log import head
from storage.migrations import migrate
from storage.restored import Held, Restored, note_restored
from storage.sqlite_file import InUseError, Progress, copy_database, in_one_file, replace_database


class RestoreError(WhoseError):
    """The backup was not put back; everything is as it was."""


@dataclass(frozen=True)
class PutBack:
    """What a restore did."""

    contents: Contents
    held: Held
    aside: Path | None
    """Where the database is that was replaced; None: there was none."""


def restore(file: Path, target: Path, now: datetime, progress: Progress = lambda _done, _all: None) -> PutBack:
    """Put a backup in the place of an SQLite database that no process uses, ready to go on with.

    The backup itself stays as it is. The copy is checked, brought up to this release and made safe to go on with
    before it takes its place, in one step; a process that dies before has changed nothing.

    Args:
        target: the database to be replaced; by custom the caller holds ``single_writer`` over it.

    Raises:
        BackupError: the backup is not whole, or from a newer release.
        RestoreError: a process uses the database, or there is no room.
    """
    fresh = target.with_name(f"{target.name}.restoring")
    aside = target.with_name(f"{target.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
    try:
        fresh.unlink(missing_ok=True)  # of a restore that was interrupted
        copy_database(file, fresh, progress)
        contents = examine(fresh)
        held = with_database(fresh, lambda database: _prepare(database, now))
        in_one_file(fresh)
        was_there = target.exists()
        replace_database(target, fresh, aside)
    except InUseError:
        raise RestoreError(
            f"Another process uses {target}. Nothing was changed. Stop everything that runs on it, and try again."
        ) from None
    except OSError as error:
        raise RestoreError(f"{file} cannot be put in the place of {target}: {error}. Nothing was changed.") from None
    finally:
        fresh.unlink(missing_ok=True)
    return PutBack(contents, held, aside if was_there else None)


def after_restore(database: Database, now: datetime) -> tuple[Restored, Held]:
    """Make a database safe to go on with that was put back by other means (``pg_restore``, a snapshot of a disk).

    Nothing may run on it meanwhile. Repeatable.
    """
    with database.write() as session:
        return note_restored(session, now, LOOK_FIRST)


def continue_record(publisher: Publisher, why: str) -> Publication | None:
    """Open a new epoch where more of the record was published than is there; None: nothing was lost, it goes on.

    Args:
        why: what happened, in a person's words; disclosed beside record 0 of the new epoch.

    Raises:
        NewEpochError: the published checkpoint is not of this log, this key or this epoch.
        LedgerStateError: the file with the last checkpoint cannot be used.
    """
    published = read_state(publisher.state)
    if published is None:
        return None
    if not _has_lost(publisher, published):
        return None
    return new_epoch(publisher, published, why)


def _has_lost(publisher: Publisher, published: bytes) -> bool:
    """Whether the log lacks records that were published, or has others in their place."""
    with publisher.database.read() as session:
        now_at = head(session)
        if now_at is None:
            return True
        try:
            compare(session, publisher.key, now_at, published, publisher.state)
        except LogRefusedError:
            return True  # new_epoch looks again, and says it where a new epoch is no remedy
    return False


def _prepare(database: Database, now: datetime) -> Held:
    migrate(database)
    return after_restore(database, now)[1]

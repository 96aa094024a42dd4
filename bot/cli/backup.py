"""``whose backup``, ``restore`` and ``restored``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.installation import settings_for_a_command, with_installation
from bot.cli.output import progress, say, show, zulu

if TYPE_CHECKING:
    from bot.operations.backup import Contents
    from bot.operations.publish_checkpoint import Publication
    from bot.settings import Settings
    from bot.wiring.installation import Installation
    from storage.restored import Held

_DUMP = (
    "The database is on PostgreSQL, which has tools of its own. Back up: pg_dump --format=custom --file=FILE DATABASE. "
    "Put back, while nothing of Whose runs: pg_restore --clean --if-exists --dbname=DATABASE FILE, then: whose restored"
)
_WHY = "A backup was put back."
_why = click.option("--why", metavar="TEXT", default=_WHY, help="What happened, for the record of a new epoch.")


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_installation
def backup_command(installation: Installation, file: Path) -> None:
    """Copy the SQLite database into the new FILE, while everything goes on.

    Only you can read FILE, and it is checked when it is written. It holds what is in the database; the key of the
    ledger and the file with the last checkpoint (WHOSE_LEDGER_STATE) belong elsewhere, and must not be put back with
    it.

    \b
    Example:
        whose backup /backups/whose-2026-11-24.db
    """
    from bot.errors import WhoseError
    from bot.operations.backup import back_up

    if not installation.database.is_sqlite:
        raise WhoseError(_DUMP)
    with progress() as step:
        contents = back_up(installation.database, file, lambda done, total: step("copying", done, total))
    show(f"{file}: {file.stat().st_size:,} bytes, {_holds(contents)}.")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@_why
def restore_command(file: Path, why: str) -> None:
    """Put the backup FILE in the place of the SQLite database, and keep that beside.

    Stop every process first. What was sent since the backup is looked for before anything is sent again. Where more of
    the record was published than is in the backup, it goes on in a new epoch that says so.

    \b
    Example:
        whose restore /backups/whose-2026-11-24.db --why "The disk of 24 November failed."
    """
    from bot.clock import SystemClock
    from bot.errors import WhoseError
    from bot.operations.restore import restore
    from bot.single_writer import single_writer
    from bot.wiring.installation import database_file

    settings = settings_for_a_command()
    target = database_file(settings)
    if target is None:
        raise WhoseError(_DUMP)
    _has_what_it_needs(settings)
    with single_writer(target, "whose restore"):
        with progress() as step:
            done = restore(file, target, SystemClock().now(), lambda made, total: step("copying", made, total))
        show(f"{target} is as the backup has it: {_holds(done.contents)}.")
        if done.aside is not None:
            show(f"What was there before is in {done.aside}.")
        _say_held(done.held)
        _continue_the_record(why=why)


@click.command("restored")
@_why
@with_installation
def restored_command(installation: Installation, why: str) -> None:
    """Do what follows after the database was put back by other means, such as pg_restore.

    Run it once, before any process is started. It is what `whose restore` does by itself.

    \b
    Example:
        pg_restore --clean --if-exists --dbname=whose whose.dump && whose restored
    """
    from bot.operations.restore import after_restore

    _has_what_it_needs(installation.settings)
    _, held = after_restore(installation.database, installation.now())
    _say_held(held)
    _say_record(installation, why)


def _has_what_it_needs(settings: Settings) -> None:
    """The key must be there where something was published: else nobody could say what was lost.

    Raises:
        SettingsError: it is not.
    """
    from bot.errors import SettingsError
    from bot.wiring.ledger import ledger_key

    if ledger_key(settings) is None and settings.ledger_state.exists():
        raise SettingsError(
            f"{settings.ledger_state} holds a published checkpoint, and no key is set to compare it with. Nothing was "
            "changed. Set WHOSE_LEDGER_KEY_FILE (or WHOSE_LEDGER_KEY) as the worker has it, and run this again."
        )


@with_installation
def _continue_the_record(installation: Installation, *, why: str) -> None:
    _say_record(installation, why)


def _say_record(installation: Installation, why: str) -> None:
    from bot.operations.restore import continue_record
    from bot.wiring.ledger import ledger_key, publisher_of

    if ledger_key(installation.settings) is None:
        say("No key is set, so the record was never signed: it goes on from where the backup ends.")
    else:
        publisher = publisher_of(installation)
        opened = continue_record(publisher, why)
        if opened is None:
            say("Nothing that was published is missing: the record simply goes on.")
        else:
            _say_epoch(opened, str(publisher.key.verifier(opened.checkpoint.epoch)))
    say("Now start Whose again.")


def _say_epoch(opened: Publication, verifier: str) -> None:
    say(f"Published records are missing, so epoch {opened.checkpoint.epoch} was opened. This verifies it; publish it:")
    show(verifier)


def _say_held(held: Held) -> None:
    say(
        f"{held.messages:,} messages were not done and are looked for before they are sent, as is every new one of the "
        f"next 24 hours. {held.postings:,} messages about open requests are brought up to date."
    )


def _holds(contents: Contents) -> str:
    newest = f", the newest of {zulu(contents.newest)}" if contents.newest else ""
    return f"{contents.records:,} entries of the record{newest}"

"""Keeping the ledger: ``whose ledger checkpoint``, ``keygen``, ``rotate-key`` and ``new-epoch``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.installation import json_option, with_installation
from bot.cli.output import emit, say, show

if TYPE_CHECKING:
    from bot.wiring.installation import Installation
    from storage.ledger.published import Published

_FILE = click.Path(path_type=Path, dir_okay=False)
_DEFAULT_FILE = Path("ledger.key")


@click.command("checkpoint")
@json_option
@with_installation
def checkpoint(installation: Installation, as_json: bool) -> None:
    """Sign the record as it is now, and give the checkpoint to the anchors.

    Compares with the last one first, which is kept outside of the database (WHOSE_LEDGER_STATE). Exit code 1, and
    nothing is signed, when records are missing or are not the same. A worker does this by itself: hourly, and right
    after a revoke or a change of owner.

    \b
    Example:
        whose ledger checkpoint
    """
    from bot.wiring.ledger import Keeper

    keeper = Keeper(installation)
    publication = keeper.publisher.publish()
    if publication is None:
        say("There are no records yet, so there is nothing to sign.")
        return
    report = keeper.anchor()
    if not publication.is_new:
        say("Nothing was recorded since the last checkpoint, which is this one.")
    if report.failed:
        say(f"{report.failed} of the anchors did not take it; `whose doctor` says why. They are tried again.")
    _print(publication.checkpoint, as_json)


@click.command("keygen")
@click.option("--out", type=_FILE, help="The new file. Default: WHOSE_LEDGER_KEY_FILE, or ledger.key.")
@click.option("--name", metavar="PREFIX", help="What the log's name begins with, such as ledger.example.com.")
@with_installation
def keygen(installation: Installation, out: Path | None, name: str | None) -> None:
    """Make the key that signs the record, in a file that only you can read.

    Prints the verifier key. Publish it where whoever verifies will find it without asking you. Never writes over a
    file.

    \b
    Example:
        whose ledger keygen --out /etc/whose/ledger.key --name ledger.example.com
    """
    from bot.operations.ledger_key import DEFAULT_PREFIX, new_key, write_key
    from bot.wiring.ledger import ledger_key
    from storage.ledger.log import head, log_id

    path = out or installation.settings.ledger_key_file or _DEFAULT_FILE
    with installation.database.write() as session:
        log, now_at = log_id(session), head(session)
    if name is None:
        used = ledger_key(installation.settings) if out else None
        name = used.name.rpartition("/")[0] if used else DEFAULT_PREFIX
    key = new_key(log, name)
    write_key(key, path)
    say(f"The key is in {path}. Keep a copy where the database's backups are not, and set WHOSE_LEDGER_KEY_FILE={path}")
    say("This is what verifies its signatures; publish it:")
    show(str(key.verifier(now_at.epoch if now_at else 0)))


@click.command("rotate-key")
@click.argument("new", type=_FILE)
@with_installation
def rotate(installation: Installation, new: Path) -> None:
    """Hand the record on to the key in the file NEW.

    Both keys sign the checkpoint over the change. Afterwards only the new one is taken, so set WHOSE_LEDGER_KEY_FILE
    to it and start Whose again. Prints the new verifier key.

    \b
    Example:
        whose ledger keygen --out new.key && whose ledger rotate-key new.key
    """
    from bot.operations.ledger_key import read_key
    from bot.operations.rotate_key import rotate_key
    from bot.wiring.ledger import publisher_of

    key = read_key(new)
    publication = rotate_key(publisher_of(installation), key)
    say(f"Both keys have signed. Set WHOSE_LEDGER_KEY_FILE={new}, start Whose again, and publish the new key:")
    show(str(key.verifier(publication.checkpoint.epoch)))


@click.command("new-epoch")
@click.option("--held", type=_FILE, required=True, help="The newest checkpoint there is, of the current epoch.")
@click.option("--why", metavar="TEXT", required=True, help="What happened, in your words.")
@json_option
@with_installation
def epoch(installation: Installation, held: Path, why: str, as_json: bool) -> None:
    """After records were lost for good: seal what is left and go on in a new epoch.

    Its first record cites the checkpoint that proves what was lost. The new epoch has a verifier key of another name
    (of the same key): publish it.

    \b
    Example:
        whose ledger new-epoch --held whose.db.checkpoint --why "Restored from the backup of 3 May."
    """
    from bot.errors import WhoseError
    from bot.operations.new_epoch import new_epoch
    from bot.wiring.ledger import publisher_of

    try:
        note = held.read_bytes()
    except OSError as error:
        raise WhoseError(f"{held} cannot be read: {error.strerror}. Name the newest checkpoint with --held.") from None
    publisher = publisher_of(installation)
    publication = new_epoch(publisher, note, why)
    say(f"Epoch {publication.checkpoint.epoch} is open. This verifies its signatures; publish it:")
    say(str(publisher.key.verifier(publication.checkpoint.epoch)))
    _print(publication.checkpoint, as_json)


def _print(one: Published, as_json: bool) -> None:
    if not as_json:
        show(one.note.decode())
        return
    state = {"epoch": one.epoch, "size": one.size, "root": one.root.hex(), "published_at": one.published_at}
    emit([{**state, "note": one.note.decode()}])

"""``whose ledger show`` and ``whose ledger verify``; what keeps the ledger is in ``ledger_keeping.py``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from bot.cli import ledger_keeping
from bot.cli.installation import json_option, with_installation
from bot.cli.output import emit, progress, say, show

if TYPE_CHECKING:
    from bot.wiring.installation import Installation
    from storage.ledger.log import StoredRecord


@click.group("ledger")
def ledger_command() -> None:
    """Read and verify the record of what was asked, said and done."""


for _command in (ledger_keeping.checkpoint, ledger_keeping.keygen, ledger_keeping.rotate, ledger_keeping.epoch):
    ledger_command.add_command(_command)


@ledger_command.command("show")
@click.option("--token", metavar="WORDS", help="Only the records of this token: its name or external id.")
@click.option(
    "--after", type=click.IntRange(min=-1), default=-1, metavar="N", help="Only records behind number N of the epoch."
)
@click.option("--epoch", type=click.IntRange(min=0), metavar="N", help="Only the records of one epoch.")
@json_option
@with_installation
def show_records(installation: Installation, token: str | None, after: int, epoch: int | None, as_json: bool) -> None:
    """Print the records, oldest first.

    With --json each line is a record as it was hashed, with what may still be read of its disclosures.

    \b
    Example:
        whose ledger show --token drift-prod
    """
    from storage.ledger.log import leaves

    token_id = None
    if token is not None:
        from bot.cli.lookups import the_token

        token_id = the_token(installation, token)
    with installation.database.read() as session:
        records = leaves(session, token_id=token_id, epoch=epoch, after_seq=after)
        if as_json:
            emit(_as_data(record) for record in records)
            return
        empty = True
        for record in records:
            show(_as_line(record))
            empty = False
    if empty:
        say("There are no records yet.")


@ledger_command.command("verify")
@json_option
@with_installation
def verify(installation: Installation, as_json: bool) -> None:
    """Recompute the whole record from the database and say whether it holds.

    Exit code 1 when anything in it was changed.

    \b
    Example:
        whose ledger verify
    """
    from storage.ledger.verify import verify_log

    with installation.database.read() as session, progress() as step:
        verdict = verify_log(session, lambda done, total: step("verifying", done, total))
    root = verdict.root.hex()
    if as_json:
        findings = [{"epoch": one.epoch, "seq": one.seq, "said": one.sentence} for one in verdict.findings]
        state = {"log": verdict.log, "epoch": verdict.epoch, "size": verdict.size, "root": root}
        emit([{"ok": verdict.ok, **state, "findings": findings}])
    elif verdict.ok:
        show(f"The record holds: {verdict.size} {'entry' if verdict.size == 1 else 'entries'}, root {root}.")
    else:
        show("\n".join(str(one) for one in verdict.findings))
        say("The record does not hold: somebody or something changed it.")
    sys.exit(0 if verdict.ok else 1)


def _as_data(record: StoredRecord) -> dict[str, Any]:
    return {
        "epoch": record.epoch,
        "seq": record.seq,
        "kind_name": record.kind.name.lower(),
        "leaf_hash": record.leaf_hash.hex(),
        "record": record.fields,
        "disclosures": record.disclosures,
    }


def _as_line(record: StoredRecord) -> str:
    at = f"{record.recorded_at:%Y-%m-%d %H:%M:%S}Z"
    said = [record.kind.name.lower().replace("_", " ")]
    if record.fields.get("reason"):
        said.append(str(record.fields["reason"]))
    if record.request_id is not None:
        said.append(f"request {record.request_id}")
    return f"{record.seq:>7}  {at}  {', '.join(said)}  {record.leaf_hash.hex()[:12]}"

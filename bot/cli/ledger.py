"""``whose ledger show`` and ``verify``; keeping it is in ``ledger_keeping.py``, bundles in ``ledger_bundle.py``."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli import ledger_keeping
from bot.cli.installation import DAY_OR_MOMENT, json_option, with_installation
from bot.cli.ledger_bundle import export, verify_bundle
from bot.cli.output import emit, progress, say, show

if TYPE_CHECKING:
    from bot.wiring.installation import Installation
    from storage.ledger.log import StoredRecord


_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("ledger")
def ledger_command() -> None:
    """Read and verify the record of what was asked, said and done."""


for _command in (ledger_keeping.checkpoint, ledger_keeping.keygen, ledger_keeping.rotate, ledger_keeping.epoch, export):
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
@click.argument("bundle", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--policy", type=_FILE, help="With BUNDLE: the keys you trust, in a file that is not from the bundle.")
@click.option("--held", type=_FILE, multiple=True, help="With BUNDLE: a checkpoint that you kept from earlier.")
@click.option(
    "--tsa-root", type=_FILE, multiple=True, help="With BUNDLE: certificates of time-stamping authorities, PEM."
)
@click.option("--token", default="", metavar="NAME", help="With BUNDLE: list what is recorded about a token ...")
@click.option("--at", type=DAY_OR_MOMENT, help="... by this day (its end, UTC) or moment.")
@click.option("--records-only", is_flag=True, help="With BUNDLE: leave the report and the other readings unchecked.")
@json_option
def verify(
    bundle: Path | None,
    policy: Path | None,
    held: tuple[Path, ...],
    tsa_root: tuple[Path, ...],
    token: str,
    at: tuple[datetime, bool] | None,
    records_only: bool,
    as_json: bool,
) -> None:
    """Recompute the whole record, from the database or from a BUNDLE, and say whether it holds.

    Exit code 1 when anything in it was changed, 2 when something is missing. A BUNDLE needs no database and no
    settings, only --policy: the keys that you trust, which never come from the bundle.

    \b
    Examples:
        whose ledger verify
        whose ledger verify audit-2026 --policy our-keys.txt --held kept.txt --tsa-root tsa.pem
        whose ledger verify audit-2026 --policy our-keys.txt --token drift-prod --at 2026-12-04
    """
    if bundle is None:
        if policy or held or tsa_root or token or at or records_only:
            raise click.UsageError("These options are about a bundle: whose ledger verify DIR --policy FILE …")
        _verify_database(as_json=as_json)
    else:
        sys.exit(verify_bundle(bundle, policy, held, tsa_root, token, at, as_json, records_only))


@with_installation
def _verify_database(installation: Installation, *, as_json: bool) -> None:
    from storage.ledger.verify import verify_log

    with installation.database.read() as session, progress() as step:
        # Three are enough for a million records, and keep the memory low.
        shared = min(os.cpu_count() or 1, 3)
        verdict = verify_log(session, lambda done, total: step("verifying", done, total), in_processes=shared)
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

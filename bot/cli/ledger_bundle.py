"""``whose ledger export`` and ``whose ledger verify BUNDLE``: handing the record to somebody, and checking it there."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.installation import DAY_OR_MOMENT, with_installation
from bot.cli.output import progress, say, show, zulu

if TYPE_CHECKING:
    from bot.operations.export_ledger.choose import Choice
    from bot.operations.export_ledger.write import Keys
    from bot.wiring.installation import Installation

DayOrMoment = tuple[datetime, bool]


@click.command("export")
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--all", "everything", is_flag=True, help="All records: the only bundle that shows what is not in it.")
@click.option("--token", metavar="WORDS", help="The records of one token: its name or external id.")
@click.option("--vendor", metavar="NAME", help="The records of all tokens of a vendor and of those below it.")
@click.option("--from", "start", type=DAY_OR_MOMENT, help="What was recorded from this day or moment on, UTC ...")
@click.option("--to", "end", type=DAY_OR_MOMENT, help="... to this day (its end) or moment.")
@click.option("--as-published", is_flag=True, help="Take the newest checkpoint there is instead of signing a new one.")
@with_installation
def export(
    installation: Installation,
    target: Path,
    everything: bool,
    token: str | None,
    vendor: str | None,
    start: DayOrMoment | None,
    end: DayOrMoment | None,
    as_published: bool,
) -> None:
    """Write the record, or a part of it, into the new folder DIR, for an auditor.

    The folder proves itself: whoever has it needs no database, no network and no trust in you, only your log's verifier
    key from somewhere else. A checkpoint is signed first, so that everything up to now is in it.

    \b
    Examples:
        whose ledger export audit-2026 --all
        whose ledger export drift --token drift-prod
        whose ledger export june --from 2026-06-01 --to 2026-06-30
    """
    from bot.operations.export_ledger.export import export_ledger
    from bot.wiring.ledger import publisher_of

    asked = (everything, token is not None, vendor is not None, start is not None or end is not None)
    if sum(asked) != 1:
        raise click.UsageError("Say which records: --all, --token WORDS, --vendor NAME, or --from DAY --to DAY.")
    publisher = publisher_of(installation)
    choice = _choice(installation, token, vendor, start, end)
    if not as_published:
        publisher.publish()
    with progress() as step:
        manifest = export_ledger(installation.database, target, choice, _keys(installation), step)
    records = sum(one.records for one in manifest.epochs)
    say(f"{records:,} {'record is' if records == 1 else 'records are'} in {target}; VERIFY.md there says how to check.")
    say("Whoever checks needs the log's verifier key from you by another way than this folder:")
    show(str(_keys(installation).logs[0]))


def _choice(
    installation: Installation,
    token: str | None,
    vendor: str | None,
    start: DayOrMoment | None,
    end: DayOrMoment | None,
) -> Choice:
    from bot.cli.lookups import the_token
    from bot.operations.export_ledger.choose import Choice, tokens_of
    from bot.operations.lookups.vendors import vendor_and_children
    from storage.inventory import Token

    with installation.database.read() as session:
        if token is not None:
            token_id = the_token(installation, token)
            row = session.get_one(Token, token_id)
            return Choice("token", f"{row.issuing_system}/{row.external_id}", tokens=[token_id])
        if vendor is not None:
            name, vendor_ids = vendor_and_children(session, vendor)
            return Choice("vendor", name, tokens=tokens_of(session, vendor_ids))
    if start is None and end is None:
        return Choice()
    now = installation.now()
    first = start[0] if start else datetime.min.replace(tzinfo=now.tzinfo)
    last = _after(end) if end else now
    if first >= last:
        raise click.UsageError("--from has to be before --to.")
    since = zulu(start[0]) if start else "the beginning"
    return Choice("from_to", f"{since} to {zulu(last)}", between=(first, last))


def _after(end: DayOrMoment) -> datetime:
    moment, is_day = end
    return moment + timedelta(days=1) if is_day else moment


def _keys(installation: Installation) -> Keys:
    from bot.anchors import witness_keys
    from bot.operations.export_ledger.write import Keys
    from bot.wiring.ledger import publisher_of
    from storage.ledger.log import head

    with installation.database.read() as session:
        now_at = head(session)
    key = publisher_of(installation).key
    return Keys([key.verifier(now_at.epoch if now_at else 0)], witness_keys(installation.settings.anchors))


def verify_bundle(
    folder: Path,
    policy: Path | None,
    held: tuple[Path, ...],
    tsa_roots: tuple[Path, ...],
    token: str,
    at: DayOrMoment | None,
    as_json: bool,
    records_only: bool,
) -> int:
    """Verify a bundle and print the verdict; returns the exit code. No settings and no database are looked at."""
    from bot.operations.export_ledger.readings import differing
    from storage.ledger.bundle_main import FROM_THE_BUNDLE, CannotRunError, as_json_text, brought
    from storage.ledger.bundle_verify import verify_bundle as verified

    if policy is None:
        raise click.UsageError("--policy FILE is needed: it names the keys that you trust, and no bundle can do that.")
    if policy.resolve().is_relative_to(folder.resolve()):
        raise click.UsageError(f"{policy} {FROM_THE_BUNDLE}.")
    moment = None if at is None else at[0] + (timedelta(days=1) - timedelta(milliseconds=1) if at[1] else timedelta())
    try:
        given = brought(policy, held, tsa_roots, token, moment)
    except CannotRunError as error:
        raise click.UsageError(f"{error}.") from None
    with progress() as step:
        verdict = verified(folder, given, step)
    if verdict.exit_code == 0 and not records_only:
        verdict.tampered += (f"{name} does not say what the records say." for name in differing(folder))
        if not verdict.tampered:
            verdict.proven.append("The report, the table, the events and the OSCAL file say what the records say.")
    show(as_json_text(verdict) if as_json else verdict.text())
    return verdict.exit_code

"""``whose discover``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from bot.cli.installation import json_option, with_installation
from bot.cli.output import emit, say, show

if TYPE_CHECKING:
    from bot.operations.discovery import DiscoveryReport, SystemReport
    from bot.wiring.installation import Installation

_COLUMNS = ("listed", "new", "changed", "vanished", "back")
_MOST_NAMED = 20


@click.command("discover")
@click.argument("systems", nargs=-1, metavar="[ISSUER]…")
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@click.option("--force", is_flag=True, help="Believe a list that is empty, or lacks a third of what was there.")
@json_option
@with_installation
def discover_command(
    installation: Installation, systems: tuple[str, ...], dry_run: bool, force: bool, as_json: bool
) -> int:
    """List what exists at the issuing systems, and bring the inventory up to date with it.

    Without ISSUER, every system of the issuers file that can be listed. What the inventory does not have enters it
    without an owner, and the next sweep asks about it. A list that cannot be read to its end changes nothing. A worker
    does this hourly.

    Exit code 1: a system could not be looked at, or still accepts what was removed here.

    \b
    Examples:
        whose discover --dry-run
        whose discover aws-prod
    """
    from bot.operations.discovery import discover

    issuers = installation.issuers
    report = discover(installation.context(), issuers, systems or None, dry_run=dry_run, force=force)
    if as_json:
        emit(_as_json(one) for one in report.systems)
    elif report.systems:
        show("\n".join(_table(report)))
    if not report.systems:
        say("No issuing system can be listed: see `whose issuers`, and examples/issuers.yaml.")
    for one in report.systems:
        _say_aloud(one)
    if dry_run:
        say("Nothing was written: this was a dry run.")
    return 0 if report.holds else 1


def _as_json(report: SystemReport) -> dict[str, Any]:
    return {name: value for name, value in asdict(report).items() if name != "still_usable_count" or value}


def _table(report: DiscoveryReport) -> Iterator[str]:
    width = max(len("system"), *(len(one.system) for one in report.systems))
    yield f"{'system':<{width}}" + "".join(f"  {column:>9}" for column in _COLUMNS)
    for one in report.systems:
        numbers = "".join(f"  {getattr(one, column):>9,}" for column in _COLUMNS)
        yield f"{one.system:<{width}}" + ("  could not be looked at" if one.fault else numbers)
    for one in report.systems:
        for found in one.found[:_MOST_NAMED]:
            name = f" ({found.name})" if found.name and found.name != found.external_id else ""
            what = f": {', '.join(found.fields).replace('_', ' ')}" if found.fields else ""
            yield f"  {found.what:<9} {one.system} {found.external_id}{name}{what}"
        if (more := one.new + one.changed + one.vanished + one.back - len(one.found[:_MOST_NAMED])) > 0:
            yield f"  … and {more:,} more at {one.system}"


def _say_aloud(one: SystemReport) -> None:
    """What somebody has to do something about."""
    if one.fault:
        say(f"{one.system}: {one.fault}")
    if one.still_usable_count:
        some = ", ".join(one.still_usable[:5]) + (" and others" if one.still_usable_count > 5 else "")
        say(f"{one.system} still accepts {one.still_usable_count:,} tokens that were removed here: {some}.")
    if one.left_alone:
        say(f"{one.system}: {one.left_alone:,} are being removed or rotated, and are looked at the next time.")
    if one.refused:
        say(f"{one.system}: {one.refused:,} have an id that cannot be kept, or that looks like a secret. Look there.")
    if one.repeated:
        say(f"{one.system}: {one.repeated:,} were listed more than once.")

"""``whose sweep`` and ``whose decide``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from bot.cli.installation import MOMENT, json_option, with_installation
from bot.cli.output import emit, progress, say, show

if TYPE_CHECKING:
    from bot.operations.sweep import DueToken, SweepReport
    from bot.wiring.installation import Installation


@click.command("sweep")
@click.option("--now", type=MOMENT, help="Look from this moment instead of now (ISO 8601; UTC without a zone).")
@click.option("--dry-run", is_flag=True, help="Say who would be asked; ask nobody.")
@json_option
@with_installation
def sweep_command(installation: Installation, now: datetime | None, dry_run: bool, as_json: bool) -> None:
    """Find what is due and open a request for each.

    Safe to run at any time and again: what is open stays as it is. Messages go out when a worker runs.

    \b
    Examples:
        whose sweep --dry-run
        whose sweep --now 2026-11-23T09:30 --json
    """
    from bot.operations.sweep import sweep

    ctx = installation.context(installation.now if now is None else lambda: now)
    with progress() as step:
        report = sweep(ctx, dry_run=dry_run, progress=lambda done, total: step("opening", done, total))
    if as_json:
        emit({**one._asdict(), "due_at": _zulu(one.due_at)} for one in report.due)
    else:
        _show_due(report.due)
    _say_outcome(report, dry_run=dry_run)


def _zulu(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _show_due(due: Sequence[DueToken]) -> None:
    rows = [("token", "tier", "asked", "by", "because"), *(_row(one) for one in due)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows if due else ():
        cells = [cell.ljust(size) for cell, size in zip(row, widths, strict=False)]
        show("  ".join([*cells, row[4]]))


def _row(one: DueToken) -> tuple[str, ...]:
    reasons = ", ".join(reason.replace("_", " ") for reason in one.reasons)
    return f"{one.issuing_system}/{one.external_id}", one.tier, one.reviewer, f"{one.due_at:%Y-%m-%d %H:%M}Z", reasons


def _say_outcome(report: SweepReport, *, dry_run: bool) -> None:
    if dry_run:
        say(f"{len(report.due)} due. Nothing was written: this was a dry run.")
        return
    said = [f"{len(report.due)} due", f"{report.opened} newly asked about", f"{report.already_open} open already"]
    if report.deferred:
        said.append(f"{report.deferred} left for a later day by the policy's caps")
    if report.withdrawn:
        said.append(f"{report.withdrawn} withdrawn")
    say("; ".join(said) + ".")

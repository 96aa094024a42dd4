"""``whose directory sync``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from bot.cli.installation import json_option, with_installation
from bot.cli.output import emit, say, show

if TYPE_CHECKING:
    from bot.operations.sync_directory import SyncReport
    from bot.wiring.installation import Installation


@click.group("directory")
def directory_command() -> None:
    """Agree with the chat workspace on who is there and who has left."""


@directory_command.command("sync")
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@click.option("--allow-mass-leave", is_flag=True, help="Believe it even if a large part of everybody has left.")
@json_option
@with_installation
def sync(installation: Installation, dry_run: bool, allow_mass_leave: bool, as_json: bool) -> None:
    """Read every account of the workspace, and change what differs.

    Accounts are tied to the people of the inventory by their address; whoever's only account is closed has left. What
    was asked of them goes to whoever comes after them, and their tokens are asked about. A worker does this hourly.

    \b
    Examples:
        whose directory sync --dry-run
        whose directory sync --allow-mass-leave
    """
    from bot.operations.follow_leavers import sync_and_follow
    from bot.operations.sync_directory import sync_directory
    from bot.wiring.directory import directory_of

    ctx, port = installation.context(), directory_of(installation)
    if dry_run:
        report = sync_directory(ctx, port, allow_mass_leave=allow_mass_leave, dry_run=True)
    else:
        report = sync_and_follow(ctx, port, allow_mass_leave=allow_mass_leave)
    if as_json:
        emit([asdict(report)])
    else:
        _show(report)
    if dry_run:
        say("Nothing was written: this was a dry run.")


def _show(report: SyncReport) -> None:
    numbers = (
        ("accounts", report.accounts, "of people, closed ones included"),
        ("matched", report.matched, "people of the inventory who have one"),
        ("linked", report.linked, "tied to a person for the first time, or to another one than before"),
        ("unmatched", report.unmatched, "live, and of nobody in the inventory"),
        ("missing", report.missing, "known from before and not named now; nothing is concluded from that"),
    )
    for name, number, meaning in numbers:
        show(f"{name:<10} {number:>7,}  {meaning}")
    _list("left", report.left)
    _list("live again", report.live_again, "Whether they are back is for the people file to say: import it.")


def _list(title: str, addresses: Sequence[str], hint: str = "") -> None:
    if addresses:
        show(f"{title:<10} {len(addresses):>7,}  {', '.join(addresses)}")
    if addresses and hint:
        say(hint)

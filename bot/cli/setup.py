"""``whose migrate`` and ``whose doctor``."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from bot.cli.installation import json_option, settings_for_a_command
from bot.cli.output import emit, say, show

_MARKS = {"ok": "ok   ", "look": "look ", "wrong": "WRONG"}


@click.command("migrate")
def migrate_command() -> None:
    """Bring the database up to this release.

    One transaction: either all of it is done or nothing. Safe to run again, and from two machines at once.

    \b
    Example:
        DATABASE_URL=postgresql://whose@db/whose whose migrate
    """
    from bot.wiring.installation import migrate

    settings = settings_for_a_command()
    before, after = migrate(settings)
    if before == after:
        say(f"{settings.database_shown} is at revision {after} already.")
    else:
        say(f"{settings.database_shown}: {before or 'empty'} -> {after}.")


@click.command("doctor")
@json_option
def doctor_command(as_json: bool) -> None:
    """See whether everything is in order, and what to do where it is not.

    Looks at the settings, the database and its tables, the policy, the people, Slack's token, scopes and clock, and at
    our credential and permissions at every issuing system; nobody's token is touched.
    Exit code 1 when something is wrong.

    \b
    Example:
        whose doctor
    """
    from bot.clock import SystemClock
    from bot.wiring.health import examine

    findings = examine(settings_for_a_command(), SystemClock().now)
    if as_json:
        emit(asdict(one) for one in findings)
    else:
        for one in findings:
            show(f"{_MARKS[one.level]}  {one.name}: {one.said}" + (f"\n       {one.advice}" if one.advice else ""))
    sys.exit(1 if any(one.level == "wrong" for one in findings) else 0)

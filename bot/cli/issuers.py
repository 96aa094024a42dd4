"""``whose issuers``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from bot.cli.installation import json_option, settings_for_a_command
from bot.cli.output import emit, say, show

if TYPE_CHECKING:
    from bot.wiring.issuers import Line


@click.command("issuers")
@json_option
def issuers_command(as_json: bool) -> None:
    """Show the issuing systems, and what can be done at each.

    First the systems of the issuers file (WHOSE_ISSUERS), then every kind of connector that is installed. What is not
    listed for a system is done by a person there. `whose doctor` looks whether our credentials work.

    \b
    Example:
        whose issuers
    """
    from bot.clock import SystemClock
    from bot.wiring.issuers import issuers_of, kind_lines, system_lines

    with issuers_of(settings_for_a_command(), SystemClock().now) as issuers:
        systems, kinds = system_lines(issuers), kind_lines()
    if as_json:
        emit(one.as_json() for one in (*systems, *kinds))
        return
    if systems:
        show(_table("Issuing systems", systems))
    else:
        say("No issuing system is set up: name an issuers file in WHOSE_ISSUERS (see examples/issuers.yaml).")
    show(_table("Kinds of connector", kinds))


def _table(title: str, lines: Iterable[Line]) -> str:
    found = list(lines)
    names = max((len(one.name) for one in found), default=0)
    kinds = max((len(one.kind) for one in found), default=0)
    rows = [f"  {one.name:<{names}}  {one.kind:<{kinds}}  {one.trouble or ', '.join(one.can)}" for one in found]
    return "\n".join([title, *(row.rstrip() for row in rows), ""])

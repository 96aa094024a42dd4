"""``whose person away``, ``back`` and ``erase``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from bot.cli.installation import DAY_OR_MOMENT, with_installation
from bot.cli.output import say, show

if TYPE_CHECKING:
    from bot.operations.erase_person import Plan
    from bot.wiring.installation import Installation


@click.group("person")
def person_command() -> None:
    """Look after what is kept about people."""


@person_command.command("erase")
@click.argument("who", metavar="EMAIL")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also while they own tokens or are being asked.")
@with_installation
def erase(installation: Installation, who: str, yes: bool, force: bool) -> None:
    """Erase what is kept about a person in words: name, address, accounts, reasons they gave.

    The record stands, under a pseudonym that leads nowhere any more, and every checkpoint of it still verifies. EMAIL
    may also be that pseudonym. Messages in chat, backups and copies given out are not reached.

    \b
    Example:
        whose person erase ana@example.com
    """
    from bot.operations.erase_person import erase_person, plan_erasure

    plan = plan_erasure(installation.database, who)
    if plan.done:
        say(f"Nothing of {plan.ref} is left to erase.")
        return
    if not yes:
        click.confirm(f"Erase {plan.shown}? {_what(plan)} This cannot be undone.", abort=True, err=True)
    plan = erase_person(installation.database, installation.now, who, force=force)
    show(f"Erased, and recorded as {plan.ref}: {_what(plan)}")
    if plan.mentions:
        numbers = ", ".join(str(seq) if not epoch else f"{seq} of epoch {epoch}" for epoch, seq in plan.mentions[:20])
        say(f"Others wrote of them in records {numbers}. Those words are theirs and stay.")


@person_command.command("away")
@click.argument("who", metavar="EMAIL")
@click.option("--until", type=DAY_OR_MOMENT, required=True, help="The day they are back (theirs), or a moment.")
@click.option("--delegate", metavar="EMAIL", required=True, help="Who stands in for them.")
@with_installation
def away(installation: Installation, who: str, until: tuple[datetime, bool], delegate: str) -> None:
    """Note that somebody is away, and who stands in for them.

    What is asked of them is asked of whoever stands in, also what is open by now; that one decides in their name, and
    it is recorded so. Where the stand-in is away too, their own stand-in is asked.

    \b
    Example:
        whose person away ana@example.com --until 2027-01-11 --delegate ben@example.com
    """
    from bot.operations.absence import go_away

    moment, whole_day = until
    noted = go_away(installation.context(), who, moment, whole_day=whole_day, delegate=delegate)
    assert noted.until is not None
    show(f"{noted.name} is away until {noted.until:%Y-%m-%d %H:%M} UTC.")
    if noted.asked_instead:
        say(f"{noted.asked_instead} is asked in their place; what is open moves at the worker's next turn.")
    else:
        say("Nobody can be asked in their place now (the stand-in is away too, or has no account): the ladders go on.")


@person_command.command("back")
@click.argument("who", metavar="EMAIL")
@with_installation
def back(installation: Installation, who: str) -> None:
    """Note that somebody is back.

    What is asked from now on is theirs again; what is open stays with whoever has it.

    \b
    Example:
        whose person back ana@example.com
    """
    from bot.operations.absence import come_back

    show(f"{come_back(installation.context(), who).name} is back.")


def _what(plan: Plan) -> str:
    texts = "1 text" if plan.disclosures == 1 else f"{plan.disclosures} texts"
    accounts = "1 chat account" if plan.accounts == 1 else f"{plan.accounts} chat accounts"
    return f"{texts} beside the record, the entry in the directory, {accounts}."

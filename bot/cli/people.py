"""``whose person erase``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bot.cli.installation import with_installation
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


def _what(plan: Plan) -> str:
    texts = "1 text" if plan.disclosures == 1 else f"{plan.disclosures} texts"
    accounts = "1 chat account" if plan.accounts == 1 else f"{plan.accounts} chat accounts"
    return f"{texts} beside the record, the entry in the directory, {accounts}."

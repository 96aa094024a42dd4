"""``whose outbox``: what could not be delivered, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bot.cli.installation import json_option, with_installation
from bot.cli.output import emit, say, show, zulu

if TYPE_CHECKING:
    from bot.wiring.installation import Installation
    from storage.outbox_letters import Letter

_STATES = ("dead", "pending", "sending", "unknown", "sent", "cancelled")
_ids = click.argument("ids", metavar="ID...", nargs=-1, type=click.IntRange(1))


@click.group("outbox")
def outbox_command() -> None:
    """Look after messages that could not be delivered."""


@outbox_command.command("list")
@click.option("--state", type=click.Choice(_STATES), default="dead", show_default=True, help="Which messages.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The most to show.")
@json_option
@with_installation
def list_letters(installation: Installation, state: str, limit: int, as_json: bool) -> None:
    """List messages, newest first; by default those that were given up.

    Each says why, and what follows: the next person is asked, somebody has to mend something, or the message cannot be
    sent as it is.

    \b
    Examples:
        whose outbox list
        whose outbox list --state pending --json
    """
    from bot.operations.outbox_keeping import list_outbox

    found = list_outbox(installation.database, state, limit)
    if as_json:
        emit(_as_data(one) for one in found.letters)
        return
    for letter in found.letters:
        _show(letter)
    if not found.total:
        say("Nothing was given up." if state == "dead" else f"No message is {state}.")
    elif found.total > len(found.letters):
        say(f"These are the newest {len(found.letters):,} of {found.total:,}; --limit shows more.")


@outbox_command.command("retry")
@_ids
@click.option("--all", "all_", is_flag=True, help="All that wait for somebody.")
@with_installation
def retry_letters(installation: Installation, ids: tuple[int, ...], all_: bool) -> None:
    """Have messages that were given up sent again, once what kept them is mended.

    What may have arrived is never sent again: it is looked for first. Recorded. Exit code 1, and nothing is changed,
    when one of them was not given up.

    \b
    Examples:
        whose outbox retry 41 42
        whose outbox retry --all
    """
    from bot.operations.outbox_keeping import retry

    if bool(ids) == all_:
        raise click.UsageError("Name the messages by their numbers, or give --all.")
    done = retry(installation.database, installation.now, None if all_ else ids)
    if done.again:
        show(f"To be sent again, when a worker runs: {_numbers(done.again)}")
    if done.looked_for:
        show(f"May have arrived, and are looked for first: {_numbers(done.looked_for)}")
    if not (done.again or done.looked_for):
        say("No message waits for anybody.")


@outbox_command.command("drop")
@_ids
@click.option("--why", metavar="TEXT", required=True, help="The reason; it stands beside the record.")
@with_installation
def drop_letters(installation: Installation, ids: tuple[int, ...], why: str) -> None:
    """Leave messages that were given up unsent for good.

    Recorded with the reason. What they were about is still asked: the ladder goes on without them.

    \b
    Example:
        whose outbox drop 41 --why "The channel is gone; the team was told in person."
    """
    from bot.operations.outbox_keeping import drop

    if not ids:
        raise click.UsageError("Name the messages by their numbers.")
    show(f"Left unsent: {_numbers(drop(installation.database, installation.now, ids, why))}")


def _numbers(numbers: Any) -> str:
    shown = ", ".join(str(number) for number in numbers[:20])
    return shown if len(numbers) <= 20 else f"{shown} and {len(numbers) - 20:,} more"


def _as_data(letter: Letter) -> dict[str, Any]:
    from bot.operations.outbox_keeping import what_follows

    data = letter._asdict()
    data["consequence"] = what_follows(letter).value if letter.state == "dead" else None
    return data


def _show(letter: Letter) -> None:
    from bot.operations.outbox_keeping import what_follows
    from messages.wording import delivering

    what = letter.card if letter.action == "post" else f"{letter.card} (change)"
    at = zulu((letter.done_at or letter.not_before).replace(microsecond=0))
    show(f"{letter.id:>6}  {at}  {letter.state}  {what} -> {letter.to or 'nobody'}")
    if letter.state == "dead":
        follows = what_follows(letter)
        show(f"        {letter.error}: {delivering.reason(letter.error)}; {delivering.consequence(follows)}.")
        show(f"        {delivering.advice(letter.error, follows)}")
    elif letter.error:
        show(f"        {letter.error}")

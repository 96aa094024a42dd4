"""``whose grant``: access for an emergency, for a short while, agreed to by a second person."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import click

from bot.cli.installation import MOMENT, json_option, with_installation
from bot.cli.output import draw, emit, say, show

if TYPE_CHECKING:
    from bot.wiring.installation import Installation


class LengthType(click.ParamType[timedelta]):
    """A length of time as a person writes it: ``90m``, ``8h``, ``1d``."""

    name = "length"
    _units: ClassVar = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        written = str(value).strip().lower()
        number, unit = written[:-1].strip(), written[-1:]
        if not (number.isascii() and number.isdigit()) or unit not in self._units or len(number) > 5:
            self.fail(f"{value!r} is not a length of time; write it as 90m, 8h or 1d.", param, ctx)
        return int(number) * self._units[unit]


@click.command("grant")
@click.argument("token", nargs=-1, required=True)
@click.option("--to", "person", metavar="EMAIL", required=True, help="Who may use it.")
@click.option("--reason", metavar="TEXT", required=True, help="What the emergency is. Never a secret.")
@click.option("--for", "lasts", type=LengthType(), help="For how long, such as 90m or 4h, from when it begins.")
@click.option("--until", type=MOMENT, help="Until when (ISO 8601; UTC without a zone).")
@click.option("--by", "requester", metavar="EMAIL", required=True, help="Who asks for it.")
@click.option("--approved-by", "approver", metavar="EMAIL", help="Who has agreed: neither who asks nor who gets it.")
@click.option("--urgent", is_flag=True, help="Begin at once; the agreement is asked for afterwards, and told loudly.")
@json_option
@with_installation
def grant_command(
    installation: Installation,
    token: tuple[str, ...],
    person: str,
    reason: str,
    lasts: timedelta | None,
    until: datetime | None,
    requester: str,
    approver: str | None,
    urgent: bool,
    as_json: bool,
) -> None:
    """Let somebody use TOKEN in an emergency, for a short while.

    It begins when somebody agrees in chat who neither asks for it nor gets it, ends by itself, and is looked at on the
    next working day. It is an entry in the record: nobody is given the secret by it. Exit code 1 when it is refused.

    \b
    Examples:
        whose grant drift-prod --to ben@example.com --for 4h --by ana@example.com --reason "the sync is down"
        whose grant drift-prod --to ben@example.com --for 1h --by ana@example.com --reason "..." --urgent
    """
    from bot.cli.lookups import the_token
    from bot.operations.emergency.granting import Wanted, ask_for_access
    from bot.operations.named import person_named
    from messages.cards.facts import Refusal
    from messages.cards.refusal import refusal

    if (lasts is None) == (until is None):
        raise click.UsageError("Say either for how long (--for 4h) or until when (--until 2026-11-23T18:00).")
    token_id = the_token(installation, " ".join(token))
    with installation.database.read() as session:
        person_id, requester_id = person_named(session, person), person_named(session, requester)
        approver_id = person_named(session, approver) if approver else None
    wanted = Wanted(token_id, person_id, reason, requester_id, lasts, until, approver_id, urgent)
    answer = ask_for_access(installation.context(), wanted)
    if isinstance(answer, Refusal):
        if as_json:
            emit([{"refused": asdict(answer)}])
        else:
            draw(refusal(answer))
        sys.exit(1)
    if as_json:
        emit([asdict(answer)])
        return
    from messages.wording import emergency

    show(emergency.recorded(answer.outcome, answer.person, answer.token_name, answer.ends_at, "UTC"))
    say(emergency.NO_SECRET)

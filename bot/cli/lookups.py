"""``whose token``, ``who`` and ``history``: what ``/whose`` answers in chat, at the command line."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.installation import DAY_OR_MOMENT, json_option, with_installation
from bot.cli.output import draw, emit, say
from bot.errors import NotFoundError

if TYPE_CHECKING:
    from bot.operations.look_up import Found
    from bot.wiring.installation import Installation
    from messages.cards.facts import Story, TokenFacts

_words = click.argument("words", nargs=-1, required=True)


class SeveralError(NotFoundError):
    """More than one token fits; the text names them."""


@click.command("token")
@_words
@json_option
@with_installation
def token_command(installation: Installation, words: tuple[str, ...], as_json: bool) -> None:
    """Show a token, found by any part of its name or id.

    With what is being asked about it. Exit code 1 when none is found.

    \b
    Example:
        whose token drift-prod
    """
    from messages.cards.found import none, several, token_card

    found = _find(installation, " ".join(words))
    if as_json:
        emit(asdict(one) for one in found.tokens)
    elif found.only:
        draw(token_card(found.only, found.request, found.zone))
    elif found.tokens:
        draw(several(found.typed, found.tokens, found.more, found.zone))
    else:
        draw(none(found.typed, found.nearest))
    sys.exit(0 if found.tokens else 1)


@click.command("history")
@_words
@json_option
@with_installation
def history_command(installation: Installation, words: tuple[str, ...], as_json: bool) -> None:
    """Show everything that is recorded about a token, oldest first.

    \b
    Example:
        whose history drift-prod
    """
    from bot.operations.look_up import EVERYTHING, history
    from messages.cards.facts import Refusal
    from messages.cards.history import history as card

    token_id = the_token(installation, " ".join(words))
    with installation.database.read() as session:
        found = history(session, installation.context(), EVERYTHING, token_id)
    assert not isinstance(found, Refusal), "whoever sees everything sees this"
    if as_json:
        emit(asdict(line) for line in found.lines)
    else:
        draw(card(found.token, found.lines, zone=found.zone))


@click.command("who")
@_words
@click.option("--on", type=DAY_OR_MOMENT, help="A day (its end, UTC) or a moment, ISO 8601; now if left out.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the answer as a page, with the timeline drawn: for the screen and for paper.",
)
@json_option
@with_installation
def who_command(
    installation: Installation,
    words: tuple[str, ...],
    on: tuple[datetime, bool] | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Show who was accountable for a token on a day.

    And what they had been asked by then, what they said, who could have removed the access, and what proves it.
    What was written down only later stands apart.

    \b
    Examples:
        whose who drift-prod --on 2026-12-04
        whose who drift-prod on 2026-12-04 --html drift-prod.html
    """
    from bot.operations.look_up import EVERYTHING, who_story
    from messages.cards.facts import Refusal
    from messages.cards.who import who as card

    if on is None and len(words) > 2 and words[-2].lower() == "on":
        words, on = words[:-2], DAY_OR_MOMENT.convert(words[-1], None, None)
    token_id = the_token(installation, " ".join(words))
    now = installation.now()
    with installation.database.read() as session:
        found = who_story(session, installation.context(lambda: now), EVERYTHING, token_id, _moment(on, now))
    if isinstance(found, Refusal):
        raise click.UsageError(found.detail)
    if page is not None:
        _write_page(found, page)
    if as_json:
        emit([asdict(found.answer)])
    elif page is None:
        draw(card(found.answer))


def _write_page(story: Story, file: Path) -> None:
    from messages.pages.who_page import who_page

    try:
        file.write_text(who_page(story), encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}. Name another file.") from None
    say(f"Written to {file}. It loads nothing and can be printed.")


def the_token(installation: Installation, words: str) -> int:
    """The id of the one token that is meant.

    Raises:
        NotFoundError: none fits, or several do; the text names those near.
    """
    found = _find(installation, words)
    exact = [one for one in found.tokens if _is_called(one, words)]
    if found.only or len(exact) == 1:
        return (found.only or exact[0]).token_id
    if found.tokens:
        names = "\n".join(f"  {one.issuing_system}/{one.external_id}  {one.name}" for one in found.tokens)
        more = f"\n  ... and {found.more} more" if found.more else ""
        raise SeveralError(f"Several tokens fit {words!r}. Name one of them by its id:\n{names}{more}")
    near = f" The nearest names are: {', '.join(found.nearest)}." if found.nearest else ""
    raise NotFoundError(f"No token fits {words!r}.{near}")


def _is_called(token: TokenFacts, words: str) -> bool:
    names = (token.external_id, token.name, f"{token.issuing_system}/{token.external_id}")
    return words.casefold() in [name.casefold() for name in names]


def _find(installation: Installation, words: str) -> Found:
    from bot.operations.look_up import EVERYTHING, find

    ctx = installation.context()
    with installation.database.read() as session:
        found = find(session, ctx, EVERYTHING, words)
        if not found.tokens and "/" in words:
            # ``issuing_system/external_id``, as the other commands print it.
            found = find(session, ctx, EVERYTHING, words.partition("/")[2])
        return found


def _moment(on: tuple[datetime, bool] | None, now: datetime) -> datetime:
    """The moment meant; a whole day means its end, as far as that has come."""
    if on is None:
        return now
    moment, is_day = on
    end = moment + timedelta(days=1) - timedelta(milliseconds=1)
    return min(end, now) if is_day and moment <= now else moment

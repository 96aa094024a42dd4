"""What most commands start with: the settings and the installation they describe.

What takes long to load is imported where it is used, so that ``--help`` answers at once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from bot.cli.output import say

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.wiring.installation import Installation

P = ParamSpec("P")
R = TypeVar("R")


def settings_for_a_command() -> Settings:
    """The settings, with log lines as plain text for somebody at a terminal: warnings and worse."""
    from bot.logs import configure_logging
    from bot.settings import load_settings

    settings = load_settings()
    level = settings.log_level if settings.log_level == "debug" else "warning"
    configure_logging(level, secrets=settings.secrets(), as_json=False)
    return settings


def with_installation(command: Callable[Concatenate[Installation, P], R]) -> Callable[P, R]:
    """Give a command the opened installation as its first argument, and close it afterwards."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        from bot.clock import SystemClock
        from bot.wiring.installation import open_installation

        installation = open_installation(settings_for_a_command(), SystemClock().now, say)
        try:
            return command(installation, *args, **kwargs)
        finally:
            installation.database.close()

    return wrapped


json_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--json", "as_json", is_flag=True, help="Print data, one JSON object a line, for other programs."
)


class MomentType(click.ParamType[datetime]):
    """A moment as a person writes it: ISO 8601; without a zone it is UTC; a bare date is its first moment."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(f"{value!r} is not a moment; write it as 2026-11-23 or 2026-11-23T09:30+01:00.", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class DayOrMomentType(click.ParamType[tuple[datetime, bool]]):
    """A moment, and whether only its day was given."""

    name = "day or moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[datetime, bool]:
        if isinstance(value, tuple):
            return value
        return MOMENT.convert(value, param, ctx), "T" not in str(value).upper() and ":" not in str(value)


MOMENT = MomentType()
DAY_OR_MOMENT = DayOrMomentType()

"""The command line: one thin command a verb. Everything it does is in ``bot/operations``.

Exit codes: 0 done, 1 what was checked does not hold, 2 it could not run.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from bot.errors import WhoseError

CANNOT_RUN = 2

#: The module of each command, in the order in which somebody new meets them.
SECTIONS: dict[str, dict[str, str]] = {
    "Try it": {"demo": "serve"},
    "Run it": {
        "up": "serve",
        "web": "serve",
        "worker": "serve",
        "migrate": "setup",
        "doctor": "setup",
        "outbox": "outbox",
        "backup": "backup",
        "restore": "backup",
        "restored": "backup",
    },
    "The inventory": {
        "import": "inventory",
        "directory": "directory",
        "token": "lookups",
        "vendor": "vendors",
        "retire": "vendors",
        "person": "people",
        "issuers": "issuers",
        "discover": "discover",
    },
    "Asking and deciding": {
        "policy": "policy",
        "plan": "planning",
        "sweep": "asking",
        "decide": "asking",
        "grant": "grant",
    },
    "The record": {"who": "lookups", "history": "lookups", "ledger": "ledger"},
}
_MODULES = {name: module for section in SECTIONS.values() for name, module in section.items()}


class Commands(click.Group):
    """Loads a command when it is asked for, and turns every failure into a sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _MODULES:
            return None
        module = importlib.import_module(f"bot.cli.{_MODULES[cmd_name]}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in SECTIONS.items():
            rows = [(name, found.get_short_help_str(70)) for name in names if (found := self.get_command(ctx, name))]
            with formatter.section(title):
                formatter.write_dl(rows)

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """As click's, with our exit codes and sentences; always ends in ``SystemExit``."""
        debug = "--debug" in (sys.argv[1:] if args is None else args)
        options["standalone_mode"] = False
        try:
            result = super().main(args, *more, **options)
            sys.exit(result if isinstance(result, int) else 0)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - said in one sentence, with an exit code
            if debug and not isinstance(error, click.ClickException | click.exceptions.Exit):
                traceback.print_exc()
            sys.exit(_explain(error))


def _explain(error: BaseException) -> int:
    """Say on stderr what went wrong, and give the exit code."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.Abort() | KeyboardInterrupt():
            click.echo("Stopped.", err=True)
            return 130
        case click.ClickException():
            error.show()
            return CANNOT_RUN
        case WhoseError():
            click.echo(str(error), err=True)
            return error.exit_code
        case BrokenPipeError():
            _swallow_the_rest()
            return 0
        case _:
            click.echo(_database_trouble(error) or _unforeseen(error), err=True)
            return CANNOT_RUN


def _database_trouble(error: BaseException) -> str:
    """The driver's own first line, never the statement, whose values may be personal; empty where it is none of its."""
    if "sqlalchemy" not in sys.modules:  # so that --help need not load it
        return ""
    from sqlalchemy.exc import DBAPIError

    if not isinstance(error, DBAPIError):
        return ""
    said = str(error.orig).strip().splitlines()
    return f"The database refused: {said[0] if said else type(error).__name__}. `whose doctor` looks what is wrong."


def _unforeseen(error: BaseException) -> str:
    return (
        f"Something went wrong that Whose did not foresee ({type(error).__name__}). "
        "Run the command again with --debug to see where."
    )


def _swallow_the_rest() -> None:
    """Whoever read our output has gone (``whose … | head``): that is no fault, and nothing more is to be said."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.version_option(package_name="whose", message="whose %(version)s")
def whose(debug: bool) -> None:
    """Whose token is this, and do they still stand behind it?

    Settings come from the environment and from .env (see .env.example). To look around, start with

        whose demo
    """


def main() -> None:
    """The console script."""
    whose.main(prog_name="whose")

"""``whose demo``, ``up``, ``web`` and ``worker``: the commands that stay until they are stopped."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.installation import settings_for_a_command
from bot.cli.output import progress, say, show

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.wiring.installation import Installation

_host = click.option("--host", metavar="ADDRESS", help="Where to listen; WHOSE_HOST, else 127.0.0.1.")
_port = click.option("--port", type=click.IntRange(0, 65535), help="The port; PORT, else 8000. 0 takes a free one.")


@click.command("demo")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="The page's port; 0: any.")
@click.option("--keep", is_flag=True, help="Keep the database, .demo/whose.db, for a look afterwards.")
@click.option("--no-browser", is_flag=True, help="Do not open the page; only say where it is.")
@click.option(
    "--issuers",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Speak to the issuing systems of this file, for real. Without it none is spoken to.",
)
def demo_command(files: tuple[Path, ...], port: int, keep: bool, no_browser: bool, issuers: Path | None) -> None:
    """Play the whole thing on this machine, in the browser.

    Starts the bot and a Slack-compatible workspace with an example inventory, or with your own FILES. Nothing leaves
    this machine, unless you name --issuers. Be anybody, answer what Whose asks, push the clock, and look at the record.

    \b
    Examples:
        whose demo
        whose demo my-people.csv my-tokens.csv
    """
    from bot.cli.inventory import report_lines
    from bot.demo import ImportRefusedError, run_demo, script_for

    settings = settings_for_a_command()
    script = script_for(files, settings, issuers)
    try:
        run_demo(
            script,
            settings,
            folder=Path(".demo"),
            port=port,
            keep=keep,
            open_browser=not no_browser,
            announce=say,
            progress=progress,
        )
    except ImportRefusedError as error:
        for line in report_lines(error.report):
            show(line)
        raise


@click.command("up")
@_host
@_port
def up_command(host: str | None, port: int | None) -> None:
    """Run web and worker in one process: all that one machine needs.

    \b
    Example:
        whose up --port 8000
    """
    _serve(host, port, with_worker=True, purpose="whose up")


@click.command("web")
@_host
@_port
def web_command(host: str | None, port: int | None) -> None:
    """Answer what people click and type.

    Serves /slack/events, /healthz and /readyz. With SLACK_APP_TOKEN, Slack is spoken to over Socket Mode instead. On
    PostgreSQL any number of these may run.

    \b
    Example:
        whose web --host 0.0.0.0 --port 8000
    """
    _serve(host, port, with_worker=False, purpose="whose web")


@click.command("worker")
def worker_command() -> None:
    """Look for what is due, climb ladders and deliver messages.

    On PostgreSQL any number of these may run.

    \b
    Example:
        whose worker
    """
    from bot.processes import run_worker

    installation = _installation(_settings())
    try:
        with _alone(installation, "whose worker"):
            run_worker(installation, say)
    finally:
        installation.database.close()


def _serve(host: str | None, port: int | None, *, with_worker: bool, purpose: str) -> None:
    from bot.processes import listen, run_web

    settings = _settings()
    installation = _installation(settings)
    try:
        with _alone(installation, purpose):
            listener = listen(host or settings.host, settings.port if port is None else port)
            run_web(installation, listener, with_worker=with_worker, announce=say)
    finally:
        installation.database.close()


def _settings() -> Settings:
    from bot.logs import configure_logging
    from bot.settings import load_settings

    settings = load_settings()
    configure_logging(settings.log_level, secrets=settings.secrets())
    return settings


def _installation(settings: Settings) -> Installation:
    from bot.clock import SystemClock
    from bot.wiring.installation import open_installation

    return open_installation(settings, SystemClock().now, say)


def _alone(installation: Installation, purpose: str) -> AbstractContextManager[None]:
    """On SQLite, one process at a time."""
    from bot.single_writer import single_writer

    file = installation.database.url.database
    if installation.database.is_sqlite and file is not None:
        return single_writer(Path(file), purpose)
    return nullcontext()

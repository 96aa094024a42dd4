"""``whose demo``: the whole thing on this machine, with a Slack-compatible workspace in the browser.

The bot is the very one that talks to Slack. It has its own port, gets signed requests over HTTP and answers through
``SLACK_API_URL``; nothing in it knows that the workspace is ours. Only the clock can be pushed.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bot.clock import AdjustableClock, Clockwork, Job, SystemClock
from bot.demo.stage import account_of, build_workspace, suggestions
from bot.demo.time_machine import TimeMachine
from bot.errors import WhoseError
from bot.operations.import_inventory import import_inventory
from bot.operations.import_inventory.report import ImportReport, Progress
from bot.processes import Server, address, in_turn, listen, serving, told_to_stop, working
from bot.sandbox.app import create_app
from bot.sandbox.delivery import Delivery
from bot.sandbox.workspace import Workspace
from bot.settings import Settings, can_show_a_browser
from bot.single_writer import single_writer
from bot.web import create_web_app
from bot.wiring.health import examine_storage
from bot.wiring.installation import Installation, open_installation
from bot.wiring.slack import Worker, slack_edge, slack_worker

#: When the example inventory is at its most interesting: a Monday morning.
EXAMPLES_START: Final = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
_LOOPBACK: Final = "127.0.0.1"
_PORTS_TO_TRY: Final = 20


@dataclass(frozen=True)
class Script:
    """What is played: with which files, under which policy, from when on."""

    files: Sequence[Path]
    policy: Path | None
    start: datetime
    team: str
    """What the workspace is called."""
    issuers: Path | None = None
    """Which issuing systems are spoken to, for real; None: none, whatever the settings name."""


class ImportRefusedError(WhoseError):
    """The inventory has rows that cannot be used."""

    exit_code = 1

    def __init__(self, report: ImportReport) -> None:
        super().__init__("Nothing was imported: mend the rows named above and start again.")
        self.report = report


def script_for(files: Sequence[Path], settings: Settings, issuers: Path | None = None) -> Script:
    """The files named, from now on; without any, the examples that ship, from a Monday morning on.

    Issuing systems are spoken to only where ``issuers`` names a file: whoever plays is anybody, so that what the
    settings name for the real bot is out of reach.

    Raises:
        WhoseError: no files are named and the examples are not installed.
    """
    if files:
        return Script(files, settings.policy_path, SystemClock().now(), "Your Company", issuers)
    folder = next((one for one in _example_folders() if (one / "tokens.csv").is_file()), None)
    if folder is None:
        raise WhoseError("The examples are not installed here. Name files of your own: `whose demo tokens.csv`.")
    policy = folder / "policy.yaml"
    found = [folder / name for name in ("people.csv", "vendors.csv", "tokens.csv") if (folder / name).is_file()]
    chosen = settings.policy_path or (policy if policy.is_file() else None)
    return Script(found, chosen, EXAMPLES_START, "Example Company", issuers)


def _example_folders() -> list[Path]:
    """Beside the packages in a checkout; under the prefix where a wheel was installed."""
    return [Path(__file__).parents[2] / "examples", Path(sys.prefix) / "share" / "whose" / "examples"]


def run_demo(
    script: Script,
    settings: Settings,
    *,
    folder: Path,
    port: int,
    keep: bool,
    open_browser: bool,
    announce: Callable[[str], None],
    progress: Callable[[], AbstractContextManager[Progress]],
) -> None:
    """Play until Ctrl-C.

    Args:
        folder: where the database is; made if need be. It is new at each start and removed at the end, unless ``keep``.
        port: where the workspace is shown; a taken one is passed over for the next.
        progress: shows how far the import is.

    Raises:
        ImportRefusedError: the inventory has mistakes.
        WhoseError: something else keeps it from starting; the text says what to do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "whose.db"
    clock = AdjustableClock(script.start)
    demo_settings = Settings(
        database_url=SecretStr(f"sqlite:///{path}"),
        slack_bot_token=SecretStr(f"xoxb-demo-{secrets.token_hex(16)}"),
        slack_signing_secret=SecretStr(secrets.token_hex(16)),
        policy_path=script.policy,
        issuers_path=script.issuers,
        log_level=settings.log_level,
    )
    with ExitStack() as stack:
        stack.enter_context(single_writer(path, "whose demo"))
        _remove(path)
        if not keep:
            stack.callback(_remove, path)
        installation = open_installation(demo_settings, clock.now, lambda _said: None)
        stack.callback(installation.database.close)
        stack.callback(installation.issuers.close)
        with progress() as step:
            _import(installation, script, step)
        demo = _Demo(installation, clock, script.team, port, open_browser, announce)
        asyncio.run(demo.play())
    if keep:
        announce(f"The database is kept. Look into it with DATABASE_URL=sqlite:///{path} whose ledger verify")


def _import(installation: Installation, script: Script, progress: Progress) -> None:
    now = installation.now
    report = import_inventory(installation.database, script.files, now=now(), clock=now, progress=progress)
    if not report.ok:
        raise ImportRefusedError(report)


def _remove(path: Path) -> None:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)


class _Demo:
    """Three servers in one loop: Slack's Web API, the bot, and the page in which people see the workspace."""

    def __init__(
        self,
        installation: Installation,
        clock: AdjustableClock,
        team: str,
        port: int,
        open_browser: bool,
        announce: Callable[[str], None],
    ) -> None:
        self.installation = installation
        self.clock = clock
        self.team = team
        self.port = port
        self.open_browser = open_browser
        self.announce = announce

    async def play(self) -> None:
        """Serve until told to stop."""
        stopped = told_to_stop()
        page_listener = _listen_near(self.port, self.announce)
        api_listener, bot_listener = listen(_LOOPBACK, 0), listen(_LOOPBACK, 0)
        workspace = self._workspace(address(page_listener))
        delivery = Delivery(workspace)
        settings = self.installation.settings.model_copy(update={"slack_api_url": f"{address(api_listener)}/api/"})
        installation = Installation(settings, self.installation.database, self.installation.policy, self.clock.now)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(delivery.aclose)
            await stack.enter_async_context(serving(Server(create_app(workspace, delivery)), api_listener))
            worker = await asyncio.to_thread(partial(slack_worker, installation, paced=False))
            machine = TimeMachine(self.clock, worker)
            clockwork = _clockwork(worker, machine.lock)
            edge = await asyncio.to_thread(slack_edge, installation, partial(clockwork.nudge, "deliver"))
            await stack.enter_async_context(edge.running())
            bot = create_web_app(partial(examine_storage, settings, installation.database), slack=edge.asgi())
            await stack.enter_async_context(serving(Server(bot), bot_listener))
            delivery.attach(f"{address(bot_listener)}/slack/events")
            await asyncio.to_thread(machine.first_tick)
            await stack.enter_async_context(working(worker, clockwork))
            await self._show_page(workspace, delivery, machine, page_listener, stopped)

    def _for_real(self) -> list[str]:
        """A warning where what is played is carried out."""
        systems = list(self.installation.issuers)
        if not systems:
            return []
        acts = self.installation.policy.remediation.act
        does = "Credentials are ended and made there for real" if acts else "They are looked at for real"
        return [f"The issuers file names {len(systems)}: {', '.join(systems)}. {does}.\n"]

    def _workspace(self, base_url: str) -> Workspace:
        settings = self.installation.settings
        return build_workspace(
            self.installation.database,
            self.installation.policy,
            self.clock.now,
            team=self.team,
            bot_token=settings.bot_token(),
            signing_secret=settings.signing_secret(),
            base_url=base_url,
        )

    async def _show_page(
        self,
        workspace: Workspace,
        delivery: Delivery,
        machine: TimeMachine,
        listener: socket.socket,
        stopped: asyncio.Event,
    ) -> None:
        found = suggestions(self.installation.database)
        page = create_app(
            workspace, delivery, machine, tips=found.tips, suggested_user=account_of(workspace, found.answerer)
        )
        async with serving(Server(page, live_streams=True), listener):
            url = address(listener)
            self.announce(f"\nThe workspace is open at {url} (Ctrl-C ends it).\n")
            for line in self._for_real():
                self.announce(line)
            for tip in found.tips:
                self.announce(f"  - {tip}")
            self.announce("")
            if self.open_browser and can_show_a_browser():
                await asyncio.to_thread(webbrowser.open, url)
            await stopped.wait()
            self.announce("Stopping.")
            workspace.close()


def _clockwork(worker: Worker, lock: threading.Lock) -> Clockwork:
    """As a worker's, but never while the clock is being pushed, and quick to show what a click changed."""
    jobs: list[tuple[str, float, Callable[[], object]]] = [
        ("sweep", 3600.0, worker.sweep),
        ("climb", 60.0, worker.climb),
        ("emergencies", 60.0, worker.look_after_emergencies),
        ("carry out", 1.0, worker.carry_out),
        ("deliver", 0.5, worker.deliver),
    ]
    return Clockwork([Job(name, seconds, in_turn(lock, run)) for name, seconds, run in jobs])


def _listen_near(port: int, announce: Callable[[str], None]) -> socket.socket:
    """The port asked for, or the next free one."""
    for one in range(port, port + _PORTS_TO_TRY if port else 1):
        try:
            listener = listen(_LOOPBACK, one)
        except WhoseError:
            continue
        if one != port:
            announce(f"Port {port} is taken, so this is on {one}.")
        return listener
    raise WhoseError(f"The ports {port} to {port + _PORTS_TO_TRY - 1} are all taken. Name another one with --port.")

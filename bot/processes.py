"""The processes that stay: web, worker, both in one. They start, say so, and stop with nothing half done."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from bot.clock import Clockwork, Job
from bot.errors import WhoseError
from bot.operations.doctor import Finding
from bot.rules.watchdog import JobState
from bot.settings import Settings
from bot.web import SLACK_PATH, MetricsPage, create_web_app
from bot.wiring.health import examine_storage
from bot.wiring.installation import Installation
from bot.wiring.ledger import Keeper, keeper_of
from bot.wiring.metrics import Metrics, metrics_of
from bot.wiring.slack import Worker, slack_edge, slack_worker
from bot.wiring.watch import Watchdog

logger = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Seconds that an open request gets to finish; Slack gives up on one after three.
GRACE = 5
_MINUTE, _HOUR = 60, 3600
#: Seconds between two looks whether a checkpoint is due: how soon a revoke or a change of owner is signed.
_KEEPING = 15
#: Seconds between two looks whether a removal or rotation goes on.
CARRYING_OUT = 15


class Server(uvicorn.Server):
    """uvicorn, with signals left to us: two servers in one loop would take them from each other."""

    def __init__(self, app: ASGIApp, *, live_streams: bool = False) -> None:
        grace = 1 if live_streams else GRACE
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=grace,
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes any that is free.

    Raises:
        WhoseError: the port is taken or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise WhoseError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Name another port with --port or PORT."
        ) from None
    listener.setblocking(False)
    return listener


def address(listener: socket.socket) -> str:
    """``http://127.0.0.1:8000``, where a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def serving(server: Server, listener: socket.socket) -> AsyncIterator[None]:
    """Serve meanwhile; at the end, let open requests finish.

    Raises:
        WhoseError: the application did not start.
    """
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                await task
                raise WhoseError("The web server did not start; the log says why.")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task


def told_to_stop() -> asyncio.Event:
    """An event that Ctrl-C or SIGTERM sets from now on; a second one of the same ends the process at once.

    To be made before anything is announced, so that whoever reads the announcement may stop us cleanly.
    """
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        stopped.set()
        for one in STOP_SIGNALS:
            loop.remove_signal_handler(one)

    for one in STOP_SIGNALS:
        loop.add_signal_handler(one, stop)
    return stopped


def clockwork_of(
    worker: Worker, sweep_minutes: int, keeper: Keeper | None, metrics: Metrics, watch: Callable[[], object]
) -> Clockwork:
    """The jobs of a worker, each at its interval; with a keeper, the ledger is signed and anchored too."""
    keeping = [] if keeper is None else [Job("ledger", _KEEPING, keeper.keep)]
    if worker.issuers:
        keeping.append(Job("discover", _HOUR, worker.discover, "Run `whose discover --dry-run` to see what is wrong."))
    return Clockwork(
        [
            *keeping,
            Job("directory", _HOUR, worker.sync_directory),
            Job("sweep", sweep_minutes * _MINUTE, lambda: metrics.swept(worker.sweep())),
            Job("climb", _MINUTE, worker.climb),
            Job("emergencies", _MINUTE, worker.look_after_emergencies),
            Job("carry out", CARRYING_OUT, worker.carry_out, "Run `whose issuers` and `whose doctor`."),
            Job("deliver", 2, worker.deliver),
            Job("watch", _MINUTE, watch),
        ],
        observe=metrics.ran,
    )


class Works:
    """What a process is made of: its metrics and, where it works, the worker and its clock.

    Raises:
        SettingsError: a worker is wanted and Slack is not set up.
    """

    def __init__(self, installation: Installation, *, with_worker: bool) -> None:
        self.installation = installation
        self.metrics = metrics_of(installation, self._jobs)
        self.worker = slack_worker(installation, delivered=self.metrics.delivered) if with_worker else None
        self.clockwork = None
        if self.worker:
            settings = installation.settings
            watchdog = Watchdog(self.worker.ctx, settings, self._jobs, self.metrics.watched)
            self.clockwork = clockwork_of(
                self.worker, settings.sweep_minutes, keeper_of(installation), self.metrics, watchdog.watch
            )

    def app(self, slack: ASGIApp | None) -> ASGIApp:
        """The web application; ``slack`` answers Slack."""
        settings = self.installation.settings
        page = MetricsPage(self.metrics.write, to_all=settings.metrics == "on")
        return create_web_app(
            self._ready,
            slack=slack,
            metrics=None if settings.metrics == "off" else page,
            observe=self._answered,
        )

    def _ready(self) -> Sequence[Finding]:
        return examine_storage(self.installation.settings, self.installation.database)

    def _answered(self, path: str, seconds: float) -> None:
        if path == SLACK_PATH:
            self.metrics.clicked(seconds)

    def _jobs(self) -> Sequence[JobState]:
        return self.clockwork.states() if self.clockwork else ()


@asynccontextmanager
async def working(worker: Worker, clockwork: Clockwork) -> AsyncIterator[None]:
    """Tick meanwhile; at the end, let what is running finish."""
    clockwork.start()
    try:
        yield
    finally:
        worker.stopping.set()
        await asyncio.to_thread(clockwork.stop)
        await asyncio.to_thread(worker.release)


def _soon(clockwork: Clockwork) -> None:
    """A decision was taken: messages about it, and the work that it opened, follow at once."""
    for job in clockwork.jobs:
        if job.name in ("deliver", "carry out"):
            clockwork.nudge(job.name)


def run_web(
    installation: Installation, listener: socket.socket, *, with_worker: bool, announce: Callable[[str], None]
) -> None:
    """Answer Slack until told to stop; with a worker in the same process if wanted.

    Raises:
        SettingsError: a worker is wanted and Slack is not set up.
    """
    settings = installation.settings
    works = Works(installation, with_worker=with_worker)
    changed = partial(_soon, works.clockwork) if works.clockwork else _later
    edge = slack_edge(installation, changed) if settings.has_slack else None
    app = works.app(edge.asgi() if edge and not settings.socket_mode else None)

    async def run() -> None:
        stopped = told_to_stop()
        async with AsyncExitStack() as stack:
            if works.worker and works.clockwork:
                await stack.enter_async_context(working(works.worker, works.clockwork))
            if edge:
                await stack.enter_async_context(edge.running())
            await stack.enter_async_context(serving(Server(app), listener))
            announce(f"Listening on {address(listener)}{_where(settings)}")
            await stopped.wait()
            announce("Stopping.")

    asyncio.run(run())


def run_worker(installation: Installation, announce: Callable[[str], None]) -> None:
    """Tick until told to stop; answer ``/metrics`` and the health checks where a port is set for them.

    Raises:
        SettingsError: Slack is not set up.
        WhoseError: the port is taken or may not be used.
    """
    settings = installation.settings
    works = Works(installation, with_worker=True)
    listener = listen(settings.host, settings.metrics_port) if settings.metrics_port else None

    async def run() -> None:
        stopped = told_to_stop()
        async with AsyncExitStack() as stack:
            if works.worker and works.clockwork:
                await stack.enter_async_context(working(works.worker, works.clockwork))
            if listener:
                await stack.enter_async_context(serving(Server(works.app(None)), listener))
                announce(f"Health and metrics on {address(listener)}")
            announce("Working: looking for what is due, climbing ladders, delivering messages.")
            await stopped.wait()
            announce("Stopping.")

    asyncio.run(run())


def _later() -> None:
    """After a decision, where the worker is another process: it looks every two seconds."""


def _where(settings: Settings) -> str:
    if not settings.has_slack:
        return ", for health checks only: SLACK_BOT_TOKEN is not set."
    return "; Slack is spoken to over a socket." if settings.socket_mode else "; Slack's requests go to /slack/events."


def in_turn(lock: threading.Lock, job: Callable[[], object]) -> Callable[[], object]:
    """``job``, never at the same time as others that share the lock."""

    def run() -> object:
        with lock:
            return job()

    return run

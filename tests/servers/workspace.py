"""A strict Slack for tests: served for real, on a free port of this machine.

with running_workspace() as slack, serving(bot_app) as bot_url:
    slack.attach(bot_url + "/slack/events")
    ada = slack.workspace.add_user("Ada Example", email="ada@example.com", tz="Europe/Berlin")
    outcome = slack.driver.command(ada.id, "help")
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

import uvicorn
from starlette.types import ASGIApp

from bot.sandbox.app import Control, create_app
from bot.sandbox.delivery import Delivery
from bot.sandbox.driver import Driver
from bot.sandbox.workspace import ALL_SCOPES, Workspace

BOT_TOKEN = "xoxb-test-token"
SIGNING_SECRET = "test-signing-secret"
P = ParamSpec("P")
R = TypeVar("R")


class ManualClock:
    """A time of day that stands still until it is pushed. Starts on Monday 2 March 2026, 09:00 UTC."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time it shows, aware, UTC."""
        return self._now

    def forward(self, delta: timedelta) -> None:
        """Push it forward."""
        self._now += delta

    def set(self, now: datetime) -> None:
        """Set it."""
        self._now = now

    async def advance(self, delta: timedelta, progress: Callable[[datetime], None]) -> None:
        """As a sandbox's ``Control``: push it forward in hourly steps."""
        goal = self._now + delta
        while self._now < goal:
            self._now = min(goal, self._now + timedelta(hours=1))
            progress(self._now)


class _Server:
    """An ASGI application under uvicorn in a thread of its own."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app, log_level="error", lifespan="auto", timeout_graceful_shutdown=1, ws="none", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"serving {self.url}", daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._server.serve(sockets=[self._listener]))

    def start(self) -> None:
        """Serve, and return once it does."""
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"The server at {self.url} did not start.")
            time.sleep(0.005)

    def stop(self) -> None:
        """Shut down and wait for it."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._listener.close()
        if not self._thread.is_alive():
            self.loop.close()


def _free_listener() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    return listener


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an ASGI application on a free port of 127.0.0.1; gives its URL, without a slash at the end."""
    server = _Server(app, _free_listener())
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def _blocking(loop: asyncio.AbstractEventLoop, run: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return asyncio.run_coroutine_threadsafe(run(*args, **kwargs), loop).result(timeout=60)

    return call


def _bridged(
    loop: asyncio.AbstractEventLoop, run: Callable[P, Coroutine[Any, Any, R]]
) -> Callable[P, Coroutine[Any, Any, R]]:
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(*args, **kwargs), loop))

    return call


class SyncDriver:
    """`bot.sandbox.driver.Driver`, for tests that are not async."""

    def __init__(self, driver: Driver, loop: asyncio.AbstractEventLoop) -> None:
        self.click = _blocking(loop, driver.click)
        self.click_in_view = _blocking(loop, driver.click_in_view)
        self.submit = _blocking(loop, driver.submit)
        self.close_view = _blocking(loop, driver.close_view)
        self.command = _blocking(loop, driver.command)
        self.open_home = _blocking(loop, driver.open_home)
        self.say = _blocking(loop, driver.say)
        self.suggest = _blocking(loop, driver.suggest)
        self.until = _blocking(loop, driver.until)
        self.inbox = driver.inbox
        self.verify_url = _blocking(loop, driver.delivery.verify_url)
        self.raw_interaction = _blocking(loop, driver.delivery.raw_interaction)
        self.replay = _blocking(loop, driver.delivery.transport.replay)


class AsyncDriver:
    """`bot.sandbox.driver.Driver`, for tests whose event loop is not the workspace's."""

    def __init__(self, driver: Driver, loop: asyncio.AbstractEventLoop) -> None:
        self.click = _bridged(loop, driver.click)
        self.click_in_view = _bridged(loop, driver.click_in_view)
        self.submit = _bridged(loop, driver.submit)
        self.close_view = _bridged(loop, driver.close_view)
        self.command = _bridged(loop, driver.command)
        self.open_home = _bridged(loop, driver.open_home)
        self.say = _bridged(loop, driver.say)
        self.suggest = _bridged(loop, driver.suggest)
        self.until = _bridged(loop, driver.until)
        self.inbox = driver.inbox


class RunningWorkspace:
    """A workspace that is being served: ``url`` is the base for ``SLACK_API_URL``, ``site`` the page for browsers."""

    def __init__(self, workspace: Workspace, delivery: Delivery, server: _Server) -> None:
        self.workspace = workspace
        self.delivery = delivery
        self.site = server.url
        self.url = f"{server.url}/api/"
        self.bot_token = workspace.bot_token
        self.signing_secret = workspace.signing_secret
        driver = Driver(workspace, delivery)
        self.driver = SyncDriver(driver, server.loop)
        self.async_driver = AsyncDriver(driver, server.loop)

    def attach(self, bot_url: str) -> None:
        """Deliver to this request URL, such as ``http://127.0.0.1:1234/slack/events``."""
        self.delivery.attach(bot_url)


@contextmanager
def running_workspace(
    now: Callable[[], datetime] | None = None,
    *,
    scopes: Iterable[str] = ALL_SCOPES,
    request_url: str | None = None,
    ack_seconds: float = 3.0,
    retry_factor: float = 0.001,
    monotonic: Callable[[], float] = time.monotonic,
    control: Control | None = None,
    tips: Iterable[str] = (),
    suggested_user: str | None = None,
    team_id: str = "T000000001",
) -> Iterator[RunningWorkspace]:
    """Serve a fresh workspace; without ``now`` its time of day is that of a `ManualClock` standing still."""
    listener = _free_listener()
    workspace = Workspace(
        team_id,
        "Example Team",
        BOT_TOKEN,
        SIGNING_SECRET,
        scopes,
        now or ManualClock().now,
        monotonic=monotonic,
        base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
    )
    delivery = Delivery(workspace, request_url, ack_seconds=ack_seconds, retry_factor=retry_factor)
    server = _Server(
        create_app(workspace, delivery, control, tips=tuple(tips), suggested_user=suggested_user), listener
    )
    server.start()
    try:
        yield RunningWorkspace(workspace, delivery, server)
    finally:
        workspace.close()
        asyncio.run_coroutine_threadsafe(delivery.aclose(), server.loop).result(timeout=10)
        server.stop()

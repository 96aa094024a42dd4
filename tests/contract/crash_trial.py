"""A worker that dies again and again at lines that chance chooses, and the count of what reached people.

``tests/contract/test_deliver_crash.py`` makes a few runs of it, ``make crash`` (``tests/crash.py``) a thousand.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from storage.database import Database
from storage.outbox import OUTBOX, POSTING
from tests.contract.crash_worker import COUNT, NEVER
from tests.contract.delivery_kit import Office
from tests.servers.fake_clock import FakeClock
from tests.servers.fault_proxy import FaultProxy, fault_proxy
from tests.servers.workspace import RunningWorkspace, running_workspace

MOST_PASSES = 60
_LOOKED_AT = 4
"""Of the people asked, how many of the latest are looked at after every run; all of them every so often."""
_EVERY = 50


@dataclass
class Toll:
    """What happened in some runs."""

    runs: int = 0
    deaths: int = 0
    """Runs in which the worker died."""
    second_deaths: int = 0
    """Runs in which it died again while it made good for the first time."""
    troubles: int = 0
    """Requests that the fault proxy spoiled."""
    messages: int = 0
    """Messages in the workspace at the end, each of them once."""


class Trial:
    """One workspace, one database and a worker that can be told when to die."""

    def __init__(
        self, office: Office, slack: RunningWorkspace, worker: subprocess.Popen[str], proxy: FaultProxy | None = None
    ) -> None:
        self.office, self.slack, self._worker, self._proxy = office, slack, worker, proxy
        self.users: dict[int, str] = {}
        self.decided: set[int] = set()

    def deliver(self, die_at: int) -> dict[str, Any]:
        order = {
            "database": self.office.database.url.render_as_string(hide_password=False),
            "api_url": f"{self._proxy.url}/api/" if self._proxy else self.slack.url,
            "token": self.slack.bot_token,
            "now": self.office.clock.now().isoformat(),
            "die_at": die_at,
        }
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        print(json.dumps(order), file=self._worker.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._worker.stdout.readline())
        if self._proxy is not None:
            self._proxy.wait_until_idle()
        return answer

    def more_work(self, number: int) -> None:
        """A person to ask, and a decision about what the one before was asked."""
        for request in set(self.users) - self.decided:
            self.office.settle(request)
            self.decided.add(request)
        user = self.slack.workspace.add_user(f"Person {number}", email=f"person{number}@example.com")
        person = self.office.person(f"person{number}", user.id)
        self.users[self.office.request(person)] = user.id
        self.office.ask(person)

    def recover(self, die_at: int) -> bool:
        """Start the worker again and again until nothing is left to do; whether it died once more on the way."""
        died = False
        for _ in range(MOST_PASSES):
            if not self._in_work():
                return died
            self.office.clock.advance(timedelta(seconds=61))
            died |= self.deliver(die_at)["died"]
            die_at = NEVER
        raise AssertionError(f"still not done: {self.office.states()[-5:]}")

    def check(self, *, everybody: bool = True) -> None:
        """Whoever was asked has one message, and it says what is true now."""
        looked_at = list(self.users)[0 if everybody else -_LOOKED_AT :]
        said = {request: self._texts(self.users[request]) for request in looked_at}
        states = {request: "settled" if request in self.decided else "open" for request in looked_at}
        assert said == {request: [f"ask: request {request} is {state}"] for request, state in states.items()}
        assert self._count(select(func.count()).select_from(POSTING)) == len(self.users)
        assert self.office.refused == []

    def _in_work(self) -> int:
        waiting = select(func.count()).select_from(OUTBOX)
        return self._count(waiting.where(OUTBOX.c.state.in_(["pending", "sending", "unknown"])))

    def _count(self, query: Any) -> int:
        with self.office.database.read() as session:
            return int(session.connection().execute(query).scalar_one())

    def _texts(self, user_id: str) -> list[str]:
        dm = self.slack.workspace.find_dm(user_id)
        return [message.text for message in self.slack.workspace.messages(dm.id)] if dm else []


def crash_runs(
    database: Database,
    *,
    runs: int,
    seed: int,
    fault_rate: float = 0.0,
    progress: Callable[[Toll], None] = lambda _toll: None,
) -> Toll:
    """Kill a worker ``runs`` times, three in ten of them twice, and count.

    Args:
        fault_rate: the share of requests that a fault proxy spoils; 0: there is none.

    Raises:
        AssertionError: somebody has no message, two, or one that says what is not true.
    """
    chance, clock, toll = random.Random(seed), FakeClock(), Toll()
    with running_workspace(clock.now) as slack, _worker() as worker, _proxy(slack, seed, fault_rate) as proxy:
        trial = Trial(Office(database, clock), slack, worker, proxy)
        lines = _count_lines(trial, proxy)
        number = len(trial.users)
        while toll.deaths < runs:
            assert toll.runs < 3 * runs + 10, "the worker hardly ever dies"
            trial.more_work(number)
            number += 1
            die_at = chance.randint(1, lines)
            again = chance.randint(1, lines) if toll.second_deaths * 10 < (toll.deaths + 1) * 3 else NEVER
            toll.deaths += trial.deliver(die_at)["died"]
            toll.second_deaths += trial.recover(again)
            toll.runs += 1
            try:
                trial.check(everybody=toll.runs % _EVERY == 0)
            except AssertionError as error:
                where = f"run {toll.runs} of seed {seed}: died at line {die_at} of {lines}, then at {again}"
                raise AssertionError(where) from error
            progress(toll)
        trial.check()
        toll.messages = len(trial.users)
        toll.troubles = sum(proxy.made.values()) if proxy else 0
    return toll


def _count_lines(trial: Trial, proxy: FaultProxy | None) -> int:
    """How many lines a pass has in which nothing goes wrong, with a message and an update."""
    lines = 0
    rate, quiet = (proxy.rate, proxy) if proxy else (0.0, None)
    if quiet:
        quiet.rate = 0.0
    for number in range(2):
        trial.more_work(number)
        lines = trial.deliver(COUNT)["lines"]
    trial.check()
    if quiet:
        quiet.rate = rate
    return lines


@contextmanager
def _worker() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.contract.crash_worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@contextmanager
def _proxy(slack: RunningWorkspace, seed: int, rate: float) -> Iterator[FaultProxy | None]:
    if not rate:
        yield None
        return
    with fault_proxy(slack.site, random.Random(seed + 1), rate=rate) as proxy:
        yield proxy

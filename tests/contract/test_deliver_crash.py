"""The worker dies at a random line, is started again, and every message is there exactly once.

``WHOSE_CRASH_RUNS`` sets the number of runs on each database, ``WHOSE_CRASH_SEED`` where they die.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from storage.database import Database
from tests.contract.crash_worker import COUNT, NEVER
from tests.contract.delivery_kit import Office
from tests.servers.fake_clock import FakeClock
from tests.servers.workspace import RunningWorkspace, running_workspace

RUNS = {
    "sqlite": int(os.environ.get("WHOSE_CRASH_RUNS", "25")),
    "postgresql": int(os.environ.get("WHOSE_CRASH_RUNS", "10")),
}
SEED = int(os.environ.get("WHOSE_CRASH_SEED", "20260105"))
MOST_PASSES = 12


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.contract.crash_worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


class Trial:
    """One workspace, one database and a worker that can be told when to die."""

    def __init__(self, office: Office, slack: RunningWorkspace, worker: subprocess.Popen[str]) -> None:
        self.office, self.slack, self._worker = office, slack, worker
        self.users: dict[int, str] = {}
        self.decided: set[int] = set()

    def deliver(self, die_at: int) -> dict[str, Any]:
        order = {
            "database": self.office.database.url.render_as_string(hide_password=False),
            "api_url": self.slack.url,
            "token": self.slack.bot_token,
            "now": self.office.clock.now().isoformat(),
            "die_at": die_at,
        }
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        print(json.dumps(order), file=self._worker.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._worker.stdout.readline())
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

    def recover(self, die_at: int) -> None:
        """Start the worker again and again until nothing is left to do; it may die once more on the way."""
        for _ in range(MOST_PASSES):
            if not set(self.office.states()) & {"pending", "sending", "unknown"}:
                return
            self.office.clock.advance(timedelta(seconds=61))
            self.deliver(die_at)
            die_at = NEVER
        raise AssertionError(f"still not done: {self.office.states()}")

    def check(self) -> None:
        """Everybody asked has one message, and it says what is true now."""
        said = {request: self._texts(user) for request, user in self.users.items()}
        states = {request: "settled" if request in self.decided else "open" for request in self.users}
        assert said == {request: [f"ask: request {request} is {state}"] for request, state in states.items()}
        assert len(self.office.postings()) == len(self.users)
        assert self.office.refused == []

    def _texts(self, user_id: str) -> list[str]:
        dm = self.slack.workspace.find_dm(user_id)
        return [message.text for message in self.slack.workspace.messages(dm.id)] if dm else []


def test_exactly_one_message_whatever_the_line_it_died_at(
    request: pytest.FixtureRequest, database: Database, clock: FakeClock, worker: subprocess.Popen[str]
) -> None:
    chance = random.Random(SEED)
    runs = RUNS["sqlite" if database.is_sqlite else "postgresql"]
    deaths = 0
    with running_workspace(clock.now) as slack:
        trial = Trial(Office(database, clock), slack, worker)
        for number in range(2):
            trial.more_work(number)
            lines = trial.deliver(COUNT)["lines"]
        trial.check()
        for number in range(2, runs + 2):
            trial.more_work(number)
            die_at = chance.randint(1, lines)
            again = chance.randint(1, lines) if number % 3 == 0 else NEVER
            deaths += trial.deliver(die_at)["died"]
            trial.recover(again)
            try:
                trial.check()
            except AssertionError as error:
                raise AssertionError(f"run {number}: died at line {die_at} of {lines}, then {again}") from error
    assert deaths > runs / 2

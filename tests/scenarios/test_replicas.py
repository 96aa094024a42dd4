"""Three workers and two webs on one PostgreSQL, under load; one worker is frozen past its lease and one is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from starlette.types import Receive, Scope, Send

from bot.clock import SystemClock
from bot.rules.policy_file import default_policy_text
from bot.sandbox.faults import Fault, RateLimiter
from messages.action_ref import Verb
from storage.database import Database
from storage.lanes import holder_of
from storage.outbox import OUTBOX
from storage.people import PERSON
from storage.requests import DECISION, REQUEST
from tests.servers.hasty_whose import LANE_LEASE, PER_MINUTE
from tests.servers.house import PATIENCE, House, Process
from tests.servers.keeping import stamp
from tests.servers.workspace import RunningWorkspace, running_workspace, serving

PEOPLE = 60
CLICKS = 30
HASTY = (sys.executable, "-m", "tests.servers.hasty_whose")
LANE = "slack:T000000001"


@pytest.fixture
def slack() -> Iterator[RunningWorkspace]:
    with running_workspace(SystemClock().now) as workspace:
        # As Slack has it: one a second in a channel, several hundred a minute in all.
        workspace.workspace.limiter = RateLimiter(time.monotonic, per_minute=300)
        workspace.workspace.add_channel("security")
        yield workspace


def house_of(folder: Path, slack: RunningWorkspace, database: Database, people: int) -> House:
    """People who are always at work, each with a token to be asked about."""
    text = default_policy_text().replace("start: 09:00", "start: 00:00").replace("end: 17:30", "end: 23:59")
    text = text.replace("spread_mornings_over: 1h", "spread_mornings_over: 0")
    (folder / "policy.yaml").write_text(text)
    persons, tokens = (
        ["email,name,workweek,slack_team_id,slack_user_id"],
        ["external_id,issuing_system,display_name,environment,data_classification,service_owner"],
    )
    for number in range(people):
        account = slack.workspace.add_user(f"Person {number}", email=f"p{number}@example.com", tz="UTC")
        persons.append(f"p{number}@example.com,Person {number},mon-sun,T000000001,{account.id}")
        tokens.append(f"k{number},aws-iam,token-{number},development,internal,p{number}@example.com")
    (folder / "people.csv").write_text("\n".join(persons))
    (folder / "tokens.csv").write_text("\n".join(tokens))
    stamp(database)
    url = database.url.set(drivername="postgresql" if not database.is_sqlite else "sqlite")
    house = House(folder, slack, url=url.render_as_string(hide_password=False), program=HASTY)
    house.environ |= {"WHOSE_POLICY": "policy.yaml", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = house.run("import", "people.csv", "tokens.csv")
    assert done.returncode == 0, done.stderr
    return house


class Both:
    """Delivers every click to two webs at the same moment, as if it had been sent twice."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = [(name, value) for name, value in scope["headers"] if name not in (b"host", b"content-length")]
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
            calls = [client.post(f"{url}{scope['path']}", headers=headers, content=body) for url in self._urls]
            first, _ = await asyncio.gather(*calls)
        kept = [(b"content-type", first.headers.get("content-type", "text/plain").encode())]
        await send({"type": "http.response.start", "status": first.status_code, "headers": kept})
        await send({"type": "http.response.body", "body": first.content})


class Crowd:
    """What the workspace has and what the database says, while the processes are at it."""

    def __init__(self, slack: RunningWorkspace, database: Database) -> None:
        self.slack, self.database = slack, database
        self.accounts = [one.id for one in slack.workspace.users.values() if (one.email or "").startswith("p")]
        self._clicked: set[str] = set()

    def messages(self) -> dict[str, int]:
        """How many messages of the bot each person has; what was only whispered after a click is none."""
        inbox = self.slack.driver.inbox
        return {who: sum(one.visible_to is None for one in inbox(who)) for who in self.accounts}

    def click(self) -> bool:
        """One more person who has a card attests. False, so that it can be done between two looks at something."""
        for account in self.accounts:
            found = self.slack.driver.inbox(account)
            if account in self._clicked or not found or len(self._clicked) >= CLICKS:
                continue
            self._clicked.add(account)
            button = f"whose:{Verb.ATTEST.value}:{self._request(account)}"
            done = self.slack.driver.click(account, found[0].channel, found[0].ts, button)
            assert done.error is None, done.error
            break
        return False

    def holder(self) -> int:
        """The process that dispatches now; 0: none yet."""
        with self.database.read() as session:
            name = holder_of(session, LANE)
        return int(name.split(":")[1]) if name else 0

    def left(self) -> int:
        with self.database.read() as session:
            query = (
                select(func.count()).select_from(OUTBOX).where(OUTBOX.c.state.in_(["pending", "sending", "unknown"]))
            )
            return int(session.connection().execute(query).scalar_one())

    def decisions(self) -> Counter[int]:
        with self.database.read() as session:
            return Counter(session.connection().execute(select(DECISION.c.request_id)).scalars().all())

    def _request(self, account: str) -> int:
        email = self.slack.workspace.users[account].email
        query = select(REQUEST.c.id).join(PERSON, PERSON.c.id == REQUEST.c.waiting_on_id).where(PERSON.c.email == email)
        with self.database.read() as session:
            return int(session.connection().execute(query).scalar_one())

    def caught_sending(self) -> int:
        """The process that is in the middle of sending: its message has arrived, and the reply is held back."""
        before = self.slack.workspace.calls.count("chat.postMessage")
        self.slack.workspace.faults.add("chat.postMessage", Fault.DELAY, seconds=1.5)
        until(lambda: self.slack.workspace.calls.count("chat.postMessage") > before)
        return self.holder()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, "it does not come to an end"
        time.sleep(0.02)


def test_many_replicas(postgres_database: Database, slack: RunningWorkspace, tmp_path: Path) -> None:
    house = house_of(tmp_path, slack, postgres_database, PEOPLE)
    crowd = Crowd(slack, postgres_database)
    with ExitStack() as stack:
        webs = [stack.enter_context(house.start("web", "--port", "0")) for _ in range(2)]
        urls = [one.wait_for("Listening on ").split()[2].rstrip(";") for one in webs]
        slack.attach(f"{stack.enter_context(serving(Both(urls)))}/slack/events")
        workers = [stack.enter_context(house.start("worker")) for _ in range(3)]
        by_pid = {one.process.pid: one for one in workers}
        sent = crowd.messages

        until(lambda: crowd.click() or sum(sent().values()) >= 10)
        frozen = crowd.caught_sending()
        os.kill(frozen, signal.SIGSTOP)
        frozen_at = time.monotonic()
        until(lambda: crowd.click() or crowd.holder() != frozen)
        until(lambda: crowd.click() or sum(sent().values()) >= 25)
        killed = crowd.caught_sending()
        assert killed != frozen
        by_pid[killed].process.kill()
        until(lambda: crowd.click() or crowd.holder() not in (frozen, killed))
        until(lambda: time.monotonic() - frozen_at > 2 * LANE_LEASE.total_seconds())
        os.kill(frozen, signal.SIGCONT)
        until(lambda: crowd.click() or (min(sent().values()) > 0 and not crowd.left()))
        _see_that_all_end_well([*webs, *(one for pid, one in by_pid.items() if pid != killed)])

    assert crowd.messages() == dict.fromkeys(crowd.accounts, 1)
    assert len(crowd.decisions()) == CLICKS
    assert set(crowd.decisions().values()) == {1}
    assert slack.workspace.calls.all("chat.postMessage", ok=False) == []
    _see_that_the_rate_was_one_dispatchers(slack)


def _see_that_all_end_well(processes: list[Process]) -> None:
    for one in processes:
        assert one.stop() == 0, one.said
        assert "Traceback" not in one.said


def _see_that_the_rate_was_one_dispatchers(slack: RunningWorkspace) -> None:
    """In any four seconds: what one dispatcher may send, a burst for it, and one for whoever takes over."""
    times = [one.time for one in slack.workspace.calls.all("chat.postMessage")]
    busiest = max(sum(start <= one < start + 4.0 for one in times) for start in times)
    assert busiest <= 4.0 * PER_MINUTE / 60 + 2 * 5, busiest


def test_a_worker_that_is_told_to_stop_ends_with_nothing_half_done(
    database: Database, slack: RunningWorkspace, tmp_path: Path
) -> None:
    """In the middle of sending: that message is brought to its end, no other is begun, and all of it is known."""
    house = house_of(tmp_path, slack, database, 20)
    crowd = Crowd(slack, database)
    slack.workspace.faults.add("chat.postMessage", Fault.DELAY, seconds=1.5)
    with house.start("worker") as worker:
        until(lambda: slack.workspace.calls.count("chat.postMessage") > 0)
        assert worker.stop() == 0, worker.said
    arrived = sum(crowd.messages().values())
    with database.read() as session:
        states = Counter(session.connection().execute(select(OUTBOX.c.state)).scalars().all())
    assert states == Counter(sent=arrived, pending=20 - arrived)
    assert arrived < 20
    assert "Traceback" not in worker.said

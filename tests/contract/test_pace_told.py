"""The pace follows what the platform says, and urgent messages do not keep the others waiting for ever."""

from __future__ import annotations

import pytest

from bot.operations.deliver import deliver
from bot.operations.pace import URGENT_IN_A_ROW, Pacer
from bot.sandbox.faults import Fault
from bot.slack.sender import SlackSender
from storage.database import Database
from storage.outbox_enqueue import ROUTINE, URGENT
from tests.contract.delivery_kit import LANE, Office
from tests.servers.fake_clock import FakeClock
from tests.servers.recording_port import RecordingPort
from tests.servers.workspace import running_workspace


@pytest.mark.parametrize("fault", [Fault.TOO_MANY_REQUESTS, Fault.RATELIMITED])
def test_half_the_pace_after_both_of_slacks_ways_to_say_it(
    sqlite_database: Database, clock: FakeClock, fault: Fault
) -> None:
    with running_workspace(clock.now) as slack:
        office = Office(sqlite_database, clock)
        person = office.person("ana", slack.workspace.add_user("Ana", email="ana@example.com").id)
        office.request(person)
        office.ask(person)
        pacer = Pacer(lambda: clock.now().timestamp())
        full = pacer.pace("post")
        slack.workspace.faults.add("chat.postMessage", fault, retry_after=30)
        port = SlackSender(LANE, slack.bot_token, slack.url)
        report = deliver(office.ctx, port, office.compose, on_refused=office.on_refused, pacer=pacer)
        assert report.trouble == "ratelimited"
        assert pacer.pace("post") == full / 2
        assert pacer.wait("post") >= (30 if fault is Fault.TOO_MANY_REQUESTS else 1)
        assert pacer.wait("update") >= (30 if fault is Fault.TOO_MANY_REQUESTS else 1)


def test_one_in_five_is_not_urgent(database: Database, clock: FakeClock) -> None:
    office = Office(database, clock)
    kinds: dict[str, int] = {}
    for number in range(16):
        name, priority = f"p{number}", URGENT if number < 12 else ROUTINE
        person = office.person(name, f"U{number}")
        office.request(person)
        office.enqueue(name, card="ask", person_id=person, priority=priority)
        kinds[f"U{number}"] = priority
    port = RecordingPort(LANE, clock.now)
    pacer = Pacer(lambda: clock.now().timestamp(), burst=100.0)
    deliver(office.ctx, port, office.compose, on_refused=office.on_refused, pacer=pacer)
    order = [kinds[one.to.user_id] for one in port.posted]
    in_turn = [URGENT] * URGENT_IN_A_ROW + [ROUTINE]
    assert order == in_turn * 3 + [ROUTINE]

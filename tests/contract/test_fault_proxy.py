"""The fault proxy makes the trouble that it says it makes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest

from bot.operations.ports import Destination, NotSent, Outcome, Sent, Unknown
from bot.slack.sender import SlackSender
from messages.view import Paragraph, View
from tests.contract.delivery_kit import LANE
from tests.servers.fault_proxy import OUTBOUND, FaultProxy, Trouble, fault_proxy
from tests.servers.workspace import RunningWorkspace, running_workspace

VIEW = View("Hello", [Paragraph(["Hello"])])
WHAT_IT_MEANS: dict[Trouble, tuple[type, int]] = {
    Trouble.DROP_REQUEST: (Unknown, 0),
    Trouble.DROP_REPLY: (Unknown, 1),
    Trouble.CUT_REPLY: (Unknown, 1),
    Trouble.LATE_REPLY: (Sent, 1),
    Trouble.TOO_MANY: (NotSent, 0),
    Trouble.RATE_LIMITED: (NotSent, 0),
    Trouble.FAILED_BEFORE: (Unknown, 0),
    Trouble.FAILED_AFTER: (Unknown, 1),
    Trouble.TWICE: (Sent, 2),
}


@contextmanager
def spoiled(trouble: Trouble, rate: float) -> Iterator[tuple[RunningWorkspace, FaultProxy, str]]:
    with running_workspace() as slack, fault_proxy(slack.site, random.Random(1), [trouble], rate=rate) as proxy:
        yield slack, proxy, slack.workspace.add_user("Ana", email="ana@example.com").id


def post(slack: RunningWorkspace, proxy: FaultProxy, user: str) -> Outcome:
    sender = SlackSender(LANE, slack.bot_token, f"{proxy.url}/api/")
    outcome = sender.post(Destination(user_id=user), VIEW, "k1")
    proxy.wait_until_idle()
    return outcome


def there(slack: RunningWorkspace, user: str) -> int:
    dm = slack.workspace.find_dm(user)
    return len(slack.workspace.messages(dm.id)) if dm else 0


@pytest.mark.parametrize("trouble", Trouble)
def test_each_kind(trouble: Trouble) -> None:
    meaning, messages = WHAT_IT_MEANS[trouble]
    with spoiled(trouble, 1.0) as (slack, proxy, user):
        assert isinstance(post(slack, proxy, user), meaning)
        assert there(slack, user) == messages
        assert proxy.made == {trouble: 1}


def test_nothing_is_spoiled_at_rest() -> None:
    with spoiled(Trouble.DROP_REPLY, 0.0) as (slack, proxy, user):
        sent = post(slack, proxy, user)
        assert isinstance(sent, Sent)
        sender = SlackSender(LANE, slack.bot_token, f"{proxy.url}/api/")
        assert sender.find(Destination(user_id=user), "k1", datetime.fromisoformat("2026-01-01T00:00Z")) == [sent]
        assert not proxy.made


def test_all_kinds_but_twice_stand_in_the_way_out() -> None:
    assert set(OUTBOUND) | {Trouble.TWICE} == set(Trouble)

"""What every chat platform's sender must keep. A new platform adds its harness to ``HARNESSES`` and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from bot.operations.ports import ChatPort, Destination, NotSent, Refused, Sent, Unknown
from bot.sandbox.faults import Fault
from bot.slack.sender import SlackSender
from messages.view import Paragraph, View
from tests.servers.workspace import ManualClock, RunningWorkspace, running_workspace

LANE = "slack:T000000001"


class Harness(Protocol):
    """A platform under test: a port, people and channels, and the trouble that can be made."""

    port: ChatPort

    def now(self) -> datetime: ...
    def later(self, by: timedelta) -> None: ...
    def person(self) -> Destination: ...
    def nobody(self) -> Destination: ...
    def channel(self) -> Destination: ...
    def messages(self, to: Destination) -> list[str]: ...
    def lose_the_next_reply(self) -> None: ...
    def fail_before_the_next(self) -> None: ...
    def limit_the_rate(self, seconds: int) -> None: ...
    def refuse_the_app(self) -> None: ...
    def unreachable(self) -> ChatPort: ...


class SlackHarness:
    def __init__(self, slack: RunningWorkspace, clock: ManualClock) -> None:
        self.slack, self.clock = slack, clock
        self.port: ChatPort = SlackSender(LANE, slack.bot_token, slack.url)

    def now(self) -> datetime:
        return self.clock.now()

    def later(self, by: timedelta) -> None:
        self.clock.forward(by)

    def person(self) -> Destination:
        return Destination(user_id=self.slack.workspace.add_user("Ada Example", email="ada@example.com").id)

    def nobody(self) -> Destination:
        return Destination(user_id="U404404404")

    def channel(self) -> Destination:
        self.slack.workspace.add_channel("security")
        return Destination(channel="#security")

    def messages(self, to: Destination) -> list[str]:
        workspace = self.slack.workspace
        if to.user_id:
            dm = workspace.find_dm(to.user_id)
            return [message.text for message in workspace.messages(dm.id)] if dm else []
        return [
            message.text
            for channel in list(workspace.channels.values())
            if f"#{channel.name}" == to.channel
            for message in workspace.messages(channel.id)
        ]

    def lose_the_next_reply(self) -> None:
        self.slack.workspace.faults.add("*", Fault.DROP_REPLY)

    def fail_before_the_next(self) -> None:
        self.slack.workspace.faults.add("*", Fault.FAIL_BEFORE, status=503)

    def limit_the_rate(self, seconds: int) -> None:
        self.slack.workspace.faults.add("*", Fault.TOO_MANY_REQUESTS, retry_after=seconds)

    def refuse_the_app(self) -> None:
        self.port = SlackSender(LANE, "xoxb-not-this-one", self.slack.url)

    def unreachable(self) -> ChatPort:
        return SlackSender(LANE, self.slack.bot_token, "http://127.0.0.1:9/api/")


@contextmanager
def slack_harness() -> Iterator[Harness]:
    clock = ManualClock()
    with running_workspace(clock.now) as slack:
        yield SlackHarness(slack, clock)


HARNESSES: dict[str, Callable[[], AbstractContextManager[Harness]]] = {"slack": slack_harness}


@pytest.fixture(params=HARNESSES)
def chat(request: pytest.FixtureRequest) -> Iterator[Harness]:
    with HARNESSES[request.param]() as harness:
        yield harness


def view(text: str) -> View:
    return View(text, [Paragraph([text])])


def posted(chat: Harness, to: Destination, text: str, key: str) -> Sent:
    outcome = chat.port.post(to, view(text), key)
    assert isinstance(outcome, Sent), outcome
    return outcome


@pytest.mark.parametrize("where", ["person", "channel"])
def test_a_post_is_there_and_can_be_found_changed_and_taken_back(chat: Harness, where: str) -> None:
    to: Destination = getattr(chat, where)()
    start = chat.now()
    sent = posted(chat, to, "first words", "key-1")
    assert chat.messages(to) == ["first words"]
    assert chat.port.find(to, "key-1", start - timedelta(hours=1)) == [sent]

    assert chat.port.update(sent.channel, sent.message_id, view("other words")) == sent
    assert chat.messages(to) == ["other words"]
    assert chat.port.find(to, "key-1", start - timedelta(hours=1)) == [sent], "a changed message is still found"

    assert isinstance(chat.port.delete(sent.channel, sent.message_id), Sent)
    assert chat.messages(to) == []


def test_only_the_message_with_that_key_is_found(chat: Harness) -> None:
    to = chat.person()
    posted(chat, to, "one", "key-1")
    second = posted(chat, to, "two", "key-2")
    since = chat.now() - timedelta(hours=1)
    assert chat.port.find(to, "key-2", since) == [second]
    assert chat.port.find(to, "key-3", since) == []


def test_nothing_is_found_where_nothing_was_ever_sent(chat: Harness) -> None:
    assert chat.port.find(chat.person(), "key-1", chat.now()) == []


def test_copies_are_found_oldest_first_beyond_the_first_page(chat: Harness) -> None:
    to = chat.person()
    since = chat.now()
    first = posted(chat, to, "copy", "key-1")
    for number in range(210):
        posted(chat, to, f"other {number}", f"other-{number}")
    second = posted(chat, to, "copy", "key-1")
    assert chat.port.find(to, "key-1", since) == [first, second]


def test_a_message_from_before_is_not_looked_for(chat: Harness) -> None:
    to = chat.person()
    posted(chat, to, "old", "key-1")
    chat.later(timedelta(days=3))
    assert chat.port.find(to, "key-1", chat.now() - timedelta(hours=1)) == []


def test_a_lost_reply_is_unknown_and_the_message_is_found_once(chat: Harness) -> None:
    to = chat.person()
    chat.lose_the_next_reply()
    assert isinstance(chat.port.post(to, view("words"), "key-1"), Unknown)
    found = chat.port.find(to, "key-1", chat.now() - timedelta(hours=1))
    assert isinstance(found, list)
    assert len(found) == 1
    assert chat.messages(to) == ["words"], "sent once: nobody retried by themselves"


def test_a_server_error_is_unknown_even_if_nothing_was_done(chat: Harness) -> None:
    to = chat.person()
    chat.fail_before_the_next()
    assert isinstance(chat.port.post(to, view("words"), "key-1"), Unknown)
    assert chat.port.find(to, "key-1", chat.now() - timedelta(hours=1)) == []


def test_a_read_back_that_fails_concludes_nothing(chat: Harness) -> None:
    to = chat.person()
    sent = posted(chat, to, "words", "key-1")
    chat.fail_before_the_next()
    assert isinstance(chat.port.find(to, "key-1", chat.now()), Unknown)
    chat.lose_the_next_reply()
    assert isinstance(chat.port.find(to, "key-1", chat.now()), Unknown)
    chat.limit_the_rate(7)
    assert chat.port.find(to, "key-1", chat.now()) == NotSent("ratelimited", 7.0)
    assert chat.port.find(to, "key-1", chat.now() - timedelta(hours=1)) == [sent]


def test_a_rate_limit_says_how_long_to_wait(chat: Harness) -> None:
    to = chat.person()
    chat.limit_the_rate(17)
    assert chat.port.post(to, view("words"), "key-1") == NotSent("ratelimited", 17.0)
    assert chat.messages(to) == []


def test_a_platform_that_cannot_be_reached_was_not_reached(chat: Harness) -> None:
    assert chat.unreachable().post(chat.person(), view("words"), "key-1") == NotSent("cannot_connect")


def test_when_the_app_itself_is_refused_no_message_is_to_blame(chat: Harness) -> None:
    to = chat.person()
    chat.refuse_the_app()
    outcome = chat.port.post(to, view("words"), "key-1")
    assert isinstance(outcome, NotSent)
    assert outcome.retry_after >= 60


def test_nobody_there_is_refused_for_good(chat: Harness) -> None:
    assert isinstance(chat.port.post(chat.nobody(), view("words"), "key-1"), Refused)


def test_a_channel_that_does_not_exist_is_refused_for_good(chat: Harness) -> None:
    outcome = chat.port.post(Destination(channel="#no-such-channel"), view("words"), "key-1")
    assert outcome == Refused("channel_not_found")


def test_a_message_that_is_gone_cannot_be_updated(chat: Harness) -> None:
    sent = posted(chat, chat.person(), "words", "key-1")
    chat.port.delete(sent.channel, sent.message_id)
    outcome = chat.port.update(sent.channel, sent.message_id, view("other words"))
    assert isinstance(outcome, Refused)
    assert outcome.gone


def test_a_long_message_fits(chat: Harness) -> None:
    to = chat.person()
    sent = posted(chat, to, "long " * 5_000, "key-1")
    assert isinstance(chat.port.update(sent.channel, sent.message_id, view("long " * 5_000)), Sent)

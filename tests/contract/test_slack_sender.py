"""What the end of a call to Slack means, and what Slack alone asks of a sender."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from bot.operations.ports import Destination, NotSent, Outcome, Refused, Sent, Unknown
from bot.sandbox.faults import Fault
from bot.sandbox.workspace import ALL_SCOPES
from bot.slack.sender import SlackSender
from messages.view import Paragraph, View
from tests.servers.workspace import RunningWorkspace, running_workspace

LANE = "slack:T000000001"
VIEW = View("words", [Paragraph(["words"])])


@pytest.fixture(scope="module")
def slack() -> Iterator[RunningWorkspace]:
    with running_workspace() as running:
        yield running


@pytest.fixture
def sender(slack: RunningWorkspace) -> SlackSender:
    slack.workspace.faults.clear()
    return SlackSender(LANE, slack.bot_token, slack.url)


@pytest.fixture(scope="module")
def ada(slack: RunningWorkspace) -> Destination:
    return Destination(user_id=slack.workspace.add_user("Ada Example", email="ada@example.com").id)


@pytest.mark.parametrize(
    ("error", "means"),
    [
        ("ratelimited", NotSent("ratelimited", 10.0)),
        ("rate_limited", NotSent("ratelimited", 10.0)),
        ("request_timeout", NotSent("request_timeout")),
        ("invalid_auth", NotSent("invalid_auth", 300.0)),
        ("token_revoked", NotSent("token_revoked", 300.0)),
        ("account_inactive", NotSent("account_inactive", 300.0)),
        ("fatal_error", Unknown("fatal_error")),
        ("internal_error", Unknown("internal_error")),
        ("service_unavailable", Unknown("service_unavailable")),
        ("channel_not_found", Refused("channel_not_found")),
        ("not_in_channel", Refused("not_in_channel")),
        ("is_archived", Refused("is_archived")),
        ("user_disabled", Refused("user_disabled")),
        ("restricted_action", Refused("restricted_action")),
        ("msg_too_long", Refused("msg_too_long")),
        ("Not a code <of Slack's>", Unknown("answer_not_json (HTTP 200)")),
    ],
)
def test_every_error_has_its_meaning(
    slack: RunningWorkspace, sender: SlackSender, ada: Destination, error: str, means: Outcome
) -> None:
    slack.workspace.faults.add("chat.postMessage", Fault.ERROR, error=error)
    assert sender.post(ada, VIEW, "key") == means


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("fault", [Fault.FAIL_BEFORE, Fault.FAIL_AFTER])
def test_a_server_error_says_nothing_about_the_message(
    slack: RunningWorkspace, sender: SlackSender, ada: Destination, fault: Fault, status: int
) -> None:
    slack.workspace.faults.add("chat.postMessage", fault, status=status)
    assert isinstance(sender.post(ada, VIEW, "key"), Unknown)


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_REPLY])
def test_a_broken_connection_says_nothing_about_the_message(
    slack: RunningWorkspace, sender: SlackSender, ada: Destination, fault: Fault
) -> None:
    before = slack.workspace.calls.count("chat.postMessage")
    slack.workspace.faults.add("chat.postMessage", fault)
    assert isinstance(sender.post(ada, VIEW, "key"), Unknown)
    assert slack.workspace.calls.count("chat.postMessage") == before + 1, "one call, no retry"


@pytest.mark.parametrize(
    "code", ["message_not_found", "channel_not_found", "edit_window_closed", "cant_update_message"]
)
def test_what_can_never_be_changed_again_is_gone(slack: RunningWorkspace, sender: SlackSender, code: str) -> None:
    slack.workspace.faults.add("chat.update", Fault.ERROR, error=code)
    assert sender.update("D000000009", "1.000001", VIEW) == Refused(code, gone=True)


def test_a_bad_update_is_refused_but_not_gone(slack: RunningWorkspace, sender: SlackSender) -> None:
    slack.workspace.faults.add("chat.update", Fault.ERROR, error="msg_too_long")
    assert sender.update("D000000009", "1.000001", VIEW) == Refused("msg_too_long")


def test_only_an_opaque_key_travels_with_a_message(
    slack: RunningWorkspace, sender: SlackSender, ada: Destination
) -> None:
    sent = sender.post(ada, VIEW, "opaque")
    assert isinstance(sent, Sent)
    message = slack.workspace.channels[sent.channel].messages[sent.message_id]
    assert message.metadata == {"event_type": "whose_delivery", "event_payload": {"delivery_key": "opaque"}}


def test_channels_are_listed_once_and_found_with_or_without_the_sign(
    slack: RunningWorkspace, sender: SlackSender
) -> None:
    channel = slack.workspace.add_channel("token-security")
    before = slack.workspace.calls.count("conversations.list")
    for name in ("#token-security", "token-security", channel.id):
        sent = sender.post(Destination(channel=name), VIEW, name)
        assert isinstance(sent, Sent)
        assert sent.channel == channel.id
    assert slack.workspace.calls.count("conversations.list") == before + 1


def test_a_channel_that_is_made_later_is_found(slack: RunningWorkspace, sender: SlackSender) -> None:
    assert sender.post(Destination(channel="#later"), VIEW, "key") == Refused("channel_not_found")
    slack.workspace.add_channel("later")
    assert isinstance(sender.post(Destination(channel="#later"), VIEW, "key"), Sent)


def test_private_channels_without_the_scope_are_explained(
    slack: RunningWorkspace, sender: SlackSender, caplog: pytest.LogCaptureFixture
) -> None:
    sender.post(Destination(channel="#token-security"), VIEW, "key")  # the public ones are known
    slack.workspace.faults.add("conversations.list", Fault.DELAY)  # for the public ones, once more
    slack.workspace.faults.add("conversations.list", Fault.ERROR, error="missing_scope")
    with caplog.at_level(logging.WARNING):
        assert sender.post(Destination(channel="#hidden"), VIEW, "key") == Refused("channel_not_found")
    assert "groups:read" in caplog.text


def test_a_channel_without_the_app_is_refused() -> None:
    with running_workspace(scopes=ALL_SCOPES - {"chat:write.public"}) as slack:
        slack.workspace.add_channel("quiet", with_bot=False)
        sender = SlackSender(LANE, slack.bot_token, slack.url)
        assert sender.post(Destination(channel="#quiet"), VIEW, "key") == Refused("not_in_channel")


def test_a_missing_scope_is_named() -> None:
    with running_workspace(scopes=ALL_SCOPES - {"chat:write"}) as slack:
        ada = slack.workspace.add_user("Ada Example", email="ada@example.com")
        outcome = SlackSender(LANE, slack.bot_token, slack.url).post(Destination(user_id=ada.id), VIEW, "key")
        assert outcome == NotSent("missing_scope:chat:write", 300.0)


def test_a_conversation_that_may_not_be_opened_says_nothing(slack: RunningWorkspace, sender: SlackSender) -> None:
    bob = slack.workspace.add_user("Bob Example", email="bob@example.com")
    sent = sender.post(Destination(user_id=bob.id), VIEW, "key")
    assert isinstance(sent, Sent)
    slack.workspace.deactivate(bob.id)
    since = slack.workspace.now()
    assert sender.find(Destination(user_id=bob.id), "key", since) == Unknown("user_disabled")
    assert sender.find(Destination(user_id=bob.id, channel=sent.channel), "key", since.replace(year=2020)) == [sent]

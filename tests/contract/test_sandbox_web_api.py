"""The sandbox refuses what Slack refuses, by the same names, seen through Slack's own clients."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook import WebhookClient

from bot.sandbox.faults import Fault, RateLimiter
from bot.sandbox.model import User
from bot.sandbox.workspace import ALL_SCOPES
from tests.servers.workspace import BOT_TOKEN, ManualClock, RunningWorkspace, running_workspace

Json = dict[str, Any]


class Seconds:
    """A real clock that a test may push."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def seconds() -> Seconds:
    """Real time, under the test's hand."""
    return Seconds()


@pytest.fixture(scope="module")
def slack(seconds: Seconds) -> Iterator[RunningWorkspace]:
    """One workspace for all of this module; nothing here minds what another test left."""
    with running_workspace(monotonic=seconds) as running:
        yield running


@pytest.fixture
def client(slack: RunningWorkspace) -> WebClient:
    """Slack's client, which does not try again by itself."""
    return WebClient(BOT_TOKEN, base_url=slack.url, retry_handlers=[])


@pytest.fixture
def ada(slack: RunningWorkspace) -> User:
    """Somebody new."""
    number = len(slack.workspace.users)
    return slack.workspace.add_user(f"Ada {number}", email=f"ada{number}@example.com", tz="Europe/Berlin")


def error_of(call: Callable[[], Any]) -> Json:
    """The body of the refusal."""
    with pytest.raises(SlackApiError) as caught:
        call()
    body = caught.value.response.data
    assert isinstance(body, dict)
    return body


def plain(text: str) -> Json:
    """A plain text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    """A mrkdwn text object."""
    return {"type": "mrkdwn", "text": text}


def section(text: str = "x", **more: Any) -> Json:
    """A section."""
    return {"type": "section", "text": mrkdwn(text), **more}


def button(**more: Any) -> Json:
    """A button."""
    return {"type": "button", "action_id": "a", "text": plain("Go"), **more}


def options(count: int, text: str = "o") -> list[Json]:
    """So many options."""
    return [{"text": plain(text), "value": f"v{n}"} for n in range(count)]


def actions(*elements: Json) -> Json:
    """An actions block."""
    return {"type": "actions", "elements": list(elements)}


def modal(**more: Any) -> Json:
    """A small modal."""
    return {"type": "modal", "title": plain("Title"), "blocks": [section()], **more}


def test_the_token_is_checked(slack: RunningWorkspace) -> None:
    assert error_of(WebClient("xoxb-wrong", base_url=slack.url).auth_test)["error"] == "invalid_auth"
    assert error_of(WebClient(base_url=slack.url).auth_test)["error"] == "not_authed"
    assert WebClient(base_url=slack.url).auth_test(token=BOT_TOKEN)["team"] == "Example Team"


def test_an_unknown_method_is_named(client: WebClient) -> None:
    assert error_of(lambda: client.api_call("chat.shout"))["error"] == "unknown_method"


@pytest.mark.parametrize(
    ("scope", "method", "arguments"),
    [
        ("users:read", "users.list", {}),
        ("users:read", "users.info", {"user": "U1"}),
        ("users:read.email", "users.lookupByEmail", {"email": "a@example.com"}),
        ("im:write", "conversations.open", {"users": "U1"}),
        ("channels:read", "conversations.list", {}),
        ("im:read", "conversations.list", {"types": "im"}),
        ("chat:write", "chat.postMessage", {"channel": "C1", "text": "x"}),
        ("chat:write", "chat.update", {"channel": "C1", "ts": "1.0", "text": "x"}),
        ("chat:write", "chat.delete", {"channel": "C1", "ts": "1.0"}),
        ("chat:write", "chat.postEphemeral", {"channel": "C1", "user": "U1", "text": "x"}),
    ],
)
def test_a_missing_scope_is_named(scope: str, method: str, arguments: Json) -> None:
    with running_workspace(scopes=ALL_SCOPES - {scope}) as poor:
        client = WebClient(BOT_TOKEN, base_url=poor.url)
        body = error_of(lambda: client.api_call(method, params=arguments))
    assert (body["error"], body["needed"]) == ("missing_scope", scope)
    assert scope not in body["provided"].split(",")


def test_an_address_is_shown_only_with_its_scope() -> None:
    with running_workspace(scopes={"users:read"}) as poor:
        poor.workspace.add_user("Ada", email="ada@example.com")
        members = WebClient(BOT_TOKEN, base_url=poor.url).users_list()["members"]
    assert all("email" not in member["profile"] for member in members)


def test_people_come_in_pages_of_two_hundred() -> None:
    with running_workspace() as slack:
        for number in range(450):
            slack.workspace.add_user(f"P{number}", email=f"p{number}@example.com", deleted=number == 7)
        client = WebClient(BOT_TOKEN, base_url=slack.url)
        pages = [len(page["members"]) for page in client.users_list(limit=1000)]
        assert pages == [200, 200, 51]
        first = client.users_list(limit=20)["members"]
        assert [m["deleted"] for m in first if m["name"] == "p7"] == [True]
        assert error_of(lambda: client.users_list(cursor="nonsense"))["error"] == "invalid_cursor"


def test_people_are_looked_up(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    assert client.users_lookupByEmail(email=str(ada.email))["user"]["id"] == ada.id
    assert client.users_info(user=ada.id)["user"]["tz"] == "Europe/Berlin"
    assert error_of(lambda: client.users_info(user="U404"))["error"] == "user_not_found"
    assert error_of(lambda: client.users_lookupByEmail(email="no@example.com"))["error"] == "users_not_found"


def test_a_leaver_is_refused(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    slack.workspace.deactivate(ada.id)
    assert error_of(lambda: client.users_lookupByEmail(email=str(ada.email)))["error"] == "users_not_found"
    assert error_of(lambda: client.conversations_open(users=ada.id))["error"] == "user_disabled"
    assert error_of(lambda: client.chat_postMessage(channel=ada.id, text="x"))["error"] == "channel_not_found"
    assert client.users_info(user=ada.id)["user"]["deleted"] is True


def test_a_conversation_is_opened_once(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    first = client.conversations_open(users=[ada.id])
    second = client.conversations_open(users=[ada.id])
    assert first["channel"]["id"] == second["channel"]["id"]
    assert second["already_open"] is True
    assert error_of(lambda: client.conversations_open(users="U404"))["error"] == "user_not_found"
    bot = slack.workspace.bot_user.id
    assert error_of(lambda: client.conversations_open(users=bot))["error"] == "cannot_dm_bot"
    assert error_of(lambda: client.conversations_open(users=""))["error"] == "users_list_not_supplied"


def test_channels_are_known_and_joined(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    inside = slack.workspace.add_channel("security", members=[ada.id])
    assert client.conversations_info(channel=inside.id)["channel"]["is_member"] is True
    assert ada.id in client.conversations_members(channel=inside.id)["members"]
    assert inside.id in [c["id"] for c in client.conversations_list()["channels"]]
    posted = client.chat_postMessage(channel="#security", text="x")
    assert posted["channel"] == inside.id
    assert client.chat_getPermalink(channel=inside.id, message_ts=posted["ts"])["permalink"]
    assert error_of(lambda: client.conversations_info(channel="C404"))["error"] == "channel_not_found"


def test_a_channel_of_others_is_closed_without_its_scope() -> None:
    with running_workspace(scopes=ALL_SCOPES - {"chat:write.public"}) as slack:
        client = WebClient(BOT_TOKEN, base_url=slack.url)
        outside = slack.workspace.add_channel("elsewhere", with_bot=False)
        assert error_of(lambda: client.chat_postMessage(channel=outside.id, text="x"))["error"] == "not_in_channel"
        assert error_of(lambda: client.conversations_history(channel=outside.id))["error"] == "not_in_channel"


def test_timestamps_rise_though_the_clock_stands_still(client: WebClient, ada: User) -> None:
    stamps = [client.chat_postMessage(channel=ada.id, text=str(n))["ts"] for n in range(5)]
    assert stamps == sorted(set(stamps))


def test_metadata_is_given_back_only_when_asked_for(client: WebClient, ada: User) -> None:
    metadata = {"event_type": "posting", "event_payload": {"delivery_key": "k1"}}
    posted = client.chat_postMessage(channel=ada.id, text="x", metadata=metadata)
    channel = str(posted["channel"])
    silent = client.conversations_history(channel=channel)["messages"]
    assert "metadata" not in silent[0]
    spoken = client.conversations_history(channel=channel, include_all_metadata=True, oldest="0")
    assert spoken["messages"][0]["metadata"] == metadata
    wrong = {"event_type": "posting"}
    body = error_of(lambda: client.chat_postMessage(channel=channel, text="x", metadata=wrong))
    assert body["error"] == "invalid_metadata_format"


def test_history_is_newest_first_and_paged(client: WebClient, ada: User) -> None:
    stamps = [client.chat_postMessage(channel=ada.id, text=str(n))["ts"] for n in range(5)]
    channel = str(client.conversations_open(users=ada.id)["channel"]["id"])
    pages = [[m["text"] for m in page["messages"]] for page in client.conversations_history(channel=channel, limit=2)]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    between = client.conversations_history(channel=channel, oldest=stamps[1], latest=stamps[3])["messages"]
    assert [m["text"] for m in between] == ["2"]
    edges = client.conversations_history(channel=channel, oldest=stamps[1], latest=stamps[3], inclusive=True)
    assert [m["text"] for m in edges["messages"]] == ["3", "2", "1"]


def test_messages_are_updated_and_deleted(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    posted = client.chat_postMessage(channel=ada.id, text="x", blocks=[section("before")])
    channel, ts = str(posted["channel"]), str(posted["ts"])
    updated = client.chat_update(channel=channel, ts=ts, text="y", blocks=[section("after")])
    assert updated["message"]["blocks"][0]["text"]["text"] == "after"
    assert updated["message"]["edited"]
    assert client.chat_update(channel=channel, ts=ts, text="z")["message"]["blocks"][0]["text"]["text"] == "after"
    assert error_of(lambda: client.chat_update(channel=channel, ts=ts, text="x" * 4001))["error"] == "msg_too_long"
    assert error_of(lambda: client.chat_update(channel=channel, ts="1.0", text="x"))["error"] == "message_not_found"
    theirs = slack.workspace.post(channel, "mine", user=ada.id)
    body = error_of(lambda: client.chat_update(channel=channel, ts=theirs.ts, text="x"))
    assert body["error"] == "cant_update_message"
    assert error_of(lambda: client.chat_delete(channel=channel, ts=theirs.ts))["error"] == "cant_delete_message"
    client.chat_delete(channel=channel, ts=ts)
    assert error_of(lambda: client.chat_delete(channel=channel, ts=ts))["error"] == "message_not_found"


def test_an_ephemeral_message_is_for_one_person(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    ben = slack.workspace.add_user("Ben", email=None)
    channel = slack.workspace.add_channel("room", members=[ada.id])
    ts = client.chat_postEphemeral(channel=channel.id, user=ada.id, text="psst")["message_ts"]
    assert [m.ts for m in slack.workspace.messages(channel.id, ada.id)] == [ts]
    assert slack.workspace.messages(channel.id, ben.id) == []
    assert client.conversations_history(channel=channel.id)["messages"] == []
    body = error_of(lambda: client.chat_postEphemeral(channel=channel.id, user=ben.id, text="x"))
    assert body["error"] == "user_not_in_channel"
    body = error_of(lambda: client.chat_update(channel=channel.id, ts=str(ts), text="x"))
    assert body["error"] == "message_not_found"


@pytest.mark.filterwarnings("ignore:The top-level")
def test_text_is_needed_and_cut(client: WebClient, ada: User) -> None:
    assert error_of(lambda: client.chat_postMessage(channel=ada.id, text=""))["error"] == "no_text"
    assert error_of(lambda: client.chat_postMessage(channel="C404", text="x"))["error"] == "channel_not_found"
    long = client.chat_postMessage(channel=ada.id, text="x" * 50_000)
    assert len(long["message"]["text"]) == 40_000


WRONG_BLOCKS: dict[str, tuple[list[Json], str]] = {
    "section text": ([section("x" * 3001)], "/blocks/0/text/text"),
    "empty text": ([section("")], "/blocks/0/text/text"),
    "no text": ([{"type": "section"}], "/blocks/0"),
    "field": ([{"type": "section", "fields": [mrkdwn("x" * 2001)]}], "/blocks/0/fields/0/text"),
    "fields": ([{"type": "section", "fields": [mrkdwn("x")] * 11}], "/blocks/0/fields"),
    "header": ([{"type": "header", "text": plain("x" * 151)}], "/blocks/0/text/text"),
    "header mrkdwn": ([{"type": "header", "text": mrkdwn("x")}], "/blocks/0/text/type"),
    "button text": ([actions(button(text=plain("x" * 76)))], "/blocks/0/elements/0/text/text"),
    "button value": ([actions(button(value="x" * 2001))], "/blocks/0/elements/0/value"),
    "button style": ([actions(button(style="blue"))], "/blocks/0/elements/0/style"),
    "action_id": ([actions(button(action_id="x" * 256))], "/blocks/0/elements/0/action_id"),
    "same action_id": ([actions(button(), button())], "/blocks/0"),
    "block_id": ([section(block_id="x" * 256)], "/blocks/0/block_id"),
    "same block_id": ([section(block_id="b"), section(block_id="b")], "/blocks/1"),
    "26 actions": ([actions(*(button(action_id=str(n)) for n in range(26)))], "/blocks/0/elements"),
    "no actions": ([actions()], "/blocks/0/elements"),
    "11 context": ([{"type": "context", "elements": [mrkdwn("x")] * 11}], "/blocks/0/elements"),
    "101 options": (
        [actions({"type": "static_select", "action_id": "s", "options": options(101)})],
        "/blocks/0/elements/0/options",
    ),
    "option text": (
        [actions({"type": "static_select", "action_id": "s", "options": options(1, "x" * 76)})],
        "/blocks/0/elements/0/options/0/text/text",
    ),
    "6 overflow": (
        [actions({"type": "overflow", "action_id": "o", "options": options(6)})],
        "/blocks/0/elements/0/options",
    ),
    "11 checkboxes": (
        [actions({"type": "checkboxes", "action_id": "o", "options": options(11)})],
        "/blocks/0/elements/0/options",
    ),
    "initial option": (
        [
            actions(
                {
                    "type": "static_select",
                    "action_id": "s",
                    "options": options(1),
                    "initial_option": {"text": plain("o"), "value": "other"},
                }
            )
        ],
        "/blocks/0/elements/0",
    ),
    "text input in actions": (
        [actions({"type": "plain_text_input", "action_id": "t"})],
        "/blocks/0/elements/0/type",
    ),
    "unknown block": ([{"type": "banner"}], "/blocks/0/type"),
    "unknown property": ([section(colour="red")], "/blocks/0"),
    "51 blocks": ([{"type": "divider"}] * 51, "/blocks"),
}
for _key, _size in (("title", 101), ("text", 301), ("confirm", 31), ("deny", 31)):
    _dialog = {key: plain("x") for key in ("title", "text", "confirm", "deny")} | {_key: plain("x" * _size)}
    WRONG_BLOCKS[f"confirm {_key}"] = (
        [actions(button(confirm=_dialog))],
        f"/blocks/0/elements/0/confirm/{_key}/text",
    )


@pytest.mark.parametrize("name", WRONG_BLOCKS)
def test_blocks_over_the_limits_are_refused_by_path(client: WebClient, ada: User, name: str) -> None:
    blocks, path = WRONG_BLOCKS[name]
    body = error_of(lambda: client.chat_postMessage(channel=ada.id, text="x", blocks=blocks))
    assert body["error"] == "invalid_blocks"
    assert any(f"[json-pointer:{path}]" in line for line in body["response_metadata"]["messages"]), body


def test_blocks_at_the_limits_are_taken(client: WebClient, ada: User) -> None:
    dialog = {"title": plain("x" * 100), "text": plain("x" * 300), "confirm": plain("x" * 30), "deny": plain("x" * 30)}
    blocks = [
        section("x" * 3000),
        {"type": "header", "text": plain("x" * 150)},
        actions(*(button(action_id=str(n)) for n in range(24)), button(value="x" * 2000, confirm=dialog)),
        {"type": "context", "elements": [mrkdwn("x")] * 10},
        actions({"type": "static_select", "action_id": "s", "options": options(10, "x" * 75)}),
        actions({"type": "overflow", "action_id": "o", "options": options(5)}),
        {"type": "section", "fields": [mrkdwn("x" * 200)] * 10},
    ]
    assert client.chat_postMessage(channel=ada.id, text="x", blocks=blocks)["ok"]
    assert client.chat_postMessage(channel=ada.id, text="x", blocks=[{"type": "divider"}] * 50)["ok"]


def test_too_much_text_in_all_is_refused(client: WebClient, ada: User) -> None:
    blocks = [section("x" * 2400)] * 4
    body = error_of(lambda: client.chat_postMessage(channel=ada.id, text="x", blocks=blocks))
    assert body["error"] == "msg_blocks_too_long"
    assert client.chat_postMessage(channel=ada.id, text="x", blocks=[section("x" * 2350)] * 4)["ok"]


def test_blocks_that_are_no_json_are_refused(client: WebClient, ada: User) -> None:
    body = error_of(lambda: client.chat_postMessage(channel=ada.id, text="x", blocks="[{"))
    assert body["error"] == "invalid_blocks_format"


def an_input(**more: Any) -> Json:
    """An input block."""
    element = {"type": "plain_text_input", "action_id": "t"}
    return {"type": "input", "label": plain("Why"), "element": element, **more}


@pytest.mark.parametrize(
    ("view", "path"),
    [
        (modal(title=plain("x" * 25)), "/view/title/text"),
        (modal(submit=plain("x" * 25)), "/view/submit/text"),
        (modal(close=plain("x" * 25)), "/view/close/text"),
        (modal(private_metadata="x" * 3001), "/view/private_metadata"),
        (modal(callback_id="x" * 256), "/view/callback_id"),
        (modal(blocks=[an_input()]), "/view/submit"),
        (modal(blocks=[{"type": "divider"}] * 101), "/view/blocks"),
        (modal(blocks=[section("x" * 3001)]), "/view/blocks/0/text/text"),
        ({"type": "home", "blocks": []}, "/view/type"),
    ],
)
def test_views_over_the_limits_are_refused_by_path(
    slack: RunningWorkspace, client: WebClient, ada: User, view: Json, path: str
) -> None:
    trigger = slack.workspace.issue_trigger(ada.id)
    body = error_of(lambda: client.views_open(trigger_id=trigger, view=view))
    assert body["error"] == "invalid_arguments"
    assert any(f"[json-pointer:{path}]" in line for line in body["response_metadata"]["messages"]), body


def test_a_trigger_works_once_and_for_three_seconds(
    slack: RunningWorkspace, client: WebClient, ada: User, seconds: Seconds
) -> None:
    trigger = slack.workspace.issue_trigger(ada.id)
    client.views_open(trigger_id=trigger, view=modal())
    body = error_of(lambda: client.views_open(trigger_id=trigger, view=modal()))
    assert body["error"] == "exchanged_trigger_id"
    late = slack.workspace.issue_trigger(ada.id)
    seconds.now += 3.1
    assert error_of(lambda: client.views_open(trigger_id=late, view=modal()))["error"] == "expired_trigger_id"
    assert error_of(lambda: client.views_open(trigger_id="1.2.x", view=modal()))["error"] == "invalid_trigger_id"


def test_modals_stack_to_three(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    def trigger() -> str:
        return slack.workspace.issue_trigger(ada.id)

    root = client.views_open(trigger_id=trigger(), view=modal())["view"]
    second = client.views_push(trigger_id=trigger(), view=modal())["view"]
    assert (second["root_view_id"], second["previous_view_id"]) == (root["id"], root["id"])
    client.views_push(trigger_id=trigger(), view=modal())
    body = error_of(lambda: client.views_push(trigger_id=trigger(), view=modal()))
    assert body["error"] == "push_limit_reached"


def test_a_stale_hash_is_a_conflict(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    trigger = slack.workspace.issue_trigger(ada.id)
    view = client.views_open(trigger_id=trigger, view=modal(external_id=f"x-{ada.id}"))["view"]
    updated = client.views_update(view_id=view["id"], hash=view["hash"], view=modal())["view"]
    assert updated["hash"] != view["hash"]
    body = error_of(lambda: client.views_update(view_id=view["id"], hash=view["hash"], view=modal()))
    assert body["error"] == "hash_conflict"
    assert client.views_update(external_id=f"x-{ada.id}", view=modal())["ok"]
    assert error_of(lambda: client.views_update(view_id="V404", view=modal()))["error"] == "not_found"


def test_the_home_tab_is_published(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    home = {"type": "home", "blocks": [section("hello")]}
    first = client.views_publish(user_id=ada.id, view=home)["view"]
    assert client.views_publish(user_id=ada.id, view=home, hash=first["hash"])["view"]["id"] == first["id"]
    body = error_of(lambda: client.views_publish(user_id=ada.id, view=home, hash=first["hash"]))
    assert body["error"] == "hash_conflict"
    assert error_of(lambda: client.views_publish(user_id="U404", view=home))["error"] == "user_not_found"


def test_trouble_comes_on_demand(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    def texts() -> list[str]:
        return [m.text for m in slack.workspace.messages(slack.workspace.dm(ada.id).id)]

    faults = slack.workspace.faults
    faults.add("chat.postMessage", Fault.TOO_MANY_REQUESTS, times=2, retry_after=7)
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel=ada.id, text="limited")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "7"
    faults.add("chat.postMessage", Fault.RATELIMITED)
    assert error_of(lambda: client.chat_postMessage(channel=ada.id, text="limited"))["error"] == "ratelimited"
    faults.add("*", Fault.FAIL_BEFORE, status=503)
    with pytest.raises(SlackApiError):
        client.chat_postMessage(channel=ada.id, text="before")
    assert texts() == []
    faults.add("chat.postMessage", Fault.FAIL_AFTER)
    with pytest.raises(SlackApiError):
        client.chat_postMessage(channel=ada.id, text="after")
    faults.add("chat.postMessage", Fault.DROP_REPLY)
    with pytest.raises(ConnectionError):
        client.chat_postMessage(channel=ada.id, text="lost")
    faults.add("chat.postMessage", Fault.DROP_BEFORE)
    with pytest.raises(ConnectionError):
        client.chat_postMessage(channel=ada.id, text="never")
    faults.add("chat.postMessage", Fault.ERROR, error="fatal_error")
    assert error_of(lambda: client.chat_postMessage(channel=ada.id, text="no"))["error"] == "fatal_error"
    assert texts() == ["after", "lost"]


def test_a_slow_reply_is_slow_for_one_only(slack: RunningWorkspace, client: WebClient, ada: User) -> None:
    slack.workspace.faults.add("chat.postMessage", Fault.DELAY, seconds=30)
    hasty = WebClient(BOT_TOKEN, base_url=slack.url, timeout=1, retry_handlers=[])
    with pytest.raises(OSError, match="timed out"):
        hasty.chat_postMessage(channel=ada.id, text="slow")
    assert client.chat_postMessage(channel=ada.id, text="next")["ok"]


def test_the_limiter_holds_a_channel_to_one_a_second(seconds: Seconds) -> None:
    limiter = RateLimiter(seconds, per_minute=3)
    assert (limiter.wait_for("D1"), limiter.wait_for("D1"), limiter.wait_for("D2")) == (0, 1, 0)
    seconds.now += 1
    assert limiter.wait_for("D1") == 0
    seconds.now += 1
    assert limiter.wait_for("D1") > 50
    seconds.now += 60
    assert limiter.wait_for("D1") == 0


def test_the_limiter_answers_as_slack_does(seconds: Seconds) -> None:
    with running_workspace() as slack:
        ada = slack.workspace.add_user("Ada", email=None)
        slack.workspace.limiter = RateLimiter(seconds)
        client = WebClient(BOT_TOKEN, base_url=slack.url, retry_handlers=[])
        client.chat_postMessage(channel=ada.id, text="1")
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel=ada.id, text="2")
        assert caught.value.response.headers["Retry-After"] == "1"
        counts = (
            slack.workspace.calls.count("chat.postMessage"),
            slack.workspace.calls.count("chat.postMessage", ok=True),
        )
        assert counts == (2, 1)


def test_a_response_url_is_good_for_five_answers(slack: RunningWorkspace, ada: User, seconds: Seconds) -> None:
    dm = slack.workspace.dm(ada.id).id
    hook = WebhookClient(slack.workspace.new_response_url(ada.id, dm))
    assert [hook.send(text=str(n)).status_code for n in range(5)] == [200] * 5
    last = hook.send(text="6")
    assert (last.status_code, json.loads(last.body)["error"]) == (404, "used_url")
    late = WebhookClient(slack.workspace.new_response_url(ada.id, dm))
    seconds.now += 30 * 60 + 1
    assert json.loads(late.send(text="x").body)["error"] == "expired_url"


def test_a_response_url_replaces_and_deletes(slack: RunningWorkspace, ada: User) -> None:
    dm = slack.workspace.dm(ada.id).id
    message = slack.workspace.post(dm, "before", blocks=[section()])
    hook = WebhookClient(slack.workspace.new_response_url(ada.id, dm, message.ts))
    hook.send(text="after", replace_original=True)
    assert [m.text for m in slack.workspace.messages(dm)] == ["after"]
    hook.send(text="for all", response_type="in_channel")
    hook.send(delete_original=True)
    assert [m.text for m in slack.workspace.messages(dm)] == ["for all"]


def test_the_async_client_is_served_too(slack: RunningWorkspace, ada: User) -> None:
    async def run() -> list[str]:
        client = AsyncWebClient(BOT_TOKEN, base_url=slack.url, retry_handlers=[])
        posts = (client.chat_postMessage(channel=ada.id, text=str(n)) for n in range(20))
        return [str(posted["ts"]) for posted in await asyncio.gather(*posts)]

    assert len(set(asyncio.run(run()))) == 20


def test_many_threads_may_change_it_at_once(slack: RunningWorkspace, ada: User) -> None:
    dm = slack.workspace.dm(ada.id).id

    def write() -> None:
        for number in range(50):
            slack.workspace.post(dm, str(number))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stamps = [m.ts for m in slack.workspace.messages(dm)]
    assert (len(set(stamps)), stamps) == (200, sorted(stamps))


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Host": "evil.example"}),
        ("POST", {"Host": "evil.example:80"}),
        ("POST", {"Origin": "https://evil.example"}),
        ("POST", {"Origin": "null"}),
        ("POST", {"Sec-Fetch-Site": "cross-site"}),
    ],
)
def test_foreign_requests_are_refused(slack: RunningWorkspace, method: str, headers: dict[str, str]) -> None:
    request = urllib.request.Request(f"{slack.url}api.test", method=method, headers=headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 403


def test_a_clock_that_jumps_gives_messages_its_time() -> None:
    clock = ManualClock()
    with running_workspace(clock.now) as slack:
        ada = slack.workspace.add_user("Ada", email=None)
        client = WebClient(BOT_TOKEN, base_url=slack.url)
        posted = client.chat_postMessage(channel=ada.id, text="x")
    assert float(str(posted["ts"])) == clock.now().timestamp()

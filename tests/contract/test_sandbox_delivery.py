"""The sandbox delivers as Slack does: a real Bolt app verifies every signature and understands every payload."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.sandbox.model import Message, User
from tests.servers.workspace import BOT_TOKEN, SIGNING_SECRET, RunningWorkspace, running_workspace, serving

Json = dict[str, Any]


def text_input(block_id: str, action_id: str, **more: Any) -> Json:
    """An input block."""
    element = {"type": "plain_text_input", "action_id": action_id, **more}
    label = {"type": "plain_text", "text": "Why"}
    return {"type": "input", "block_id": block_id, "label": label, "element": element}


def modal(title: str = "Revoke", **more: Any) -> Json:
    """A modal that asks why."""
    return {
        "type": "modal",
        "callback_id": "why",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Go"},
        "blocks": [text_input("reason", "text")],
        **more,
    }


def card() -> list[Json]:
    """A card with a button, a menu that opens on search, and an overflow."""
    button = {
        "type": "button",
        "action_id": "attest",
        "value": "v1",
        "text": {"type": "plain_text", "text": "Attest"},
    }
    ask = {**button, "action_id": "ask"}
    person = {"type": "external_select", "action_id": "person", "min_query_length": 0}
    one = {"text": {"type": "plain_text", "text": "One"}, "value": "one"}
    more = {"type": "overflow", "action_id": "more", "options": [one]}
    return [{"type": "actions", "block_id": "buttons", "elements": [button, ask, person, more]}]


class TinyBot:
    """A Bolt app that keeps what it was told."""

    def __init__(self, api_url: str) -> None:
        client = AsyncWebClient(BOT_TOKEN, base_url=api_url, retry_handlers=[])
        self.app = AsyncApp(
            client=client,
            signing_secret=SIGNING_SECRET,
            process_before_response=True,
            raise_error_for_unhandled_request=False,
        )
        self.seen: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Json | None = None
        self.delay = 0.0
        self.broken = 0
        self._register()
        handler = AsyncSlackRequestHandler(self.app)

        async def endpoint(request: Request) -> Response:
            self.headers.append(dict(request.headers))
            if self.broken > 0:
                self.broken -= 1
                return PlainTextResponse("broken", status_code=500)
            return await handler.handle(request)

        self.asgi = Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])])

    def _register(self) -> None:
        app = self.app

        @app.command("/whose")
        async def command(ack: Any, body: Json, client: AsyncWebClient) -> None:
            self.seen.append(body)
            await asyncio.sleep(self.delay)
            if body["text"] == "modal":
                await client.views_open(trigger_id=body["trigger_id"], view=modal())
                await ack()
            elif body["text"] == "later":
                await ack()
                url = body["response_url"]
                await AsyncWebhookClient(url).send(text="later", response_type="ephemeral")
            elif body["text"] == "too much":
                block = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
                await ack(text="x", blocks=[block])
            else:
                await ack(f"you said {body['text']}")

        @app.action("attest")
        async def attest(ack: Any, body: Json, client: AsyncWebClient) -> None:
            self.seen.append(body)
            await client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="done", blocks=[])
            await ack()

        @app.action("ask")
        async def ask(ack: Any, body: Json, client: AsyncWebClient) -> None:
            self.seen.append(body)
            await client.views_open(trigger_id=body["trigger_id"], view=modal(notify_on_close=True))
            await ack()

        @app.action("person")
        @app.action("more")
        @app.action("text")
        async def chosen(ack: Any, body: Json) -> None:
            self.seen.append(body)
            await ack()

        @app.options("person")
        async def people(ack: Any, body: Json) -> None:
            self.seen.append(body)
            option = {"text": {"type": "plain_text", "text": body["value"]}, "value": "p1"}
            await ack(options=[option])

        @app.view("why")
        async def submitted(ack: Any, body: Json) -> None:
            self.seen.append(body)
            if self.answer is None:
                await ack()
            else:
                await ack(**self.answer)

        @app.view_closed("why")
        async def closed(ack: Any, body: Json) -> None:
            self.seen.append(body)
            await ack()

        @app.event("message")
        async def said(body: Json, say: Any) -> None:
            self.seen.append(body)
            await say(f"heard {body['event']['text']}")

        @app.event("app_home_opened")
        async def opened(body: Json, client: AsyncWebClient) -> None:
            self.seen.append(body)
            view = {"type": "home", "blocks": [{"type": "divider"}]}
            await client.views_publish(user_id=body["event"]["user"], view=view)


@pytest.fixture
def slack() -> Iterator[RunningWorkspace]:
    """A workspace whose acknowledgements are due in half a second."""
    with running_workspace(ack_seconds=0.5) as running:
        yield running


@pytest.fixture
def bot(slack: RunningWorkspace) -> Iterator[TinyBot]:
    """A bot attached to it."""
    tiny = TinyBot(slack.url)
    with serving(tiny.asgi) as url:
        slack.attach(f"{url}/slack/events")
        yield tiny


@pytest.fixture
def ada(slack: RunningWorkspace) -> User:
    """A person."""
    return slack.workspace.add_user("Ada Example", email="ada@example.com", tz="Europe/Berlin")


@pytest.fixture
def posted(slack: RunningWorkspace, ada: User) -> Message:
    """A card in her conversation with the app."""
    return slack.workspace.post(slack.workspace.dm(ada.id).id, "card", blocks=card())


def test_a_command_is_answered_for_the_person_alone(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    outcome = slack.driver.command(ada.id, "drift-prod")
    assert [m.text for m in outcome.ephemeral] == ["you said drift-prod"]
    assert outcome.messages == []
    assert bot.seen[0]["channel_name"] == "directmessage"
    assert bot.seen[0]["user_name"] == "ada"
    assert bot.seen[0]["is_enterprise_install"] == "false"


def test_an_answer_over_the_limits_is_refused_visibly(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    outcome = slack.driver.command(ada.id, "too much")
    assert outcome.ephemeral == []
    assert "invalid_blocks" in (outcome.error or "")


def test_a_late_answer_is_an_error_for_the_person(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    bot.delay = 1.0
    outcome = slack.driver.command(ada.id, "slow")
    assert "did not respond in time" in (outcome.error or "")
    assert [e["text"] for e in slack.workspace.events if e["kind"] == "notice"] == [outcome.error]


def test_a_response_url_answers_later(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    slack.driver.command(ada.id, "later")
    slack.driver.until(lambda: [m.text for m in slack.driver.inbox(ada.id)] == ["later"])
    assert slack.driver.inbox(ada.id)[0].visible_to == ada.id


def test_a_click_carries_what_slack_sends(slack: RunningWorkspace, bot: TinyBot, ada: User, posted: Message) -> None:
    outcome = slack.driver.click(ada.id, posted.channel, posted.ts, "attest")
    assert outcome.error is None
    body = bot.seen[0]
    assert body["user"] == {"id": ada.id, "username": "ada", "name": "ada", "team_id": "T000000001"}
    assert body["container"] == {
        "type": "message",
        "message_ts": posted.ts,
        "channel_id": posted.channel,
        "is_ephemeral": False,
    }
    assert (body["enterprise"], body["is_enterprise_install"]) == (None, False)
    action = body["actions"][0]
    assert (action["block_id"], action["action_id"], action["value"]) == ("buttons", "attest", "v1")
    assert action["type"] == "button"
    assert action["action_ts"]
    assert body["message"]["blocks"][0]["block_id"] == "buttons"
    assert body["state"]["values"]["buttons"]["person"] == {"type": "external_select", "selected_option": None}
    assert slack.driver.inbox(ada.id)[0].text == "done"


def test_a_stale_card_can_still_be_clicked(slack: RunningWorkspace, bot: TinyBot, ada: User, posted: Message) -> None:
    seen = slack.driver.inbox(ada.id)[0]
    slack.driver.click(ada.id, posted.channel, posted.ts, "attest")
    with pytest.raises(LookupError, match="no element"):
        slack.driver.click(ada.id, posted.channel, posted.ts, "attest")
    slack.driver.click(ada.id, posted.channel, posted.ts, "attest", seen=seen)
    assert len(bot.seen) == 2


def test_a_duplicate_is_the_very_same_request(
    slack: RunningWorkspace, bot: TinyBot, ada: User, posted: Message
) -> None:
    slack.delivery.duplicate_next()
    slack.driver.click(ada.id, posted.channel, posted.ts, "attest")
    first, second = slack.delivery.transport.log
    assert (first.body, first.headers) == (second.body, second.headers)
    assert len(bot.seen) == 2
    assert slack.driver.replay(first).status == 200
    assert len(bot.seen) == 3


def test_interactions_are_never_sent_again(slack: RunningWorkspace, bot: TinyBot, ada: User, posted: Message) -> None:
    bot.broken = 1
    outcome = slack.driver.click(ada.id, posted.channel, posted.ts, "attest")
    assert "could not be reached" in (outcome.error or "")
    assert len(slack.delivery.transport.log) == 1


def test_nobody_acts_for_others_or_after_leaving(
    slack: RunningWorkspace, bot: TinyBot, ada: User, posted: Message
) -> None:
    ben = slack.workspace.add_user("Ben Example", email="ben@example.com")
    with pytest.raises(LookupError, match="sees no conversation"):
        slack.driver.click(ben.id, posted.channel, posted.ts, "attest")
    slack.workspace.deactivate(ada.id)
    with pytest.raises(Exception, match="user_disabled"):
        slack.driver.click(ada.id, posted.channel, posted.ts, "attest")
    assert bot.seen == []


def test_an_ephemeral_message_is_not_sent_along(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    dm = slack.workspace.dm(ada.id).id
    message = slack.workspace.post(dm, "card", blocks=card(), visible_to=ada.id)
    slack.driver.click(ada.id, dm, message.ts, "more", value="one")
    assert bot.seen[0]["container"]["is_ephemeral"] is True
    assert "message" not in bot.seen[0]
    assert bot.seen[0]["actions"][0]["selected_option"]["value"] == "one"


def test_a_modal_opens_and_its_values_come_back(
    slack: RunningWorkspace, bot: TinyBot, ada: User, posted: Message
) -> None:
    view = slack.driver.click(ada.id, posted.channel, posted.ts, "ask").view
    assert view is not None
    outcome = slack.driver.submit(ada.id, view.id, {"text": "no longer used"})
    assert outcome.view is None
    values = bot.seen[1]["view"]["state"]["values"]
    assert values == {"reason": {"text": {"type": "plain_text_input", "value": "no longer used"}}}
    assert bot.seen[1]["type"] == "view_submission"


def test_a_required_input_stops_the_submission(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    view = slack.driver.command(ada.id, "modal").view
    assert view is not None
    outcome = slack.driver.submit(ada.id, view.id)
    assert outcome.errors == {"reason": "Please complete this required field."}
    assert len(bot.seen) == 1


@pytest.mark.parametrize(
    ("answer", "title", "depth"),
    [
        ({"response_action": "update", "view": modal("Updated")}, "Updated", 1),
        ({"response_action": "push", "view": modal("Pushed")}, "Pushed", 2),
        ({"response_action": "clear"}, None, 0),
    ],
)
def test_a_submission_may_be_answered_with_a_view(
    slack: RunningWorkspace, bot: TinyBot, ada: User, answer: Json, title: str | None, depth: int
) -> None:
    view = slack.driver.command(ada.id, "modal").view
    assert view is not None
    bot.answer = answer
    outcome = slack.driver.submit(ada.id, view.id, {"text": "why"})
    assert outcome.error is None
    assert (outcome.view.content["title"]["text"] if outcome.view else None) == title
    assert len(slack.workspace.views.stack(ada.id)) == depth


def test_errors_stay_beneath_their_inputs(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    view = slack.driver.command(ada.id, "modal").view
    assert view is not None
    bot.answer = {"response_action": "errors", "errors": {"reason": "Say more."}}
    outcome = slack.driver.submit(ada.id, view.id, {"text": "no"})
    assert (outcome.errors, outcome.error) == ({"reason": "Say more."}, None)
    assert outcome.view is not None
    bot.answer = {"response_action": "errors", "errors": {"elsewhere": "Say more."}}
    assert "refused" in (slack.driver.submit(ada.id, view.id, {"text": "no"}).error or "")


def test_an_invalid_view_in_an_answer_is_refused(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    view = slack.driver.command(ada.id, "modal").view
    assert view is not None
    bot.answer = {"response_action": "update", "view": modal("A title of twenty-five char")}
    outcome = slack.driver.submit(ada.id, view.id, {"text": "no"})
    assert "/view/title/text" in (outcome.error or "")


def test_closing_is_told_where_asked_for(slack: RunningWorkspace, bot: TinyBot, ada: User, posted: Message) -> None:
    view = slack.driver.click(ada.id, posted.channel, posted.ts, "ask").view
    assert view is not None
    outcome = slack.driver.close_view(ada.id, view.id)
    assert outcome.view is None
    assert (bot.seen[1]["type"], bot.seen[1]["is_cleared"]) == ("view_closed", False)


def test_an_external_select_asks_for_options(slack: RunningWorkspace, bot: TinyBot, ada: User, posted: Message) -> None:
    options = slack.driver.suggest(ada.id, posted, "person", "ad")
    assert [o["text"]["text"] for o in options] == ["ad"]
    slack.driver.click(ada.id, posted.channel, posted.ts, "person", value=options[0])
    assert bot.seen[1]["actions"][0]["selected_option"]["value"] == "p1"
    assert bot.seen[0]["type"] == "block_suggestion"


def test_what_people_type_reaches_the_bot(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    outcome = slack.driver.say(ada.id, "hello")
    assert [m.text for m in outcome.messages] == ["hello", "heard hello"]
    assert bot.seen[0]["event"]["channel_type"] == "im"


def test_opening_the_home_tab_publishes_it(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    view = slack.driver.open_home(ada.id).view
    assert view is not None
    assert view.content["blocks"][0]["type"] == "divider"
    slack.driver.open_home(ada.id)
    assert bot.seen[1]["event"]["view"]["id"] == view.id


def test_events_are_sent_again_and_say_so(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    bot.broken = 2
    slack.driver.say(ada.id, "hello")
    slack.driver.until(lambda: len(bot.seen) == 1)
    retries = [(h.get("x-slack-retry-num"), h.get("x-slack-retry-reason")) for h in bot.headers]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert len({delivered.body for delivered in slack.delivery.transport.log}) == 1


def test_the_request_url_is_verified(slack: RunningWorkspace, bot: TinyBot) -> None:
    assert slack.driver.verify_url()
    bot.broken = 1
    assert not slack.driver.verify_url()


def test_a_wrong_secret_is_noticed_by_the_bot(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    slack.delivery.transport._secret = "another"
    outcome = slack.driver.command(ada.id, "x")
    assert outcome.ack is not None
    assert outcome.ack.status == 401
    assert bot.seen == []


def test_a_forged_payload_can_be_delivered_for_tests(slack: RunningWorkspace, bot: TinyBot, ada: User) -> None:
    ack = slack.driver.raw_interaction({"type": "block_actions", "actions": [], "user": {"id": ada.id}})
    assert ack.status is not None
    assert json.dumps(bot.seen) == "[]"

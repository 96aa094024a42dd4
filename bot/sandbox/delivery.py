"""What happens when somebody clicks, types or submits: the app is told, and its answer takes effect.

Rules of Slack kept here: an acknowledgement within three seconds or the person sees an error; interactions are
never sent again; events are, three times (https://docs.slack.dev/apis/events-api#retries).
"""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox import payloads
from bot.sandbox.api_chat import apply_response
from bot.sandbox.api_views import checked_view
from bot.sandbox.arguments import Args
from bot.sandbox.elements import find_element, fragment, input_errors, is_stateful, merged_values
from bot.sandbox.errors import SlackError
from bot.sandbox.model import Channel, Json, Message, User, View
from bot.sandbox.transport import Ack, Transport
from bot.sandbox.workspace import Workspace

RETRY_SECONDS = (0.0, 60.0, 300.0)


@dataclass
class Outcome:
    """What a person sees of what they did.

    ``error`` is a sentence when the app failed them; ``errors`` are the sentences beneath the inputs of a modal, by
    block id; ``ephemeral`` and ``messages`` are new since; ``view`` is the modal they have in front of them afterwards.
    """

    ack: Ack | None = None
    error: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    ephemeral: list[Message] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    view: View | None = None
    options: list[Json] = field(default_factory=list)


class Delivery:
    """Carries what people do to the app at ``request_url``, and what it answers back into the workspace.

    ``retry_factor`` scales the waits before an event is sent again (immediately, one minute, five minutes).
    """

    def __init__(
        self,
        workspace: Workspace,
        request_url: str | None = None,
        *,
        ack_seconds: float = 3.0,
        retry_factor: float = 1.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.workspace = workspace
        self.retry_factor = retry_factor
        self.transport = Transport(workspace.signing_secret, request_url, ack_seconds=ack_seconds, wall=wall)
        self._retries: set[asyncio.Task[None]] = set()

    def attach(self, request_url: str) -> None:
        """Deliver to this request URL from now on."""
        self.transport.request_url = request_url

    def duplicate_next(self, times: int = 1) -> None:
        """Send each of the next ``times`` requests twice, byte for byte."""
        self.transport.duplicates_due += times

    async def aclose(self) -> None:
        """Stop what is still to be sent again, and close the connections."""
        for task in list(self._retries):
            task.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)
        await self.transport.aclose()

    # What people do

    async def act_in_message(
        self,
        user_id: str,
        channel_id: str,
        ts: str,
        action_id: str,
        *,
        block_id: str | None = None,
        value: Any = None,
        seen: Message | None = None,
        values: Json | None = None,
    ) -> Outcome:
        """Use an element of a message. ``seen`` is the message as it stands on a screen that has not caught up."""
        user = self._person(user_id)
        channel = self._visible_channel(user, channel_id)
        message = seen or channel.messages.get(ts)
        if message is None or message.visible_to not in (None, user.id):
            raise LookupError(f"There is no message {ts} in {channel_id} that {user.real_name} could see.")
        block, element = find_element(message.blocks, action_id, block_id)
        key = f"{channel.id}:{message.ts}"
        chosen = self._enter(user.id, key, message.blocks, block, element, value, values)
        action = payloads.action_of(block, element, chosen, self.workspace.next_ts())
        payload = payloads.message_action(self.workspace, user, channel, message, [action])
        return await self._interact(user, "block_actions", payload)

    async def act_in_view(
        self,
        user_id: str,
        view_id: str,
        action_id: str,
        *,
        block_id: str | None = None,
        value: Any = None,
        values: Json | None = None,
    ) -> Outcome:
        """Use an element of a modal or Home tab; an input that does not dispatch only keeps the value."""
        user = self._person(user_id)
        view = self._own_view(user, view_id)
        blocks = view.content["blocks"]
        block, element = find_element(blocks, action_id, block_id)
        chosen = self._enter(user.id, view.id, blocks, block, element, value, values)
        if block["type"] == "input" and not block.get("dispatch_action"):
            return Outcome(view=self.workspace.views.top(user.id))
        action = payloads.action_of(block, element, chosen, self.workspace.next_ts())
        payload = payloads.view_action(self.workspace, user, view, [action])
        return await self._interact(user, "block_actions", payload)

    async def submit(self, user_id: str, view_id: str, values: Json | None = None) -> Outcome:
        """Submit a modal with ``{block_id: {action_id: raw}}``; what Slack would not let through is not sent."""
        user = self._person(user_id)
        view = self._own_view(user, view_id)
        blocks = view.content["blocks"]
        self._enter_all(user.id, view.id, blocks, values)
        entered = merged_values(blocks, self.workspace.entered.get((user.id, view.id), {}))
        errors = input_errors(blocks, entered)
        if errors:
            return Outcome(errors=errors, view=view)
        payload = payloads.view_submission(self.workspace, user, view)
        outcome = await self._interact(user, "view_submission", payload)
        if outcome.error is None and outcome.ack is not None:
            self._answer_submission(user, view, outcome, outcome.ack)
        outcome.view = self.workspace.views.top(user.id)
        return outcome

    async def close_view(self, user_id: str, view_id: str, *, everything: bool = False) -> Outcome:
        """Close a modal (or the whole stack); the app hears of it where it asked to."""
        user = self._person(user_id)
        view = self._own_view(user, view_id)
        if everything or view.content.get("clear_on_close"):
            closed = self.workspace.views.clear(user.id)
        else:
            popped = self.workspace.views.pop(user.id)
            closed = [popped] if popped else []
        for gone in closed:
            if gone.content.get("notify_on_close"):
                payload = payloads.view_closed(self.workspace, user, gone, is_cleared=len(closed) > 1)
                await self._interact(user, "view_closed", payload)
        return Outcome(view=self.workspace.views.top(user.id))

    async def command(self, user_id: str, command: str, text: str, channel_id: str | None = None) -> Outcome:
        """Type a slash command, in the conversation with the app unless a channel is named."""
        user = self._person(user_id)
        channel = self._visible_channel(user, channel_id or self.workspace.dm(user.id).id)
        fields = payloads.slash_command(self.workspace, user, channel, command, text)
        ack = await self.transport.form("command", fields)
        outcome = self._outcome(user, "command", ack)
        if outcome.error is None and ack.body.strip():
            body = ack.json()
            args = Args(body if body is not None else {"text": ack.body})
            try:
                apply_response(self.workspace, args, user=user.id, channel_id=channel.id, message_ts=None)
            except SlackError as error:
                self._fail(user, outcome, "command", f"The answer was refused: {error.code}.")
        return outcome

    async def say(self, user_id: str, text: str, channel_id: str | None = None) -> Outcome:
        """Type a message, to the app unless a channel is named."""
        user = self._person(user_id)
        channel = self._visible_channel(user, channel_id or self.workspace.dm(user.id).id)
        message = self.workspace.post(channel.id, text, user=user.id)
        event = payloads.message_event(self.workspace, channel, message)
        if channel.is_im:
            return await self.event(user, event)
        if f"<@{self.workspace.bot_user.id}>" in text and self.workspace.bot_user.id in channel.members:
            mention = {key: value for key, value in event.items() if key != "channel_type"}
            return await self.event(user, mention | {"type": "app_mention"})
        return Outcome()

    async def open_home(self, user_id: str) -> Outcome:
        """Open the app's Home tab."""
        user = self._person(user_id)
        home = self.workspace.views.home(user.id)
        dm = self.workspace.dm(user.id)
        return await self.event(user, payloads.home_opened_event(self.workspace, user, dm, home))

    async def suggest(
        self,
        user_id: str,
        where: View | Message,
        action_id: str,
        typed: str,
        block_id: str | None = None,
    ) -> Outcome:
        """Ask the app for the options of an external select."""
        user = self._person(user_id)
        if isinstance(where, View):
            blocks = where.content["blocks"]
            around = {
                "container": {"type": "view", "view_id": where.id},
                "view": payloads.shown_view(self.workspace, where, user.id),
            }
        else:
            blocks = where.blocks
            channel = self.workspace.channels[where.channel]
            around = {
                "container": {
                    "type": "message",
                    "message_ts": where.ts,
                    "channel_id": where.channel,
                    "is_ephemeral": where.visible_to is not None,
                },
                "channel": {"id": channel.id, "name": channel.name},
                "message": payloads.shown_message(self.workspace, where),
            }
        block, _ = find_element(blocks, action_id, block_id)
        payload = payloads.block_suggestion(self.workspace, user, block["block_id"], action_id, typed, around)
        ack = await self.transport.payload("block_suggestion", payload)
        outcome = self._outcome(user, "block_suggestion", ack)
        body = ack.json() or {}
        groups = body.get("option_groups") or []
        outcome.options = list(body.get("options") or []) + [o for g in groups for o in g.get("options", [])]
        return outcome

    # What the app is told without anybody clicking

    async def event(self, user: User, event: Json) -> Outcome:
        """Deliver an event; when it is not taken, Slack's three further attempts follow in the background."""
        body = payloads.event_callback(self.workspace, event)
        ack = await self.transport.json("event", body)
        if ack.error is not None and not ack.no_retry:
            task = asyncio.create_task(self._retry(body, ack.error))
            self._retries.add(task)
            task.add_done_callback(self._retries.discard)
        self.workspace.record("delivery", user=user.id, what=event["type"], status=ack.status, error=ack.error)
        return Outcome(ack=ack)

    async def verify_url(self) -> bool:
        """Slack's check of a request URL: it must give the challenge back."""
        challenge = self.workspace.next_id("challenge-")
        body = {
            "token": self.workspace.verification_token,
            "challenge": challenge,
            "type": "url_verification",
        }
        ack = await self.transport.json("url_verification", body)
        answer = ack.json()
        return ack.error is None and challenge in (
            ack.body.strip(),
            answer.get("challenge") if answer else None,
        )

    async def raw_interaction(self, payload: Json) -> Ack:
        """Deliver an interaction exactly as given, correctly signed; for tests of what a bot must refuse."""
        return await self.transport.payload(str(payload.get("type")), payload)

    async def _retry(self, body: Json, reason: str) -> None:
        for number, wait in enumerate(RETRY_SECONDS, start=1):
            await asyncio.sleep(wait * self.retry_factor)
            headers = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
            ack = await self.transport.json("event", body, headers)
            if ack.error is None or ack.no_retry:
                return
            reason = ack.error

    # How answers take effect

    async def _interact(self, user: User, kind: str, payload: Json) -> Outcome:
        ack = await self.transport.payload(kind, payload)
        return self._outcome(user, kind, ack)

    def _outcome(self, user: User, kind: str, ack: Ack) -> Outcome:
        outcome = Outcome(ack=ack, view=self.workspace.views.top(user.id))
        name = self.workspace.bot_user.real_name
        if ack.error == "http_timeout":
            self._fail(user, outcome, kind, f"{name} did not respond in time. Try again in a moment.")
        elif ack.error is not None:
            self._fail(user, outcome, kind, f"{name} could not be reached. Try again in a moment.")
        self.workspace.record("delivery", user=user.id, what=kind, status=ack.status, error=ack.error)
        return outcome

    def _fail(self, user: User, outcome: Outcome, kind: str, sentence: str) -> None:
        outcome.error = sentence
        self.workspace.record("notice", user=user.id, what=kind, text=sentence)

    def _answer_submission(self, user: User, view: View, outcome: Outcome, ack: Ack) -> None:
        """Obey the ``response_action`` of a submission; without one the modal closes."""
        views = self.workspace.views
        body = ack.json()
        if not ack.body.strip():
            action = None
        elif body is None:
            self._fail(user, outcome, "view_submission", "The answer to this form could not be read.")
            return
        else:
            action = body.get("response_action")
        try:
            if action is None:
                if views.top(user.id) is view:
                    views.pop(user.id)
            elif action == "clear":
                views.clear(user.id)
            elif action == "errors":
                outcome.errors = _block_errors(view, (body or {}).get("errors"))
            elif action == "update":
                views.update(view, checked_view((body or {}).get("view"), "modal"))
            elif action == "push":
                views.push(user.id, checked_view((body or {}).get("view"), "modal"))
            else:
                raise SlackError("unknown_response_action")
        except SlackError as error:
            detail = json.dumps(error.extra.get("response_metadata", {}).get("messages", []))
            self._fail(user, outcome, "view_submission", f"The answer to this form was refused: {error.code} {detail}")

    # Who may do what, and what they entered

    def _person(self, user_id: str) -> User:
        user = self.workspace.user(user_id)
        if user.deleted:
            raise SlackError("user_disabled")
        return user

    def _visible_channel(self, user: User, channel_id: str) -> Channel:
        channel = self.workspace.channels.get(channel_id)
        if channel is None or (channel.is_im and channel.user != user.id):
            raise LookupError(f"{user.real_name} sees no conversation {channel_id}.")
        return channel

    def _own_view(self, user: User, view_id: str) -> View:
        view = self.workspace.views.find(view_id=view_id)
        if view.user != user.id:
            raise LookupError(f"{user.real_name} does not have the view {view_id} open.")
        return view

    def _enter(
        self, user_id: str, key: str, blocks: list[Json], block: Json, element: Json, raw: Any, values: Any
    ) -> Json:
        self._enter_all(user_id, key, blocks, values)
        chosen = fragment(element, raw)
        if is_stateful(element):
            entered = self.workspace.entered.setdefault((user_id, key), {})
            entered.setdefault(block["block_id"], {})[element["action_id"]] = copy.deepcopy(chosen)
        return chosen

    def _enter_all(self, user_id: str, key: str, blocks: list[Json], values: Json | None) -> None:
        for block_id, actions in (values or {}).items():
            for action_id, raw in actions.items():
                block, element = find_element(blocks, action_id, block_id)
                self._enter(user_id, key, blocks, block, element, raw, None)


def _block_errors(view: View, errors: Any) -> dict[str, str]:
    """The errors of a submission; Slack takes them for input blocks only."""
    inputs = {b["block_id"] for b in view.content["blocks"] if b["type"] == "input"}
    if not isinstance(errors, dict) or not errors or set(errors) - inputs:
        raise SlackError("invalid_block_ids_in_errors")
    return {str(block_id): str(sentence) for block_id, sentence in errors.items()}

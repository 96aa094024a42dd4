"""The state of one Slack-compatible workspace: in memory, behind one lock.

Two clocks on purpose. ``now`` is the time of day (it may be pushed forward) and gives messages their ``ts``;
``monotonic`` is real time and ends trigger ids and response URLs, as a waiting person would feel it.
"""

from __future__ import annotations

import copy
import itertools
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.sandbox.block_limits import elements_of
from bot.sandbox.errors import SlackError
from bot.sandbox.faults import CallLog, Faults, RateLimiter
from bot.sandbox.model import Channel, Json, Message, ResponseUrl, Trigger, User
from bot.sandbox.view_stacks import ViewStacks

TRIGGER_SECONDS = 3.0
RESPONSE_URL_SECONDS = 30 * 60.0
RESPONSE_URL_USES = 5
_EVENTS_KEPT = 5_000

ALL_SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "chat:write.public",
        "commands",
        "im:history",
        "im:read",
        "im:write",
        "users:read",
        "users:read.email",
    }
)


class Workspace:
    """One team with one app installed in it. Every public method may be called from any thread."""

    def __init__(
        self,
        team_id: str,
        team_name: str,
        bot_token: str,
        signing_secret: str,
        scopes: Iterable[str],
        now: Callable[[], datetime],
        *,
        app_name: str = "Whose",
        monotonic: Callable[[], float] = time.monotonic,
        base_url: str = "http://127.0.0.1",
    ) -> None:
        self.team_id = team_id
        self.team_name = team_name
        self.domain = "".join(c for c in team_name.lower() if c.isalnum() or c == "-") or "workspace"
        self.bot_token = bot_token
        self.signing_secret = signing_secret
        self.verification_token = "deprecated-verification-token"
        self.scopes = frozenset(scopes)
        self.now = now
        self.monotonic = monotonic
        self.base_url = base_url
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self._dms: dict[str, Channel] = {}
        self.faults = Faults()
        self.calls = CallLog()
        self.limiter: RateLimiter | None = None
        self.views = ViewStacks(self)
        self.entered: dict[tuple[str, str], Json] = {}
        self.read_up_to: dict[tuple[str, str], str] = {}
        self.events: deque[Json] = deque(maxlen=_EVENTS_KEPT)
        self._listeners: list[Callable[[Json | None], None]] = []
        self._triggers: dict[str, Trigger] = {}
        self._response_urls: dict[str, ResponseUrl] = {}
        self._numbers = itertools.count(1)
        self._last_microsecond = 0
        self.app_id = "A000000001"
        self.bot_id = "B000000001"
        self.bot_user = self.add_user(app_name, email=None, is_bot=True, name=app_name.lower())

    # People and channels

    def next_id(self, prefix: str) -> str:
        """A new id such as ``U000000007``, unique in this workspace."""
        return f"{prefix}{next(self._numbers):09d}"

    def add_user(
        self,
        real_name: str,
        *,
        email: str | None,
        tz: str = "UTC",
        name: str | None = None,
        user_id: str | None = None,
        is_bot: bool = False,
        deleted: bool = False,
    ) -> User:
        """Let somebody join. ``tz`` is an IANA zone name; raises ``ZoneInfoNotFoundError`` when there is none."""
        ZoneInfo(tz)
        with self.lock:
            handle = name or (email.split("@")[0] if email else real_name.lower().replace(" ", "."))
            user = User(user_id or self.next_id("U"), self.team_id, handle, real_name, email, tz, deleted, is_bot)
            if user.id in self.users:
                raise ValueError(f"There is already a user with the id {user.id}.")
            self.users[user.id] = user
            self.record("user", user=user.id)
            return user

    def deactivate(self, user_id: str) -> None:
        """Somebody leaves: the account stays, ``deleted`` becomes true."""
        with self.lock:
            self.users[user_id].deleted = True
            for channel in self.channels.values():
                if not channel.is_im:
                    channel.members.discard(user_id)
            self.views.clear(user_id)
            self.record("user", user=user_id)

    def add_channel(
        self, name: str, *, members: Iterable[str] = (), channel_id: str | None = None, with_bot: bool = True
    ) -> Channel:
        """Create a public channel; the app is a member unless ``with_bot`` is false."""
        with self.lock:
            everybody = set(members) | ({self.bot_user.id} if with_bot else set())
            channel = Channel(channel_id or self.next_id("C"), name, self.epoch(), everybody)
            self.channels[channel.id] = channel
            self.record("channel", channel=channel.id)
            return channel

    def user(self, user_id: str, error: str = "user_not_found") -> User:
        """The user, or a `SlackError` with ``error``."""
        with self.lock:
            found = self.users.get(user_id)
        if found is None:
            raise SlackError(error)
        return found

    def user_by_email(self, email: str) -> User:
        """The user with this address; raises ``LookupError``."""
        with self.lock:
            for user in self.users.values():
                if user.email is not None and user.email.lower() == email.lower():
                    return user
        raise LookupError(f"Nobody in this workspace has the address {email}.")

    def dm(self, user_id: str) -> Channel:
        """The direct conversation of this person with the app; created at the first call."""
        with self.lock:
            found = self.find_dm(user_id)
            if found is not None:
                return found
            user = self.user(user_id)
            members = {user.id, self.bot_user.id}
            channel = Channel(self.next_id("D"), "directmessage", self.epoch(), members, True, user.id)
            self.channels[channel.id] = self._dms[user.id] = channel
            self.record("channel", channel=channel.id)
            return channel

    def find_dm(self, user_id: str) -> Channel | None:
        """The direct conversation of this person with the app, if there is one yet."""
        with self.lock:
            return self._dms.get(user_id)

    # Messages

    def epoch(self) -> int:
        """The workspace's time of day, in whole seconds since 1970 (UTC)."""
        return int(self.now().timestamp())

    def next_ts(self) -> str:
        """A message ``ts``: seconds and microseconds of the workspace's clock, never twice, never backwards."""
        with self.lock:
            microsecond = int(self.now().timestamp() * 1_000_000)
            self._last_microsecond = max(microsecond, self._last_microsecond + 1)
            return f"{self._last_microsecond // 1_000_000}.{self._last_microsecond % 1_000_000:06d}"

    def post(
        self,
        channel_id: str,
        text: str,
        *,
        user: str | None = None,
        blocks: list[Json] | None = None,
        metadata: Json | None = None,
        visible_to: str | None = None,
        thread_ts: str | None = None,
    ) -> Message:
        """Write a message, from the app unless ``user`` says otherwise."""
        with self.lock:
            message = Message(
                channel_id,
                self.next_ts(),
                user or self.bot_user.id,
                text,
                self.with_ids(blocks or []),
                copy.deepcopy(metadata),
                visible_to=visible_to,
                by_app=user is None,
                thread_ts=thread_ts,
            )
            self.channels[channel_id].messages[message.ts] = message
            self.record("message", channel=channel_id, ts=message.ts, visible_to=visible_to)
            return message

    def edit(
        self, message: Message, text: str, blocks: list[Json], metadata: Json | None, *, mark: bool = True
    ) -> None:
        """Replace what a message says; ``mark`` says whether it then shows as edited."""
        with self.lock:
            message.text = text
            message.blocks = self.with_ids(blocks)
            if metadata is not None:
                message.metadata = copy.deepcopy(metadata)
            if mark:
                message.edited = {"user": message.user, "ts": self.next_ts()}
            self.record("message", channel=message.channel, ts=message.ts, visible_to=message.visible_to, edited=True)

    def delete(self, message: Message) -> None:
        """Take a message away."""
        with self.lock:
            self.channels[message.channel].messages.pop(message.ts, None)
            self.record("message_deleted", channel=message.channel, ts=message.ts, visible_to=message.visible_to)

    def messages(self, channel_id: str, viewer: str | None = None) -> list[Message]:
        """The conversation in order, with what only ``viewer`` sees."""
        with self.lock:
            found = self.channels[channel_id].messages.values()
            return [copy.deepcopy(m) for m in found if m.visible_to is None or m.visible_to == viewer]

    def find_message(self, channel_id: str, ts: str) -> Message:
        """One message; raises ``channel_not_found`` or ``message_not_found``."""
        with self.lock:
            channel = self.channels.get(channel_id)
            if channel is None:
                raise SlackError("channel_not_found")
            message = channel.messages.get(ts)
            if message is None:
                raise SlackError("message_not_found")
            return message

    def with_ids(self, blocks: list[Json]) -> list[Json]:
        """A copy in which every block and element has an id, as Slack hands them out."""
        done = copy.deepcopy(blocks)
        for block in done:
            if not block.get("block_id"):
                block["block_id"] = f"b{next(self._numbers):04d}"
            for element in elements_of(block):
                if not element.get("action_id"):
                    element["action_id"] = f"a{next(self._numbers):04d}"
        return done

    # Leave to answer

    def issue_trigger(self, user_id: str, view_id: str | None = None) -> str:
        """A one-use ``trigger_id`` for this person, good for three seconds of real time."""
        with self.lock:
            trigger_id = f"{next(self._numbers)}.{self.epoch()}.{secrets.token_hex(16)}"
            self._triggers[trigger_id] = Trigger(user_id, self.monotonic(), view_id)
            return trigger_id

    def redeem_trigger(self, trigger_id: str) -> Trigger:
        """Use a trigger up; raises ``invalid_``, ``exchanged_`` or ``expired_trigger_id``."""
        with self.lock:
            trigger = self._triggers.get(trigger_id)
            if trigger is None:
                raise SlackError("invalid_trigger_id")
            if trigger.used:
                raise SlackError("exchanged_trigger_id")
            if self.monotonic() - trigger.issued > TRIGGER_SECONDS:
                raise SlackError("expired_trigger_id")
            trigger.used = True
            return trigger

    def new_response_url(self, user_id: str, channel_id: str, message_ts: str | None = None) -> str:
        """A ``response_url``: five uses within thirty minutes of real time."""
        with self.lock:
            key = f"{self.team_id}-{next(self._numbers):09d}"
            self._response_urls[key] = ResponseUrl(user_id, channel_id, self.monotonic(), message_ts)
            return f"{self.base_url}/response/{key}"

    def redeem_response_url(self, key: str) -> ResponseUrl:
        """Use a response URL once; raises ``no_such_url``, ``expired_url`` or ``used_url``."""
        with self.lock:
            found = self._response_urls.get(key)
            if found is None:
                raise SlackError("no_such_url")
            if self.monotonic() - found.issued > RESPONSE_URL_SECONDS:
                raise SlackError("expired_url")
            if found.uses >= RESPONSE_URL_USES:
                raise SlackError("used_url")
            found.uses += 1
            return found

    # What the browser is told

    def record(self, kind: str, **data: Any) -> None:
        """Append to the event log and tell whoever listens."""
        with self.lock:
            event = {"seq": next(self._numbers), "kind": kind, **data}
            self.events.append(event)
            listeners = list(self._listeners)
        for listener in listeners:
            listener(event)

    def listen(self, listener: Callable[[Json | None], None]) -> Callable[[], None]:
        """Call ``listener`` with every event, and with None at the end; returns how to stop."""
        with self.lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self.lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return stop

    def close(self) -> None:
        """End every live stream, so that a server can shut down at once."""
        with self.lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(None)

    def mark_read(self, user_id: str, channel_id: str) -> None:
        """This person has seen everything in this conversation."""
        with self.lock:
            channel = self.channels.get(channel_id)
            if channel is None:
                raise SlackError("channel_not_found")
            newest = next(reversed(channel.messages), "0")
            if self.read_up_to.get((user_id, channel_id)) != newest:
                self.read_up_to[(user_id, channel_id)] = newest
                self.record("read", user=user_id, channel=channel_id)

    def unread(self, user_id: str, channel_id: str) -> int:
        """How many messages of others this person has not seen in this conversation."""
        with self.lock:
            seen = self.read_up_to.get((user_id, channel_id), "0")
            return sum(
                m.user != user_id and m.visible_to in (None, user_id) and float(m.ts) > float(seen)
                for m in self.channels[channel_id].messages.values()
            )

    def tz_offset(self, user: User) -> int:
        """The person's offset from UTC in seconds, at the workspace's time of day."""
        offset = self.now().astimezone(ZoneInfo(user.tz)).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0

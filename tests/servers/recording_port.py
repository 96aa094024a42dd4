"""A chat platform in memory that answers as it is told to, and remembers what reached whom and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.operations.ports import Destination, NotSent, Outcome, Refused, Sent, Unknown
from messages.view import View


@dataclass
class Posted:
    to: Destination
    at: datetime
    view: View
    key: str
    message_id: str
    deleted: bool = False


@dataclass
class RecordingPort:
    """Implements :class:`bot.operations.ports.ChatPort`. ``plan`` holds the next outcomes of posting, first first:
    ``sent``, ``not_sent``, ``refused`` (or ``refused:not_in_channel`` …), ``lost`` (it arrived, the reply did not) or
    ``gone`` (neither did)."""

    lane: str
    now: Callable[[], datetime]
    plan: list[str] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    updates: int = 0

    def post(self, to: Destination, view: View, delivery_key: str) -> Outcome:
        outcome = self.plan.pop(0) if self.plan else "sent"
        if outcome == "not_sent":
            return NotSent("connection refused", 1.0)
        if outcome.startswith("refused"):
            return Refused(outcome.partition(":")[2] or "user_disabled")
        if outcome == "gone":
            return Unknown("timeout")
        place = self._place(to)
        self.posted.append(Posted(to, self.now(), view, delivery_key, str(len(self.posted) + 1)))
        return Sent(place, self.posted[-1].message_id) if outcome == "sent" else Unknown("timeout")

    def update(self, channel: str, message_id: str, view: View) -> Outcome:
        self.updates += 1
        return Sent(channel, message_id)

    def find(self, to: Destination, delivery_key: str, since: datetime) -> list[Sent] | NotSent | Unknown:
        copies = [one for one in self.posted if one.key == delivery_key and not one.deleted]
        return [Sent(self._place(to), one.message_id) for one in copies]

    def delete(self, channel: str, message_id: str) -> Outcome:
        for one in self.posted:
            if one.message_id == message_id:
                one.deleted = True
        return Sent(channel, message_id)

    @staticmethod
    def _place(to: Destination) -> str:
        return f"D{to.user_id}" if to.user_id else to.channel

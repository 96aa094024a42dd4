"""What operations ask of the world outside: chat platforms, their directories, issuing systems.

A new chat platform or issuer implements one of these and passes its contract suite; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from messages.view import View


@dataclass(frozen=True)
class Destination:
    """Where a message goes: a person's direct messages (``user_id``) or a channel by name or id.

    With both, ``channel`` is the direct-message channel of that person as the platform named it before.
    """

    user_id: str = ""
    channel: str = ""


@dataclass(frozen=True)
class Sent:
    """The platform has it, there."""

    channel: str
    message_id: str


TOO_FAST = "ratelimited"
"""A port's reason where the platform says that we are too fast, in whichever words."""


@dataclass(frozen=True)
class NotSent:
    """Surely not sent, and for no fault of this message (connection refused, rate limited, our own token revoked):
    it may be tried again after ``retry_after`` seconds; so may everything else on this lane."""

    reason: str
    retry_after: float = 0.0


@dataclass(frozen=True)
class Refused:
    """The platform said no for good; ``code`` is its own word (``user_disabled``, ``channel_not_found`` …)."""

    code: str
    gone: bool = False
    """For an update: that message can never be changed again, whatever it is to say."""


@dataclass(frozen=True)
class Unknown:
    """A timeout, a reset, a 5xx: it may have been sent. Read back; never send again blindly."""

    detail: str


Outcome = Sent | NotSent | Refused | Unknown


class ChatPort(Protocol):
    """One workspace of a chat platform, as a sender. Blocking; called from a worker thread, never in a transaction."""

    lane: str
    """``slack:T0123``: platform and workspace, the unit of rate limits."""

    def post(self, to: Destination, view: View, delivery_key: str) -> Outcome:
        """Post ``view``; ``delivery_key`` (opaque) travels with it so that :meth:`find` can see it again."""
        ...

    def update(self, channel: str, message_id: str, view: View) -> Outcome:
        """Replace what a posting shows."""
        ...

    def find(self, to: Destination, delivery_key: str, since: datetime) -> list[Sent] | NotSent | Unknown:
        """The copies of a message that the platform has, oldest first; empty: surely none since ``since``."""
        ...

    def delete(self, channel: str, message_id: str) -> Outcome:
        """Take back a second copy."""
        ...


@dataclass(frozen=True)
class DirectoryEntry:
    """An account of the chat platform."""

    user_id: str
    email: str
    name: str
    timezone: str
    deactivated: bool


class DirectoryPort(Protocol):
    """A source of accounts: who there is and who has left."""

    platform: str
    workspace: str

    def accounts(self) -> Iterator[DirectoryEntry]:
        """Every human account, page by page.

        Raises:
            bot.errors.UpstreamError: the list could not be read to its end; nothing may be concluded from a part.
        """
        ...

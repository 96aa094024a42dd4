"""What a click, a form or a command line asks for, once the edge has read it: typed, and still without authority."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from messages.action_ref import Verb
from messages.cards.facts import Refusal


@dataclass(frozen=True)
class Command:
    """One verb on one request by one person.

    ``idempotency_key`` names the click itself (a hash over who, which message, which action and when the platform
    says it happened): the same click delivered twice is one command.
    """

    verb: Verb
    request_id: int
    version: int
    """The request's version that the card showed."""
    actor_id: int
    """``person.id`` of whoever clicked, as the platform's signed payload says."""
    idempotency_key: str
    platform: str
    """``slack``, ``teams`` or ``cli``."""
    justification: str = ""
    new_owner_id: int | None = None
    snooze_until: date | None = None
    evidence: str = ""
    result: str = ""
    """For ``done``: ``accepted_unverified`` (carried out) or ``failed``."""
    channel: str = ""
    message_id: str = ""
    payload_sha256: str = ""


@dataclass(frozen=True)
class Done:
    """The command was carried out and is committed. ``outcome`` is a word of ``messages/wording.py``."""

    outcome: str
    request_id: int
    token_name: str
    details: dict[str, str] = field(default_factory=dict)


Answer = Done | Refusal

"""What the card about access for an emergency is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from messages.action_ref import Verb
from messages.cards.facts import TokenFacts


@dataclass(frozen=True)
class EmergencyFacts:
    """One grant as a reader sees it. Names are empty where there is nobody."""

    grant_id: int
    version: int
    token: TokenFacts
    person: str
    """Who may use it."""
    state: str
    """``requested``, ``open``, ``ended``, ``refused`` or ``lapsed``."""
    reason: str
    requested_by: str
    requested_at: datetime
    ends_at: datetime
    """While ``requested``: until when somebody may agree."""
    lasts_minutes: int = 0
    until_at: datetime | None = None
    urgent: bool = False
    """It began before anybody had agreed."""
    approved_by: str = ""
    approved_at: datetime | None = None
    refused_by: str = ""
    begins_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    review: str = ""
    """Empty (to come), ``asked``, ``overdue``, ``wrong`` or ``reviewed``."""
    reviewer: str = ""
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    review_note: str = ""
    yours: bool = False
    """The reader is who may use it."""
    offered: Sequence[Verb] = ()
    zone: str = "UTC"

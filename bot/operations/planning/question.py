"""A question as the plan follows it: what of a request and its token decides whom it comes to, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.operations.asking import Reader
from bot.rules.ladder import Told
from bot.rules.lifecycle import State
from bot.rules.policy import Tier
from bot.rules.policy_parts import Ladder, Rung
from bot.rules.standing import Standing

AWAITED = (State.OPEN, State.HANDOVER)
"""In these an answer is awaited; in the third, work."""


@dataclass(slots=True)
class Question:
    """One open request."""

    token_id: int
    tier: Tier
    ladder: Ladder
    standing: Standing
    expires_at: datetime | None
    opened_at: datetime
    due_at: datetime
    reasons: int
    step: int
    next_at: datetime | None
    """When the ladder moves on; None: it has come to its end."""
    reader: Reader
    """Whose time is running."""
    waiting: tuple[Told, ...]
    """Everybody who is waited for."""
    state: State = State.OPEN
    users: tuple[Told, ...] = ()
    """Who is asked for their own use of a shared token beside it, until the day by which an answer is wanted."""
    held: bool = False
    """Attested; only the users are still to answer."""
    reminded: bool = False
    """The first reminder of the work has gone out."""

    @property
    def role(self) -> Rung:
        """The rung at which it waits."""
        return self.waiting[0].rung if self.waiting else Rung.SECURITY


def role_at_work(reader: Reader, standing: Standing) -> Rung:
    """As what somebody has the work that a decision opened."""
    if reader is None:
        return Rung.SECURITY
    held = {
        standing.service_owner: Rung.OWNER,
        standing.backup_owner: Rung.BACKUP_OWNER,
        standing.business_owner: Rung.BUSINESS_OWNER,
    }
    return held.get(reader, Rung.OWNER)


def by_reader(told: Iterable[Told]) -> dict[Reader, Rung]:
    """Each reader once, with the first rung at which they are told."""
    found: dict[Reader, Rung] = {}
    for one in told:
        found.setdefault(one.person_id, one.rung)
    return found

"""What a plan of the weeks to come says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Final

ROLES: Final = ("owner", "backup", "vendor", "manager", "security")
"""As what somebody is written to, in the order of the ladder: service owner, backup or business owner, vendor
relationship owner, manager, the security channel."""

Sent = Mapping[str, int]
"""Messages by role, one of :data:`ROLES`; a role without any may be left out."""


@dataclass(frozen=True)
class PlannedWeek:
    """Seven days from the hour at which the plan begins, and how things stand at their end. Days are those of UTC."""

    first: date
    last: date
    sent: Sent
    opened: int
    """New questions."""
    answered: int
    revocations: int
    """Revocations that the policy opened by itself."""
    unanswered: int
    """Questions that wait for an answer at the end of the week."""
    overdue: int
    """Those of them whose day has passed."""
    overdue_at: Sent
    """The overdue ones by the role that they wait for."""
    held: int
    """Due, and left for a later day by the caps."""

    @property
    def messages(self) -> int:
        return sum(self.sent.values())


@dataclass(frozen=True)
class PlannedReader:
    """What one person, or the security channel, would get."""

    name: str
    email: str
    """Empty: the channel."""
    sent: Sent
    busiest: date
    """On their own calendar."""
    busiest_messages: int

    @property
    def messages(self) -> int:
        return sum(self.sent.values())


@dataclass(frozen=True)
class Queue:
    """The longest that messages wait for their turn, since the platform takes only so many a minute."""

    minutes: float
    at: datetime
    messages: int
    """How many wait then."""


@dataclass(frozen=True)
class PlanFacts:
    """A whole plan. Moments are in UTC."""

    start: datetime
    end: datetime
    policy: str
    """Its id and version."""
    share: Fraction
    """Of the questions at each step, so many are answered before the next."""
    sweep_minutes: int
    tokens: int
    due_now: int
    """Due when it begins, asked about already or not."""
    open_now: int
    """Questions that are open when it begins."""
    first_run: bool
    """Nobody was ever asked anything before."""
    first_opened: int
    """New questions on the first day."""
    caught_up_on: date | None
    """When nothing that is due is left for a later day any more; None: not within the plan."""
    weeks: Sequence[PlannedWeek]
    readers: Sequence[PlannedReader]
    """Most messages first."""
    days: Mapping[date, int]
    """Messages a day."""
    busiest: date | None
    per_minute: int
    """The pace that the platform permits."""
    queue: Queue | None
    cap_person: int
    cap_total: int
    first_cap_person: int
    first_cap_total: int
    most_messages: int
    """Messages a day that the policy allows one person."""
    person_weeks: Sequence[int] = field(default=())
    """Messages of each person in each week in which they get any, ascending."""

    @property
    def messages(self) -> int:
        return sum(week.messages for week in self.weeks)

    @property
    def people(self) -> int:
        return sum(1 for one in self.readers if one.email)

    def of_role(self, role: str) -> int:
        return sum(week.sent.get(role, 0) for week in self.weeks)

    def person_week(self, share: float) -> int:
        """The messages in a week that so many of all are at or below; 0 where nobody gets any."""
        if not self.person_weeks:
            return 0
        return self.person_weeks[min(int(share * len(self.person_weeks)), len(self.person_weeks) - 1)]

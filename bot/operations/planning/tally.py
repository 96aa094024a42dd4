"""Counts what happens in a plan."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from bot.operations.asking import Reader
from bot.operations.planning.question import AWAITED
from bot.operations.planning.roster import RosterOverTime
from bot.operations.planning.simulate import Simulation
from bot.rules.calendar import zone_of
from bot.rules.policy_parts import Rung
from messages.pages.plan_facts import PlannedReader, PlannedWeek, Queue

_ROLE = {
    Rung.OWNER: "owner",
    Rung.BACKUP_OWNER: "backup",
    Rung.BUSINESS_OWNER: "backup",
    Rung.VENDOR_RELATIONSHIP_OWNER: "vendor",
    Rung.MANAGER: "manager",
    Rung.SECURITY: "security",
}
_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Load:
    """One reader's messages. They come in the order of time, so that one day at a time is counted."""

    sent: Counter[str] = field(default_factory=Counter)
    weeks: Counter[int] = field(default_factory=Counter)
    day: date = date.min
    today: int = 0
    busiest: date = date.min
    busiest_messages: int = 0

    def count(self, day: date, role: str, week: int) -> None:
        self.today = self.today + 1 if day == self.day else 1
        self.day = day
        if self.today > self.busiest_messages:
            self.busiest, self.busiest_messages = day, self.today
        self.sent[role] += 1
        self.weeks[week] += 1


class Tally:
    """Implements :class:`bot.operations.planning.simulate.Heard`."""

    def __init__(self, start: datetime, roster: RosterOverTime) -> None:
        self.start = start
        self.days: Counter[date] = Counter()
        self.leaving: Counter[datetime] = Counter()
        """How many messages may leave from each moment on."""
        self.opened_on: Counter[date] = Counter()
        self._roster = roster
        self._loads: dict[Reader, _Load] = defaultdict(_Load)
        self._sent: dict[int, Counter[str]] = defaultdict(Counter)
        self._opened: Counter[int] = Counter()
        self._answered: Counter[int] = Counter()
        self._revocations: Counter[int] = Counter()

    def sent(self, at: datetime, reader: Reader, role: Rung) -> None:
        week, name = self._week(at), _ROLE[role]
        local = at.astimezone(zone_of(self._roster.working_time(reader).timezone)).date()
        self._loads[reader].count(local, name, week)
        self._sent[week][name] += 1
        self.days[at.date()] += 1
        self.leaving[at] += 1

    def opened(self, at: datetime, questions: int) -> None:
        self._opened[self._week(at)] += questions
        self.opened_on[at.date()] += questions

    def answered(self, at: datetime) -> None:
        self._answered[self._week(at)] += 1

    def revocation_opened(self, at: datetime) -> None:
        self._revocations[self._week(at)] += 1

    def _week(self, at: datetime) -> int:
        return (at - self.start) // (7 * _DAY)

    # ------------------------------------------------------------------ what it comes to

    def week(self, number: int, simulation: Simulation) -> PlannedWeek:
        """A week that is over, with how things stand now."""
        end = self.start + (number + 1) * 7 * _DAY
        waiting = [one for one in simulation.open.values() if one.state in AWAITED]
        overdue = [one for one in waiting if one.due_at <= end]
        return PlannedWeek(
            first=(self.start + number * 7 * _DAY).date(),
            last=(end - _DAY).date(),
            sent=dict(self._sent[number]),
            opened=self._opened[number],
            answered=self._answered[number],
            revocations=self._revocations[number],
            unanswered=len(waiting),
            overdue=len(overdue),
            overdue_at=dict(Counter(_ROLE[one.role] for one in overdue)),
            held=len(simulation.due.fresh),
        )

    def readers(self, channel: str) -> list[PlannedReader]:
        """Everybody who gets a message, most of them first. ``channel``: the name of the security channel."""
        found = []
        for reader, load in self._loads.items():
            person = self._roster.get(reader)
            name, email = (f"#{channel}", "") if person is None else (person.name, person.email)
            found.append(PlannedReader(name, email, dict(load.sent), load.busiest, load.busiest_messages))
        return sorted(found, key=lambda one: (-one.messages, one.email))

    def person_weeks(self) -> Sequence[int]:
        """Messages of each person in each week in which they get any, ascending."""
        return sorted(n for reader, load in self._loads.items() if reader is not None for n in load.weeks.values())


def longest_queue(leaving: Mapping[datetime, int], per_minute: float) -> Queue | None:
    """The longest wait, at a pace of so many messages a minute. None: there are no messages.

    Args:
        leaving: how many messages may leave from each moment on.
    """
    longest: Queue | None = None
    waiting, before = 0.0, datetime.min.replace(tzinfo=UTC)
    for at in sorted(leaving):
        waiting = max(0.0, waiting - per_minute * (at - before).total_seconds() / 60) + leaving[at]
        before = at
        if longest is None or waiting > longest.messages:
            longest = Queue(waiting / per_minute, at, round(waiting))
    return longest

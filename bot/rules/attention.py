"""How much of a person's day the bot may take: so many messages, about so many new questions.

What is over a cap waits for another day, and what is most at risk goes first. What is urgent counts, and is never
held back.

Routine messages do not come to everybody at the opening of their day: a person has a minute of theirs, by the policy in
the first hour, and none comes before it. Whoever is asked in the morning has all their time from that minute on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from bot.rules.calendar import WorkingTime, next_working, zone_of
from bot.rules.policy_parts import OpeningCap

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_Item = TypeVar("_Item")


def into_the_day(person_id: int | None, spread: timedelta) -> timedelta:
    """How long after the opening of a working day routine messages may reach a person: always the same whole minutes,
    less than ``spread``. A channel (None) has nothing to wait for.

    Ids are counted up, so that people are spread as evenly as can be.
    """
    minutes = spread // _MINUTE
    return timedelta() if person_id is None or minutes < 1 else person_id % minutes * _MINUTE


class Hours(Protocol):
    """Knows when people work, and when in the day they may first be written to."""

    def working_time(self, person_id: int | None) -> WorkingTime: ...

    def into_the_day(self, person_id: int | None) -> timedelta: ...


def hears_at(people: Hours, person_id: int | None, moment: datetime) -> datetime:
    """When a routine message of ``moment`` reaches somebody, in UTC: from then on their time to answer is counted."""
    return next_working(moment, people.working_time(person_id), people.into_the_day(person_id))


@dataclass(slots=True)
class Messages:
    """The messages of one reader: the last day's, and those that wait to go out."""

    pending: bool = False
    """Whether one waits."""
    urgent_at: datetime | None = None
    """When the first urgent one that waits goes out."""
    recent: list[datetime] = field(default_factory=list)
    """When those of the last day and those that wait went or go out."""


def one_more(
    past: Messages,
    earliest: datetime,
    working: WorkingTime,
    *,
    most: int,
    into: timedelta = timedelta(),
    anytime: bool | None = None,
) -> datetime | None:
    """When one more message to a reader goes out, in UTC; None: none is needed, since one that waits will do.

    Args:
        earliest: not before this moment, unless it may come at any hour.
        working: the reader's working time. A message goes out within it, and on the first working day with room.
        most: messages that a person may get on one day of theirs.
        into: how long after the opening of their day one that is not urgent may come.
        anytime: None: it is not urgent. Otherwise it does not wait for another day, and this says whether it may
            come at any hour.
    """
    if anytime is None:
        return None if past.pending else _with_room(earliest, working, into, past.recent, most)
    moment = earliest if anytime else next_working(earliest, working)
    return None if past.urgent_at is not None and past.urgent_at <= moment else moment


def _with_room(
    earliest: datetime, working: WorkingTime, into: timedelta, recent: Sequence[datetime], most: int
) -> datetime:
    moment = next_working(earliest, working, into)
    if len(recent) < most:
        return moment
    zone = zone_of(working.timezone)
    days = Counter(one.astimezone(zone).date() for one in recent)
    while days[moment.astimezone(zone).date()] >= most:
        tomorrow = (moment.astimezone(zone) + _DAY).replace(hour=0, minute=0, second=0, microsecond=0)
        moment = next_working(tomorrow, working, into)
    return moment


def start_of_day(now: datetime) -> datetime:
    """The beginning of the day, in UTC, that the caps on new questions are counted over."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def caps_of_day(cap: OpeningCap, *, first_day: bool) -> tuple[int, int]:
    """How many new questions there may be on a day: for one person, and in all."""
    if first_day:
        return cap.first_run_per_person, cap.first_run_total
    return cap.per_person_per_day, cap.total_per_day


def within_caps(
    items: Iterable[_Item],
    reader_of: Callable[[_Item], int | None],
    given: Counter[int | None],
    *,
    each: int,
    room: int,
) -> list[_Item]:
    """Those of ``items``, which come most at risk first, that may be asked about today.

    Args:
        reader_of: the person who would be asked, or None for a channel. A channel has no cap of its own: whatever it
            is told is one message.
        given: how many new questions each reader has had today; counts those that are let through, too.
        each: the most for one person.
        room: how many there may be in all.
    """
    chosen: list[_Item] = []
    for item in items:
        if len(chosen) >= room:
            break
        reader = reader_of(item)
        if reader is None or given[reader] < each:
            given[reader] += 1
            chosen.append(item)
    return chosen

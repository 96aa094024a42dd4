"""How much of a person's day the bot may take: so many messages, about so many new questions.

What is over a cap waits for another day, and what is most at risk goes first. What is urgent counts, and is never
held back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bot.rules.calendar import WorkingTime, next_working, zone_of
from bot.rules.policy_parts import OpeningCap

_DAY = timedelta(days=1)
_Item = TypeVar("_Item")


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
    past: Messages, earliest: datetime, working: WorkingTime, *, most: int, anytime: bool | None = None
) -> datetime | None:
    """When one more message to a reader goes out, in UTC; None: none is needed, since one that waits will do.

    Args:
        earliest: not before this moment, unless it may come at any hour.
        working: the reader's working time. A message goes out within it, and on the first working day with room.
        most: messages that a person may get on one day of theirs.
        anytime: None: it is not urgent. Otherwise it does not wait for another day, and this says whether it may
            come at any hour.
    """
    if anytime is None:
        return None if past.pending else _with_room(next_working(earliest, working), working, past.recent, most)
    moment = earliest if anytime else next_working(earliest, working)
    return None if past.urgent_at is not None and past.urgent_at <= moment else moment


def _with_room(moment: datetime, working: WorkingTime, recent: Sequence[datetime], most: int) -> datetime:
    if len(recent) < most:
        return moment
    zone = zone_of(working.timezone)
    days = Counter(one.astimezone(zone).date() for one in recent)
    while days[moment.astimezone(zone).date()] >= most:
        tomorrow = (moment.astimezone(zone) + _DAY).replace(hour=0, minute=0, second=0, microsecond=0)
        moment = next_working(tomorrow, working)
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

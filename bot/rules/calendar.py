"""Working time of one person: zone, working week, public holidays and hours, right across clock changes.

A moment is an aware datetime; results are in UTC. A working day is the half-open interval [opens, closes) of the
person's local day, each end turned into UTC by itself. So a day on which the clocks change inside working hours
is as long as it really is, and 17:30 is closed when the day closes at 17:30.

* A local time that the clocks jump over is the moment of the jump; one that occurs twice is its first occurrence.
  A local day that does not exist (Samoa, 30 December 2011) has no working time.
* An unknown zone counts as UTC, an unknown country as one without holidays; `check_working_time` names both, so
  that the import can refuse or warn. Nothing here fails at delivery time over a value in somebody's row.
* An empty workweek is the country's own (the days outside its weekend), else Monday to Friday.
* Nothing moves earlier than the moment it was given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from itertools import islice, takewhile
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import holidays

from bot.rules.durations import BusinessDuration

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONDAY_TO_FRIDAY: Final = frozenset(range(5))
_LONG: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
# No calendar known has so many days off in a row; a combination that does is a mistake in somebody's row.
_MAX_DAYS_OFF: Final = 92


class CalendarError(ValueError):
    """Working time that cannot be understood; `hint` says what to write."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """When one person works. `workweek` holds weekdays, Monday = 0; empty means as the country does.

    Raises CalendarError when the day does not open before it closes (a shift over midnight is not supported).
    """

    timezone: str = "UTC"
    country: str = ""
    subdivision: str = ""
    workweek: frozenset[int] = frozenset()
    opens: time = time(9, 0)
    closes: time = time(17, 30)

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise CalendarError("The working day ends before it starts.", "Write an end later on the same day.")
        if not self.workweek <= frozenset(range(7)):
            raise CalendarError("A working week has days 0 (Monday) to 6 (Sunday).", "Leave the other days out.")


@dataclass(frozen=True, slots=True)
class WorkingTimeProblem:
    """A value in a person's row or in the policy that the calendar will ignore; `column` is the inventory's."""

    column: str
    message: str
    hint: str


# ------------------------------------------------------------------ reading and checking


def parse_workweek(written: str) -> frozenset[int]:
    """`mon-fri`, `sun-thu` or `mon,tue,wed` to weekdays (Monday = 0); empty stays empty. Raises CalendarError."""
    days: set[int] = set()
    for part in filter(None, (one.strip() for one in written.lower().replace("–", "-").split(","))):
        first, dash, last = (one.strip() for one in part.partition("-"))
        start = _weekday(first)
        end = _weekday(last) if dash else start
        days.update((start + i) % 7 for i in range((end - start) % 7 + 1))
    if written.strip() and not days:
        raise CalendarError("There is no day in this working week.", _WORKWEEK_HINT)
    return frozenset(days)


_WORKWEEK_HINT: Final = "Write days as mon-fri, sun-thu or mon,tue,wed."


def _weekday(name: str) -> int:
    if name in DAYS:
        return DAYS.index(name)
    if name in _LONG:
        return _LONG.index(name)
    raise CalendarError(f"{name[:20]!r} is not a day of the week.", _WORKWEEK_HINT)


def check_working_time(
    timezone: str = "", country: str = "", subdivision: str = "", workweek: str = ""
) -> tuple[WorkingTimeProblem, ...]:
    """What of a person's row the calendar does not know, as it was written. Empty values are no problem."""
    found = []
    if timezone and not is_known_zone(timezone):
        hint = "Write a zone such as Europe/Berlin; until then UTC is used."
        found.append(WorkingTimeProblem("timezone", f"There is no time zone {timezone[:64]!r}.", hint))
    if country and not is_known_country(country):
        hint = "Write two letters such as DE; until then no holidays are known."
        found.append(WorkingTimeProblem("country", f"There is no country {country[:20]!r}.", hint))
    elif subdivision and not country:
        hint = "Add the country; until then no holidays are known."
        found.append(WorkingTimeProblem("subdivision", "A subdivision needs its country.", hint))
    elif subdivision and not is_known_country(country, subdivision):
        message = f"{country.upper()} has no subdivision {subdivision[:20]!r} with holidays of its own."
        hint = "Write a code such as BY for Bavaria; until then the whole country's holidays are used."
        found.append(WorkingTimeProblem("subdivision", message, hint))
    try:
        parse_workweek(workweek)
    except CalendarError as error:
        found.append(WorkingTimeProblem("workweek", str(error), error.hint))
    return tuple(found)


def is_known_zone(name: str) -> bool:
    """Whether the pinned time zone data has this name (capital and small letters do not matter)."""
    return name.strip().lower() in _zone_names()


def is_known_country(country: str, subdivision: str = "") -> bool:
    """Whether holidays are known for an ISO 3166 country and, when given, its subdivision."""
    # Only two letters: the library also answers to names of stock exchanges.
    code = country.strip().upper()
    known = _countries().get(code) if len(code) == 2 else None
    return known is not None and (not subdivision.strip() or subdivision.strip().upper() in known)


# ------------------------------------------------------------------ working time


def is_working(moment: datetime, wt: WorkingTime) -> bool:
    """Whether the person works at this moment."""
    moment = _utc(moment)
    today = _opening_on(moment.astimezone(zone_of(wt.timezone)).date(), wt)
    return today.opens <= moment < today.closes


def next_working(moment: datetime, wt: WorkingTime, into: timedelta = timedelta()) -> datetime:
    """The first moment at or after the given one at which the person works, in UTC.

    Args:
        into: so long after the day's opening, if later; on a day that is shorter, in its last minute.
    """
    moment = _utc(moment)
    today = next(_openings(moment, wt))
    return max(moment, today.opens, min(today.opens + into, today.closes - _MINUTE))


def add_business(moment: datetime, amount: BusinessDuration, wt: WorkingTime) -> datetime:
    """The moment so much working time later, itself in working time, in UTC.

    Both kinds start at `next_working(moment)`. Business hours then run only while the person works; when they are
    used up exactly at closing time, the result is the next opening. N business days is the same local time on the
    N-th working day after the start's local day (a start in the hour that occurs twice counts as the end of it),
    not before that day opens, and moved to the next opening if that day is closed by then.
    """
    start = next_working(moment, wt)
    if amount.unit == "bh":
        return _add_hours(start, timedelta(hours=amount.amount), wt)
    return _add_days(start, amount.amount, wt)


def business_between(start: datetime, end: datetime, wt: WorkingTime) -> timedelta:
    """How much working time lies in [start, end); zero when the end is not after the start."""
    start, end = _utc(start), _utc(end)
    total = timedelta()
    if end <= start:
        return total
    for opening in takewhile(lambda one: one.opens < end, _openings(start, wt)):
        total += min(opening.closes, end) - max(opening.opens, start)
    return total


def _add_hours(start: datetime, left: timedelta, wt: WorkingTime) -> datetime:
    openings = _openings(start, wt)
    opening = next(openings)
    while left >= opening.closes - max(start, opening.opens):
        left -= opening.closes - max(start, opening.opens)
        opening = next(openings)
    return max(start, opening.opens) + left


def _add_days(start: datetime, days: int, wt: WorkingTime) -> datetime:
    if days == 0:
        return start
    zone = zone_of(wt.timezone)
    local = start.astimezone(zone)
    later = islice(_openings_from(local.date() + _DAY, wt), days - 1, None)
    target = next(later)
    moment = _to_utc(target.day, _clock_without_repeat(local, zone), zone)
    return next_working(max(moment, target.opens), wt)


class _Opening(NamedTuple):
    """The working interval [opens, closes) of one local day, in UTC; both the same on a day off."""

    day: date
    opens: datetime
    closes: datetime


def _openings(moment: datetime, wt: WorkingTime) -> Iterator[_Opening]:
    """The working intervals in order, without end, from the first that is not over at the moment."""
    day = moment.astimezone(zone_of(wt.timezone)).date()
    return (opening for opening in _openings_from(day, wt) if opening.closes > moment)


def _openings_from(day: date, wt: WorkingTime) -> Iterator[_Opening]:
    days_off = 0
    while days_off <= _MAX_DAYS_OFF:
        opening = _opening_on(day, wt)
        if opening.opens < opening.closes:
            days_off = 0
            yield opening
        days_off += 1
        day += _DAY
    raise CalendarError(
        f"No working day in the {_MAX_DAYS_OFF} days before {day.isoformat()}.",
        "Check the working week against the holidays of the country.",
    )


@lru_cache(maxsize=65_536)
def _opening_on(day: date, wt: WorkingTime) -> _Opening:
    zone = zone_of(wt.timezone)
    opens = _to_utc(day, wt.opens, zone)
    free, weekend = _days_off(wt.country, wt.subdivision, day.year)
    works = day.weekday() in wt.workweek if wt.workweek else day.weekday() not in weekend
    closes = _to_utc(day, wt.closes, zone) if works and day not in free else opens
    return _Opening(day, opens, max(opens, closes))


# ------------------------------------------------------------------ local time and UTC


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("A moment needs a time zone; naive datetimes are not accepted.")
    return moment.astimezone(UTC)


def _to_utc(day: date, clock: time, zone: ZoneInfo) -> datetime:
    wall = datetime.combine(day, clock)
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return first
    # In a gap fold=0 reads the clock as before the jump and fold=1 as after it (PEP 495): the jump lies between.
    return _jump(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _clock_without_repeat(local: datetime, zone: ZoneInfo) -> time:
    """The time of day; in its second occurrence, the end of the repeated stretch, so that later stays later."""
    if not local.fold:
        return local.time()
    jump = _jump(local.replace(fold=0).astimezone(UTC), local.astimezone(UTC), zone)
    before = (jump - timedelta(microseconds=1)).astimezone(zone)
    end = before.replace(tzinfo=None) + timedelta(microseconds=1)
    return end.time() if end.date() == local.date() else time.max


def _jump(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The whole second in (low, high] at which the offset changes, by halving."""
    before = low.astimezone(zone).utcoffset()
    start = low.replace(microsecond=0)
    a, b = 0, int((high - start) / timedelta(seconds=1)) + 1
    while b - a > 1:
        middle = (a + b) // 2
        if (start + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before:
            a = middle
        else:
            b = middle
    return start + timedelta(seconds=b)


# ------------------------------------------------------------------ pinned data, read once


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone from the pinned `tzdata` package, never from the machine; UTC when the name is unknown."""
    key = _zone_names().get(name.strip().lower(), "UTC")
    with resources.files("tzdata").joinpath("zoneinfo", *key.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key)


@lru_cache(maxsize=1)
def _zone_names() -> dict[str, str]:
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return {name.lower(): name for name in listed}


@lru_cache(maxsize=1)
def _countries() -> dict[str, dict[str, str]]:
    supported = holidays.list_supported_countries(include_aliases=True)
    return {code: {one.upper(): one for one in places} for code, places in supported.items()}


@lru_cache(maxsize=4096)
def _days_off(country: str, subdivision: str, year: int) -> tuple[frozenset[date], frozenset[int]]:
    """Public holidays and weekend days (Monday = 0) of a place in one year."""
    if not is_known_country(country):
        return frozenset(), frozenset({5, 6})
    code = country.strip().upper()
    place = _countries()[code].get(subdivision.strip().upper())
    calendar = holidays.country_holidays(code, subdiv=place, years=year)
    return frozenset(calendar), frozenset(calendar.weekend)

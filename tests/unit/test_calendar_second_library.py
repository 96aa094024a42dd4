"""The same table again, by other means: dateutil's own zone data, and time walked through by quarters of an hour.

Shares with the calendar neither code nor zones, only the lists of holidays. What starts between two quarters is left to
the table alone, and so are the rows that begin in an hour which comes twice: that they count as the end of it is our
rule, not the clock's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache

import holidays
import pytest
from dateutil import zoneinfo

from bot.rules.calendar import WorkingTime
from tests.unit.test_calendar import CASES, utc

QUARTER = timedelta(minutes=15)
BEGINS_IN_A_REPEATED_HOUR = {"a day from the second 02:15", "Lord Howe, second 01:45"}


@cache
def zone(name: str) -> tzinfo:
    """dateutil's zones come in its wheel, so that the machine's do not matter; what it does not know is UTC."""
    found = zoneinfo.get_zonefile_instance().get(name)
    return found if isinstance(found, tzinfo) else UTC


@cache
def days_off(country: str, subdivision: str, year: int) -> tuple[frozenset[date], frozenset[int]]:
    if country not in holidays.list_supported_countries():
        return frozenset(), frozenset({5, 6})
    known = subdivision if subdivision in holidays.list_supported_countries()[country] else None
    calendar = holidays.country_holidays(country, subdiv=known, years=year)
    return frozenset(calendar), frozenset(calendar.weekend)


def works_on(day: date, wt: WorkingTime) -> bool:
    free, weekend = days_off(wt.country.upper(), wt.subdivision.upper(), day.year)
    usual = day.weekday() in wt.workweek if wt.workweek else day.weekday() not in weekend
    return usual and day not in free


def quarters(start: datetime, wt: WorkingTime) -> Iterator[tuple[datetime, datetime]]:
    """(UTC, local) at every quarter of an hour from ``start`` at which the person works."""
    names = {"europe/berlin": "Europe/Berlin"}
    here = zone(names.get(wt.timezone, wt.timezone))
    for number in range(20 * 96):
        moment = start + number * QUARTER
        local = moment.astimezone(here)
        if works_on(local.date(), wt) and wt.opens <= local.time() < wt.closes:
            yield moment, local


def walked(start: datetime, amount: int, unit: str, wt: WorkingTime) -> datetime:
    """Hours: as many quarters further. Days: the N-th local day after, as soon as its clock shows as much."""
    working = quarters(start, wt)
    first, begun = next(working)
    if not amount:
        return first
    if unit == "bh":
        return next(moment for number, (moment, _) in enumerate(working, 1) if number == 4 * amount)
    days: list[date] = []
    for moment, local in working:
        if local.date() > begun.date() and local.date() not in days:
            days.append(local.date())
        if len(days) > amount or (len(days) == amount and local.time() >= begun.time()):
            return moment
    raise AssertionError("twenty days were not enough")


WALKABLE = [case for case in CASES if case[2].endswith(("00", "15", "30", "45")) and len(case[2]) == 16]


@pytest.mark.parametrize("case", WALKABLE, ids=[case[0] for case in WALKABLE])
def test_the_table_again(case: tuple[str, WorkingTime, str, str, str]) -> None:
    name, wt, start, amount, end = case
    if name in BEGINS_IN_A_REPEATED_HOUR:
        pytest.skip("the rule for a repeated hour is ours")
    assert walked(utc(start), int(amount[:-2]), amount[-2:], wt) == utc(end)


def test_most_of_the_table_is_walked() -> None:
    assert len(WALKABLE) > 90

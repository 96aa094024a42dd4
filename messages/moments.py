"""Moments and days in words, the same on every machine whatever its locale."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from messages.view import Moment

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def spoken(moment: Moment) -> str:
    """``Mon 3 Mar 2025, 17:00 CET`` in the moment's zone; UTC where the zone is not a known one."""
    local = _local(moment)
    clock = f"{local.hour:02}:{local.minute:02} {local.tzname()}"
    if moment.style == "time":
        return clock
    named = f"{_DAYS[local.weekday()]} {day(local.date())}"
    return named if moment.style == "date" else f"{named}, {clock}"


def day(value: date) -> str:
    """``3 Mar 2025``."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def unix(at: datetime) -> int:
    """Whole seconds since 1970 UTC; a moment without a zone is UTC."""
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def _local(moment: Moment) -> datetime:
    at = moment.at if moment.at.tzinfo else moment.at.replace(tzinfo=UTC)
    try:
        return at.astimezone(zone_named(moment.zone))
    except OverflowError:  # within a day of the first or last year
        return at


def zone_named(name: str) -> tzinfo:
    """The IANA zone of that name; UTC where there is none, since a message must go out all the same."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        return UTC

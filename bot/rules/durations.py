"""Lengths of time as a person writes them in a policy: `90d`, `36h`, `2bd` (business days), `4bh` (business hours).

A bare number is refused, since nobody can tell later whether 30 meant days or hours; only `0` needs no unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

MAX_DAYS = 3660  # ten years: beyond that a cadence is a typing mistake, not a policy
MAX_BUSINESS_DAYS = 260
MAX_BUSINESS_HOURS = 2080

_WRITTEN = re.compile(r"\s*([0-9]{1,6})\s*(bd|bh|d|h|w)?\s*", re.ASCII | re.IGNORECASE)


class DurationError(ValueError):
    """A length of time that cannot be read; `hint` says how to write it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class BusinessDuration:
    """So many business days (`bd`) or business hours (`bh`) of one person's working time."""

    amount: int
    unit: Literal["bd", "bh"]

    def __post_init__(self) -> None:
        most = MAX_BUSINESS_DAYS if self.unit == "bd" else MAX_BUSINESS_HOURS
        if not 0 <= self.amount <= most:
            raise DurationError(f"{self.amount}{self.unit} is out of range.", f"Use 0 to {most}{self.unit}.")

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


def parse_days(written: object) -> int:
    """`"90d"` or `"2w"` to a whole number of days, 1 to MAX_DAYS. Raises DurationError."""
    amount, unit = _split(written, "Write whole days, such as 90d, or weeks, such as 2w.")
    if unit not in ("d", "w"):
        raise DurationError(f"{_shown(written)} is not in days.", "Write whole days, such as 90d.")
    days = amount * 7 if unit == "w" else amount
    if not 1 <= days <= MAX_DAYS:
        raise DurationError(f"{_shown(written)} is out of range.", f"Use 1d to {MAX_DAYS}d.")
    return days


def parse_hours(written: object) -> int:
    """`"36h"` or `"2d"` (of 24 hours) to a whole number of hours, 0 to 24 x MAX_DAYS. Raises DurationError."""
    amount, unit = _split(written, "Write hours, such as 36h, or days, such as 2d.")
    if unit not in ("h", "d") and amount != 0:
        raise DurationError(f"{_shown(written)} is not in hours.", "Write hours, such as 36h.")
    hours = amount * 24 if unit == "d" else amount
    if hours > MAX_DAYS * 24:
        raise DurationError(f"{_shown(written)} is out of range.", f"Use at most {MAX_DAYS * 24}h.")
    return hours


def parse_business(written: object) -> BusinessDuration:
    """`"2bd"`, `"4bh"` or `0` to a BusinessDuration. Raises DurationError."""
    if isinstance(written, BusinessDuration):
        return written
    advice = "Write business days, such as 2bd, or business hours, such as 4bh."
    amount, unit = _split(written, advice)
    if unit == "bd" or (amount == 0 and unit == ""):
        return BusinessDuration(amount, "bd")
    if unit == "bh":
        return BusinessDuration(amount, "bh")
    raise DurationError(f"{_shown(written)} is calendar time, and this waits in working time.", advice)


def _split(written: object, advice: str) -> tuple[int, str]:
    if isinstance(written, int) and not isinstance(written, bool) and written == 0:
        return 0, ""
    if isinstance(written, int) and not isinstance(written, bool):
        raise DurationError(f"{written} has no unit.", advice)
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise DurationError(f"{_shown(written)} is not a length of time.", advice)
    amount, unit = int(match[1]), (match[2] or "").lower()
    if not unit and amount:
        raise DurationError(f"{amount} has no unit.", advice)
    return amount, unit


def _shown(written: object) -> str:
    text = written if isinstance(written, str) else type(written).__name__
    return repr(text if len(text) <= 40 else text[:39] + "…")

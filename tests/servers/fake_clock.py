"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MONDAY_MORNING = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


class FakeClock:
    """``clock.now`` is what operations take for the time; it starts on Monday 2026-01-05, 09:30 UTC."""

    def __init__(self, start: datetime = MONDAY_MORNING) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move on (or back, with a negative interval); returns the new moment."""
        self._now += by
        return self._now

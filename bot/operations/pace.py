"""How fast messages may leave: one bucket for each kind of call, a gap for each place, and a pause when told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Place = tuple[str, int | str]
"""``("person", person.id)`` or ``("channel", name or id)``."""

#: Slack allows several hundred posts a minute in a workspace and 50 or more updates.
PER_MINUTE = {"post": 240.0, "update": 50.0}
SLOWEST = 1 / 16
"""Of the full pace; it is never slowed down further."""
FASTER = 0.1
"""By so much of the full pace it grows again in a minute."""


URGENT_IN_A_ROW = 4
"""After so many urgent messages one goes that is not, where one is due, so that those do not wait for ever."""


class Pacer:
    """The pace of one lane, in memory: a lane is served by one dispatcher at a time.

    Where the platform says that a kind of call comes too fast, that kind goes at half its pace, and creeps up again:
    the limits are the platform's to change, and other apps of the workspace may count too.

    Args:
        clock: seconds that only ever grow (``time.monotonic``).
        per_minute: calls a minute by action (``post``, ``update``).
        burst: how many calls may go at once after a rest.
        place_gap: seconds between two posts in one place (Slack: one a second in a channel).
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        per_minute: Mapping[str, float] = PER_MINUTE,
        burst: float = 5.0,
        place_gap: float = 1.0,
    ) -> None:
        self._clock = clock
        self._full = {action: rate / 60.0 for action, rate in per_minute.items()}
        self._share = dict.fromkeys(self._full, 1.0)
        self._burst = burst
        self._gap = place_gap
        self._level = dict.fromkeys(self._full, burst)
        self._filled_at = dict.fromkeys(self._full, clock())
        self._busy_until: dict[Place, float] = {}
        self._paused_until = clock()
        self._urgent = 0

    def wait(self, action: str) -> float:
        """Seconds until the next call of this kind may go; 0: now."""
        now = self._clock()
        self._fill(action, now)
        missing = max(0.0, 1.0 - self._level[action]) / self.pace(action)
        return max(missing, self._paused_until - now, 0.0)

    def spend(self, action: str, place: Place | None) -> None:
        """A call goes out now; ``place`` is where a post goes."""
        now = self._clock()
        self._fill(action, now)
        self._level[action] -= 1.0
        if place is not None:
            self._busy_until[place] = now + self._gap

    def pause(self, seconds: float) -> None:
        """Nothing at all leaves for so long; the platform said so, or it cannot be reached."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def others_turn(self) -> bool:
        """Whether a message that is not urgent comes next, if one is due."""
        return self._urgent >= URGENT_IN_A_ROW

    def took(self, *, urgent: bool) -> None:
        """A message was taken for sending."""
        self._urgent = self._urgent + 1 if urgent else 0

    def slow_down(self, action: str) -> None:
        """The platform said that calls of this kind come too fast."""
        self._fill(action, self._clock())
        self._share[action] = max(SLOWEST, self._share[action] / 2)
        self._level[action] = min(self._level[action], 0.0)

    def pace(self, action: str) -> float:
        """Calls of this kind a second, as it is now."""
        return self._full[action] * self._share[action]

    def busy(self) -> frozenset[Place]:
        """Places that had a post less than the gap ago."""
        now = self._clock()
        self._busy_until = {place: until for place, until in self._busy_until.items() if until > now}
        return frozenset(self._busy_until)

    def _fill(self, action: str, now: float) -> None:
        passed = now - self._filled_at[action]
        gained = passed * self.pace(action)
        self._share[action] = min(1.0, self._share[action] + passed / 60.0 * FASTER)
        self._level[action] = min(self._burst, self._level[action] + gained)
        self._filled_at[action] = now

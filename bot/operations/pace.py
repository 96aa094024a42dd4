"""How fast messages may leave: one bucket for each kind of call, a gap for each place, and a pause when told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

Place = tuple[str, int | str]
"""``("person", person.id)`` or ``("channel", name or id)``."""

#: Slack allows several hundred posts a minute in a workspace and 50 or more updates.
PER_MINUTE = {"post": 240.0, "update": 50.0}
SLOWEST = 1 / 16
"""Of the full pace; it is never slowed down further."""
FASTER = 0.1
"""By so much of the full pace it grows again in a minute."""
MOST_PLACES = 200
"""So many places that are slower than the others are remembered; those that have the longest way back."""

_SAME = 1e-6  # shares that differ by less are the same

URGENT_IN_A_ROW = 4
"""After so many urgent messages one goes that is not, where one is due, so that those do not wait for ever."""


class Pacer:
    """The pace of one lane, in memory: a lane is served by one dispatcher at a time.

    Where the platform says that a kind of call comes too fast, that kind goes at half its pace, the place that it went
    to has twice its gap, and both creep back: the limits are the platform's to change, and other apps of the workspace
    may count too. What was learned like that outlives the process: :meth:`learned`, :meth:`recall`.

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
        self._slow: dict[Place, tuple[float, float]] = {}  # the share of the full pace, and when it was that
        self.recalled = False
        """Whether it was told what is known of the lane."""
        self._paused_until = clock()
        self._urgent = 0

    def wait(self, action: str) -> float:
        """Seconds until the next call of this kind may go; 0: now."""
        now = self._clock()
        self._fill(action, now)
        missing = max(0.0, 1.0 - self._level[action]) / self.pace(action)
        return max(missing, self.resting())

    def spend(self, action: str, place: Place | None) -> None:
        """A call goes out now; ``place`` is where a post goes."""
        now = self._clock()
        self._fill(action, now)
        self._level[action] -= 1.0
        if place is not None:
            self._busy_until[place] = now + self.gap(place)

    def pause(self, seconds: float) -> None:
        """Nothing at all leaves for so long; the platform said so, or it cannot be reached."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def resting(self) -> float:
        """Seconds for which nothing at all may be called, looking things up among it; 0: go on."""
        return max(0.0, self._paused_until - self._clock())

    def others_turn(self) -> bool:
        """Whether a message that is not urgent comes next, if one is due."""
        return self._urgent >= URGENT_IN_A_ROW

    def took(self, *, urgent: bool) -> None:
        """A message was taken for sending."""
        self._urgent = self._urgent + 1 if urgent else 0

    def slow_down(self, action: str, place: Place | None = None) -> None:
        """The platform said that calls of this kind come too fast: in this place or in all, it does not say which."""
        now = self._clock()
        self._fill(action, now)
        self._share[action] = max(SLOWEST, self._share[action] / 2)
        self._level[action] = min(self._level[action], 0.0)
        if place is not None:
            self._slow[place] = (max(SLOWEST, self._share_of(place) / 2), now)
            self._busy_until[place] = max(self._busy_until.get(place, now), now + self.gap(place))

    def gap(self, place: Place) -> float:
        """Seconds between two posts in this place, as it is now."""
        return self._gap / self._share_of(place)

    def pace(self, action: str) -> float:
        """Calls of this kind a second, as it is now."""
        return self._full[action] * self._share[action]

    def busy(self) -> frozenset[Place]:
        """Places that had a post less than the gap ago."""
        now = self._clock()
        self._busy_until = {place: until for place, until in self._busy_until.items() if until > now}
        return frozenset(self._busy_until)

    # ------------------------------------------------------------------ what outlives the process

    def learned(self, now: datetime) -> dict[str, Any]:
        """What the platform has taught us, as it is ``now``; can be written as JSON."""
        for action in self._full:
            self._fill(action, self._clock())
        self._slow = {place: (share, self._clock()) for place in self._slow if (share := self._share_of(place)) < 1.0}
        slowest = sorted(self._slow.items(), key=lambda one: one[1])[:MOST_PLACES]
        return {
            "at": now.isoformat(),
            "not_before": (now + timedelta(seconds=self.resting())).isoformat(),
            "share": dict(self._share),
            "places": [[kind, name, share] for (kind, name), (share, _) in slowest],
        }

    def recall(self, known: Mapping[str, Any] | None, now: datetime) -> None:
        """Go on from what was learned about this lane, here or by the process that had it before; None: nothing.

        Whatever is slower counts. In the time that has passed since, the pace has crept up.
        """
        self.recalled = True
        if known is None:
            return
        at, until = (datetime.fromisoformat(known[name]) for name in ("at", "not_before"))
        # Clocks may disagree: nobody waits for longer than the platform asked for.
        self.pause(min(until - now, until - at).total_seconds())
        regained = max(0.0, (now - at).total_seconds()) / 60.0 * FASTER
        for action, share in known["share"].items():
            if action not in self._full:
                continue
            self._fill(action, self._clock())
            if share + regained < self._share[action] - _SAME:
                self._share[action] = share + regained
                self._level[action] = min(self._level[action], 0.0)
        for kind, name, share in known["places"]:
            place = (kind, name)
            if share + regained < self._share_of(place) - _SAME:
                self._slow[place] = (share + regained, self._clock())
                self._busy_until[place] = self._clock() + self.gap(place)  # it may have had a post just now

    def _share_of(self, place: Place) -> float:
        share, at = self._slow.get(place, (1.0, 0.0))
        return min(1.0, share + (self._clock() - at) / 60.0 * FASTER) if share < 1.0 else 1.0

    def _fill(self, action: str, now: float) -> None:
        passed = now - self._filled_at[action]
        gained = passed * self.pace(action)
        self._share[action] = min(1.0, self._share[action] + passed / 60.0 * FASTER)
        self._level[action] = min(self._burst, self._level[action] + gained)
        self._filled_at[action] = now

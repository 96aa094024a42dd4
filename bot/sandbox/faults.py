"""Trouble on demand, the rate limiter, and the log of calls."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

_CALLS_KEPT = 200_000


class Fault(Enum):
    """What may go wrong with a call of the Web API."""

    TOO_MANY_REQUESTS = "429 with Retry-After, nothing done"
    RATELIMITED = "ok: false, error: ratelimited, nothing done"
    ERROR = "ok: false with a chosen error, nothing done"
    FAIL_BEFORE = "HTTP 5xx before the effect"
    FAIL_AFTER = "HTTP 5xx after the effect"
    DROP_BEFORE = "the connection drops before the effect"
    DROP_REPLY = "the connection drops after the effect"
    DELAY = "the reply comes late"


@dataclass
class PlannedFault:
    """One kind of trouble, for the next ``times`` calls of ``method`` (``*`` for any)."""

    method: str
    fault: Fault
    times: int
    retry_after: int = 1
    seconds: float = 0.0
    status: int = 500
    error: str = "ratelimited"


@dataclass(frozen=True)
class Call:
    """One call of the Web API. ``time`` is in seconds of the real clock; ``error`` is None when it went well."""

    method: str
    time: float
    error: str | None
    channel: str | None = None


class Faults:
    """The faults that are planned for this workspace, taken in the order they were added."""

    def __init__(self) -> None:
        self._planned: list[PlannedFault] = []
        self._lock = threading.Lock()

    def add(
        self,
        method: str,
        fault: Fault,
        *,
        times: int = 1,
        retry_after: int = 1,
        seconds: float = 0.0,
        status: int = 500,
        error: str = "internal_error",
    ) -> None:
        """Plan ``fault`` for the next ``times`` calls of ``method`` (``*`` means any method)."""
        with self._lock:
            self._planned.append(PlannedFault(method, fault, times, retry_after, seconds, status, error))

    def clear(self) -> None:
        """Forget every planned fault."""
        with self._lock:
            self._planned.clear()

    def take(self, method: str) -> PlannedFault | None:
        """The fault that this call meets, if any; it is used up."""
        with self._lock:
            for planned in self._planned:
                if planned.method in (method, "*"):
                    planned.times -= 1
                    if planned.times <= 0:
                        self._planned.remove(planned)
                    return planned
        return None


class RateLimiter:
    """Slack's posting limits: one message a second per channel, and so many a minute in all.

    A burst of ``burst`` in a channel is let through before the limit bites, as Slack does.
    """

    def __init__(self, clock: Callable[[], float], *, per_minute: int = 300, burst: int = 1) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._burst = burst
        self._lock = threading.Lock()
        self._channel: dict[str, deque[float]] = {}
        self._minute: deque[float] = deque()

    def wait_for(self, channel: str) -> int:
        """0 when the post may go now (it is then counted), otherwise the seconds to wait."""
        with self._lock:
            now = self._clock()
            recent = self._channel.setdefault(channel, deque())
            while recent and now - recent[0] >= 1.0:
                recent.popleft()
            while self._minute and now - self._minute[0] >= 60.0:
                self._minute.popleft()
            if len(self._minute) >= self._per_minute:
                return max(1, int(60.0 - (now - self._minute[0])) + 1)
            if len(recent) >= self._burst:
                return 1
            recent.append(now)
            self._minute.append(now)
            return 0


class CallLog:
    """Every call of the Web API, so that a test can count."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_CALLS_KEPT)
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        """Append one call."""
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._calls.clear()

    def all(self, method: str | None = None, *, ok: bool | None = None) -> list[Call]:
        """The calls so far, of one method or of all, that went well, badly, or either."""
        with self._lock:
            return [
                c
                for c in self._calls
                if (method is None or c.method == method) and (ok is None or (c.error is None) == ok)
            ]

    def count(self, method: str | None = None, *, ok: bool | None = None) -> int:
        """How many calls there were."""
        return len(self.all(method, ok=ok))

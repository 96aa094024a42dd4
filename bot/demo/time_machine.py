"""The clock that people push forward: hour by hour, so that everything happens when it would have."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from bot.clock import AdjustableClock
from bot.wiring.slack import Worker

STEP: Final = timedelta(hours=1)
#: What is due changes by the day; looking every hour would make a week take twice as long to watch.
SWEEP_EVERY: Final = timedelta(hours=4)


class TimeMachine:
    """Pushes the clock; a ``Control`` of the sandbox.

    ``lock`` keeps the worker's own ticks out meanwhile: what is seen is what a worker that never slept would have done.
    """

    def __init__(self, clock: AdjustableClock, worker: Worker) -> None:
        self.lock = threading.Lock()
        self._clock = clock
        self._worker = worker
        self._swept_at = clock.now() - SWEEP_EVERY

    def now(self) -> datetime:
        return self._clock.now()

    def first_tick(self) -> None:
        """Who there is, what is due, and the first messages."""
        with self.lock:
            self._worker.sync_directory()
            self._tick()

    async def advance(self, delta: timedelta, progress: Callable[[datetime], None]) -> None:
        """Push the clock by ``delta``; ``progress`` is called with where it has got to. Ends early on a stop."""
        goal = self._clock.now() + delta
        while (left := goal - self._clock.now()) > timedelta() and not self._worker.stopping.is_set():
            await asyncio.to_thread(self._step, min(STEP, left))
            progress(self._clock.now())

    def _step(self, by: timedelta) -> None:
        with self.lock:
            self._clock.advance(by)
            self._tick()

    def _tick(self) -> None:
        if self._clock.now() - self._swept_at >= SWEEP_EVERY:
            self._swept_at = self._clock.now()
            self._worker.sweep()
        self._worker.climb()
        self._worker.look_after_emergencies()
        self._worker.carry_out()
        self._worker.deliver()

"""The clock: the only reader of the machine's time, and what makes things happen at intervals. It ticks, no more.

Every job is idempotent and keeps its state in the database, so that a tick too many, a tick too late or two processes
that tick at once do no harm. APScheduler keeps nothing on disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot.errors import WhoseError
from bot.rules.watchdog import JobState

logger = logging.getLogger(__name__)


class SystemClock:
    """The machine's time, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class AdjustableClock:
    """A clock that starts where it is told, runs at the usual pace and can be pushed forward, never back."""

    def __init__(self, start: datetime, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``start`` is a moment with a zone; ``monotonic`` gives seconds."""
        self._monotonic = monotonic
        self._start = start.astimezone(UTC)
        self._from = monotonic()
        self._pushed = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._start + self._pushed + timedelta(seconds=self._monotonic() - self._from)

    def advance(self, by: timedelta) -> None:
        """Push the clock forward.

        Raises:
            ValueError: ``by`` is negative.
        """
        if by < timedelta():
            raise ValueError("a clock is only pushed forward")
        with self._lock:
            self._pushed += by


@dataclass(frozen=True)
class Job:
    """Something to do every ``seconds`` seconds, the first time right at the start."""

    name: str
    seconds: float
    run: Callable[[], object]
    advice: str = "Run `whose doctor` to see what is wrong."
    """What an operator can do when it fails."""


@dataclass
class Tally:
    """How often a job ran and failed since the start; ``failing`` counts failures in a row."""

    runs: int = 0
    failures: int = 0
    failing: int = 0
    last_error: str = ""
    """The class of the error that the last turn ended with; empty: it ended well."""
    running: bool = False
    succeeded_at: float = 0.0
    """When a turn last ended well, else when the clock was made; on the scale of ``time.monotonic``."""


@dataclass
class Clockwork:
    """Runs jobs at their intervals in threads of its own, each job never beside itself.

    A failure is logged with what to do and counted; the job runs again at its next turn. ``observe`` is told the
    name, the seconds and whether it failed of every turn that has ended.
    """

    jobs: Sequence[Job]
    tallies: dict[str, Tally] = field(default_factory=dict)
    observe: Callable[[str, float, bool], None] = lambda _name, _seconds, _failed: None

    def __post_init__(self) -> None:
        made_at = time.monotonic()
        self.tallies = {job.name: Tally(succeeded_at=made_at) for job in self.jobs}
        # The jobs mostly wait for the database or the network: one thread for each.
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": {"type": "threadpool", "max_workers": max(1, len(self.jobs))}},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for job in self.jobs:
            self._scheduler.add_job(
                self._run,
                IntervalTrigger(seconds=job.seconds, timezone=UTC),
                args=[job],
                id=job.name,
                next_run_time=SystemClock().now(),
            )

    def start(self) -> None:
        """Start ticking. Returns at once."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; returns when the jobs that were running have finished."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def nudge(self, name: str) -> None:
        """Run a job now instead of at its next turn; nothing where it is running already. From any thread."""
        if self._scheduler.running:
            self._scheduler.modify_job(name, next_run_time=SystemClock().now())

    def states(self) -> list[JobState]:
        """How each job is doing."""
        now = time.monotonic()
        return [
            JobState(
                name=job.name,
                interval=timedelta(seconds=job.seconds),
                since_success=timedelta(seconds=now - self.tallies[job.name].succeeded_at),
                running=self.tallies[job.name].running,
                last_error=self.tallies[job.name].last_error,
            )
            for job in self.jobs
        ]

    def _run(self, job: Job) -> None:
        tally = self.tallies[job.name]
        tally.runs += 1
        started, tally.running = time.monotonic(), True
        try:
            self._turn(job, tally)
        finally:
            tally.running = False
            self.observe(job.name, time.monotonic() - started, tally.failing > 0)

    def _turn(self, job: Job, tally: Tally) -> None:
        try:
            job.run()
        except Exception as error:  # noqa: BLE001 - whatever it was, the clock goes on: the next turn tries again
            tally.failures += 1
            tally.failing += 1
            tally.last_error = type(error).__name__
            _log_failure(job, tally, error)
        else:
            if tally.failing:
                logger.info("%s works again", job.name, extra={"job": job.name, "failed": tally.failing})
            tally.failing = 0
            tally.last_error = ""
            tally.succeeded_at = time.monotonic()


def _log_failure(job: Job, tally: Tally, error: Exception) -> None:
    said = str(error) if isinstance(error, WhoseError) else f"an unexpected {type(error).__name__}."
    logger.error(
        "%s failed: %s %s",
        job.name,
        said,
        job.advice,
        extra={"job": job.name, "failed": tally.failing},
        exc_info=None if isinstance(error, WhoseError) else error,
    )

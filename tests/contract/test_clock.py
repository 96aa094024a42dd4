"""The clock: it starts at once, survives failures, never runs a job beside itself and stops cleanly."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import AdjustableClock, Clockwork, Job, SystemClock
from bot.errors import UpstreamError

MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PATIENCE = 10.0


def test_the_system_clock_speaks_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_an_adjustable_clock_runs_and_is_pushed() -> None:
    elapsed = 0.0
    clock = AdjustableClock(MONDAY, monotonic=lambda: elapsed)
    assert clock.now() == MONDAY
    elapsed = 5.0
    assert clock.now() == MONDAY + timedelta(seconds=5)
    clock.advance(timedelta(days=7))
    assert clock.now() == MONDAY + timedelta(days=7, seconds=5)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))


def test_every_job_runs_at_the_start_and_again() -> None:
    thrice, once = threading.Semaphore(0), threading.Event()
    clockwork = Clockwork([Job("often", 0.05, thrice.release), Job("hourly", 3600, once.set)])
    clockwork.start()
    try:
        assert once.wait(PATIENCE)
        for _ in range(3):
            assert thrice.acquire(timeout=PATIENCE)
    finally:
        clockwork.stop()
    assert clockwork.tallies["hourly"].runs == 1
    assert clockwork.tallies["often"].runs >= 3


def test_a_failure_is_told_counted_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    recovered = threading.Event()
    outcomes = iter([UpstreamError("Slack did not answer."), RuntimeError("xyzzy"), None])

    def job() -> None:
        outcome = next(outcomes, None)
        if outcome is not None:
            raise outcome
        recovered.set()

    caplog.set_level(logging.INFO, logger="bot.clock")
    clockwork = Clockwork([Job("deliver", 0.05, job, advice="Look at the token.")])
    clockwork.start()
    try:
        assert recovered.wait(PATIENCE)
    finally:
        clockwork.stop()
    tally = clockwork.tallies["deliver"]
    assert (tally.failures, tally.failing) == (2, 0)
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "deliver failed: Slack did not answer. Look at the token."
    assert said[1] == "deliver failed: an unexpected RuntimeError. Look at the token."
    assert caplog.records[1].exc_info, "an unexpected error is logged with its traceback"
    assert said[2] == "deliver works again"


def test_stopping_waits_for_what_is_running_and_nothing_runs_beside_itself() -> None:
    started, go_on = threading.Event(), threading.Event()
    inside, most = 0, 0
    finished = threading.Event()

    def job() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        started.set()
        assert go_on.wait(PATIENCE)
        inside -= 1
        finished.set()

    clockwork = Clockwork([Job("slow", 0.02, job)])
    clockwork.start()
    assert started.wait(PATIENCE)
    stopper = threading.Thread(target=clockwork.stop)
    stopper.start()
    assert not finished.is_set()
    go_on.set()
    stopper.join(PATIENCE)
    assert not stopper.is_alive()
    assert finished.is_set()
    assert most == 1
    clockwork.stop()  # twice does no harm


def test_a_nudge_runs_a_job_before_its_turn() -> None:
    ran = threading.Semaphore(0)
    clockwork = Clockwork([Job("deliver", 3600, ran.release)])
    clockwork.nudge("deliver")  # before the start: nothing to hurry
    clockwork.start()
    try:
        assert ran.acquire(timeout=PATIENCE)
        clockwork.nudge("deliver")
        assert ran.acquire(timeout=PATIENCE)
    finally:
        clockwork.stop()
    assert clockwork.tallies["deliver"].runs == 2
    clockwork.nudge("deliver")  # after the end: nothing

"""What counts as trouble with the work itself, and that each kind is told with something to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.rules.watchdog import JobState, Kind, Signs, Trouble, troubles
from messages.wording import watching

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
WELL = Signs(NOW)


def job(name: str = "climb", since: timedelta = MINUTE, **more: Any) -> JobState:
    return replace(JobState(name, MINUTE, since, running=False, last_error=""), **more)


def kinds(**signs: Any) -> list[Kind]:
    return [one.kind for one in troubles(replace(WELL, **signs))]


def test_nothing_amiss() -> None:
    assert kinds(jobs=[job(), job("directory", 2 * HOUR, interval=HOUR)]) == []


@pytest.mark.parametrize(
    ("signs", "found"),
    [
        ({"steps_missed": 3}, [Kind.STUCK_LADDERS]),
        ({"late_messages": 1}, [Kind.LATE_MESSAGES]),
        ({"undelivered": {"not_in_channel": 2}}, [Kind.UNDELIVERED]),
        ({"unknown": 1, "unknown_since": NOW - 29 * MINUTE}, []),
        ({"unknown": 1, "unknown_since": NOW - 31 * MINUTE}, [Kind.UNKNOWN_OUTCOMES]),
        ({"anchors_waiting": {"folder:/a": NOW - 23 * HOUR}}, []),
        ({"anchors_waiting": {"folder:/a": NOW - 25 * HOUR}}, [Kind.LATE_ANCHOR]),
        ({"is_signed": True, "unsigned": True, "checkpoint_at": NOW - HOUR}, []),
        ({"is_signed": True, "unsigned": True, "checkpoint_at": NOW - 3 * HOUR}, [Kind.LATE_CHECKPOINT]),
        ({"is_signed": True, "unsigned": False, "checkpoint_at": NOW - 3 * HOUR}, []),
        ({"is_signed": False, "unsigned": True, "checkpoint_at": NOW - 3 * HOUR}, []),
    ],
)
def test_each_kind(signs: dict[str, Any], found: list[Kind]) -> None:
    assert kinds(**signs) == found


@pytest.mark.parametrize(
    ("state", "late"),
    [
        (job(since=14 * MINUTE), False),
        (job(since=16 * MINUTE), True),
        (job("directory", 3 * HOUR, interval=HOUR), False),
        (job("directory", 3 * HOUR + MINUTE, interval=HOUR), True),
        (job("sweep", 50 * MINUTE, running=True), False),
        (job("sweep", 61 * MINUTE, running=True), True),
    ],
)
def test_a_job_has_three_of_its_intervals_and_more_while_it_works(state: JobState, late: bool) -> None:
    assert kinds(jobs=[state]) == ([Kind.SILENT_JOB] if late else [])


def test_a_refusal_to_sign_is_told_as_that_and_at_once() -> None:
    refused = job("ledger", since=5 * HOUR, last_error="LogRefusedError")
    stale = {"is_signed": True, "unsigned": True, "checkpoint_at": NOW - 5 * HOUR}
    assert kinds(jobs=[refused], **stale) == [Kind.LEDGER_REFUSED]


def test_what_it_is_about_comes_along() -> None:
    [found] = troubles(replace(WELL, undelivered={"not_in_channel": 2, "is_archived": 1}))
    assert found == Trouble(Kind.UNDELIVERED, 3, ("not_in_channel", "is_archived"))
    [found] = troubles(replace(WELL, jobs=[job("climb", HOUR), job("sweep", 4 * HOUR)]))
    assert found.about == ("climb", "sweep")


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_told_with_something_to_do(kind: Kind) -> None:
    for number in (1, 2_000):
        said = watching.said(kind.value, number, ("climb",))
        assert said.endswith(".")
        assert kind.value not in said
        assert "!" not in said
    assert "`whose " in watching.advice(kind.value)
    assert watching.advice(kind.value).count("`") % 2 == 0


def test_a_kind_of_another_release_is_told_all_the_same() -> None:
    assert "odd kind" in watching.said("odd_kind", 1, ())
    assert "`whose doctor`" in watching.advice("odd_kind")

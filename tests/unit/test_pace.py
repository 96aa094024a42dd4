"""How fast messages may leave: a full pace, half of it when told to, and back again little by little."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.operations.pace import FASTER, MOST_PLACES, SLOWEST, Pacer, Place


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def pacer(clock: Seconds) -> Pacer:
    return Pacer(clock, per_minute={"post": 60.0, "update": 60.0}, burst=5.0)


def sent_in(pacer: Pacer, clock: Seconds, seconds: float, action: str = "post") -> int:
    """How many calls go in so many seconds, each as soon as it may."""
    until, sent = clock.now + seconds, 0
    while clock.now < until:
        wait = pacer.wait(action)
        if wait <= 1e-9:
            pacer.spend(action, None)
            sent += 1
        else:
            clock.now = min(until, clock.now + wait)
    return sent


def test_a_burst_and_then_the_pace(pacer: Pacer, clock: Seconds) -> None:
    assert sent_in(pacer, clock, 60) == pytest.approx(65, abs=1)
    assert sent_in(pacer, clock, 60) == pytest.approx(60, abs=1)


def test_half_the_pace_when_told_and_back_in_minutes(pacer: Pacer, clock: Seconds) -> None:
    sent_in(pacer, clock, 60)
    pacer.slow_down("post")
    assert pacer.pace("post") == pytest.approx(0.5)
    each_minute = [sent_in(pacer, clock, 60) for _ in range(6)]
    assert each_minute == sorted(each_minute)
    assert each_minute[0] == pytest.approx(60 * (0.5 + FASTER / 2), abs=2)
    assert each_minute[-1] == pytest.approx(60, abs=1)


def test_only_that_kind_of_call(pacer: Pacer, clock: Seconds) -> None:
    pacer.slow_down("post")
    assert pacer.wait("update") == 0.0
    assert pacer.pace("update") == pytest.approx(1.0)
    assert pacer.wait("post") > 0.0


def test_it_never_stands_still(pacer: Pacer) -> None:
    for _ in range(20):
        pacer.slow_down("post")
    assert pacer.pace("post") == pytest.approx(SLOWEST)


def test_a_pause_holds_everything(pacer: Pacer, clock: Seconds) -> None:
    pacer.pause(30)
    assert pacer.wait("post") == pacer.wait("update") == 30
    clock.now = 30
    assert pacer.wait("post") == 0.0


# ------------------------------------------------------------------ one place, and from one process to the next

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
HERE: Place = ("channel", "security")


def test_a_place_gets_twice_its_gap_and_comes_back_in_minutes(pacer: Pacer, clock: Seconds) -> None:
    pacer.slow_down("post", HERE)
    assert pacer.gap(HERE) == 2.0
    assert pacer.gap(("channel", "other")) == 1.0
    assert pacer.busy() == {HERE}
    clock.now += 2.0
    assert pacer.busy() == frozenset()
    pacer.spend("post", HERE)
    clock.now += 1.5
    assert pacer.busy() == {HERE}
    clock.now += 120
    assert pacer.gap(HERE) == pytest.approx(1 / 0.7, rel=0.01)
    clock.now += 600
    assert pacer.gap(HERE) == 1.0


def test_a_place_is_never_shut(pacer: Pacer) -> None:
    for _ in range(20):
        pacer.slow_down("post", HERE)
    assert pacer.gap(HERE) == pytest.approx(1 / SLOWEST)


def test_the_next_process_goes_on_where_this_one_was(pacer: Pacer, clock: Seconds) -> None:
    pacer.slow_down("post", HERE)
    pacer.pause(30)
    kept = json.loads(json.dumps(pacer.learned(NOON)))
    later = Seconds()
    later.now = 1e6
    other = Pacer(later, per_minute={"post": 60.0, "update": 60.0})
    other.recall(kept, NOON + timedelta(seconds=10))
    assert other.resting() == pytest.approx(20)
    assert other.pace("post") == pytest.approx(0.5 + FASTER / 6)
    assert other.pace("update") == 1.0
    assert other.busy() == {HERE}
    assert other.wait("post") >= 20, "no burst of calls at the start"


def test_after_minutes_nothing_is_left_of_it(pacer: Pacer) -> None:
    pacer.slow_down("post", HERE)
    other = Pacer(Seconds(), per_minute={"post": 60.0, "update": 60.0})
    other.recall(pacer.learned(NOON), NOON + timedelta(minutes=6))
    assert (other.pace("post"), other.gap(HERE), other.resting(), other.wait("post")) == (1.0, 1.0, 0.0, 0.0)


def test_a_clock_that_is_behind_makes_nobody_wait_longer(pacer: Pacer) -> None:
    pacer.pause(30)
    other = Pacer(Seconds())
    other.recall(pacer.learned(NOON), NOON - timedelta(hours=5))
    assert other.resting() == pytest.approx(30)


def test_what_one_knows_oneself_is_not_forgotten(pacer: Pacer) -> None:
    kept = Pacer(Seconds(), per_minute={"post": 60.0, "update": 60.0}).learned(NOON)
    pacer.slow_down("post", HERE)
    pacer.pause(60)
    pacer.recall(kept, NOON)
    assert (pacer.pace("post"), pacer.gap(HERE), pacer.resting()) == (0.5, 2.0, 60)


def test_few_places_are_remembered(pacer: Pacer) -> None:
    for number in range(MOST_PLACES + 50):
        pacer.slow_down("post", ("person", number))
    pacer.slow_down("post", ("person", 240))
    places = pacer.learned(NOON)["places"]
    assert len(places) == MOST_PLACES
    assert places[0] == ["person", 240, 0.25]

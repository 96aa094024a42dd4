"""How fast messages may leave: a full pace, half of it when told to, and back again little by little."""

from __future__ import annotations

import pytest

from bot.operations.pace import FASTER, SLOWEST, Pacer


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

"""The ladder: who is told at a step, when the next one comes, and what silence leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.rules.calendar import WorkingTime, add_business
from bot.rules.durations import BusinessDuration
from bot.rules.people import Directory, Unreachable
from bot.rules.policy_parts import DefaultAction, Ladder, Rung
from bot.rules.standing import Standing, reach_rung, succeed


@dataclass(frozen=True, slots=True)
class Told:
    """One rung of a step, and who answers for it."""

    rung: Rung
    person_id: int | None
    """None: the security channel."""
    stands_in_for: int | None = None


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a climb ends: the step, who is told there, and who could not be reached on the way."""

    step: int
    told: Sequence[Told]
    """Empty: the ladder is at its end and its default action is due."""
    passed: Sequence[tuple[int, Rung, Unreachable]] = ()
    """(step, rung, why), of this step and of those that were skipped since nobody there could be told."""


def climb_from(first: int, ladder: Ladder, standing: Standing, directory: Directory) -> Landing:
    """The first step at or after ``first`` where somebody can be told.

    A step that tells nobody (it only carries the default action) is a landing of its own, with nobody told. Past
    the last step ``Landing.step`` is the number of steps.
    """
    passed: list[tuple[int, Rung, Unreachable]] = []
    for number in range(first, len(ladder.steps)):
        step = ladder.steps[number]
        told: list[Told] = []
        for rung in step.tell:
            found = reach_rung(rung, standing, directory)
            if isinstance(found, Unreachable):
                passed.append((number, rung, found))
            elif found.person_id not in {one.person_id for one in told}:
                told.append(Told(rung, found.person_id, found.stands_in_for))
        if told or not step.tell:
            return Landing(number, told, passed)
    return Landing(len(ladder.steps), (), passed)


def hand_on(step: int, standing: Standing, directory: Directory) -> Landing:
    """Where a question lands, at the same step, once everybody who was asked there has left."""
    rung, found, passed = succeed(standing, directory)
    told = Told(rung, found.person_id, found.stands_in_for)
    return Landing(step, [told], [(step, one, why) for one, why in passed])


def wait_after(landed: int, ladder: Ladder, grace: BusinessDuration) -> BusinessDuration:
    """How long the people told at ``landed`` have until the next step.

    The last step, too, has its time to answer before its silence is recorded: as long as it took to come to it, or
    the tier's grace in a ladder of one step.
    """
    following = ladder.steps[min(landed + 1, len(ladder.steps) - 1)].after
    return following if following.amount else grace


def next_step_at(
    landed: int, ladder: Ladder, grace: BusinessDuration, told_at: datetime, waiting: WorkingTime
) -> datetime:
    """When the ladder moves on from ``landed``, in the working time of the person who is waited for."""
    return add_business(told_at, wait_after(landed, ladder, grace), waiting)


def default_action(landing: Landing, ladder: Ladder) -> DefaultAction:
    """What is due at this landing by itself: the last step carries it, whether it tells somebody or not."""
    if landing.step >= len(ladder.steps) - 1:
        return ladder.default_action
    return DefaultAction.NONE


def answer_by(now: datetime, grace: BusinessDuration, waiting: WorkingTime, expires_at: datetime | None) -> datetime:
    """The moment by which an answer is wanted: the grace in the person's working time, never after the expiry."""
    wanted = add_business(now, grace, waiting)
    return min(wanted, expires_at) if expires_at is not None and expires_at > now else wanted

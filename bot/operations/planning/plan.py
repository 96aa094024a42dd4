"""The weeks to come, as the policy would have them: who would be written to when, and what would be overdue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

from sqlalchemy import func, select
from sqlmodel import Session

from bot.operations.context import Context
from bot.operations.pace import PER_MINUTE
from bot.operations.planning.answers import Answers
from bot.operations.planning.ground import planning_ground
from bot.operations.planning.load import load_world
from bot.operations.planning.simulate import Simulation
from bot.operations.planning.tally import Tally, longest_queue
from bot.rules.due import due_parameters
from messages.pages.plan_facts import PlanFacts, PlannedWeek
from storage.due import DueRow
from storage.due_ahead import due_ahead
from storage.inventory import TOKEN

NOBODY = Fraction(0)
_WEEK = timedelta(days=7)


def plan(
    ctx: Context,
    *,
    weeks: int,
    share: Fraction = NOBODY,
    sweep_minutes: int = 60,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> PlanFacts:
    """What happens in the ``weeks`` from ``ctx.now()`` on, if nothing changes but the time.

    Args:
        share: of the questions at each step, so many are answered before the next (see :class:`Answers`).
        sweep_minutes: between two sweeps.
        progress: told how many weeks are done, of how many.
    """
    start = ctx.now()
    end = start + weeks * _WEEK
    with planning_ground(ctx) as session:
        world = load_world(session, ctx, start)
        open_now, first_run = len(world.questions), world.first_day is None
        tally = Tally(start, world.roster)
        simulation = Simulation(world, tally, Answers(share))
        looks = _looks(session, ctx, start, end, timedelta(minutes=sweep_minutes))
        course = _run(simulation, tally, looks, start, weeks, progress)
        tokens = session.connection().execute(select(func.count()).where(TOKEN.c.state == "active")).scalar_one()
    cap = ctx.policy.cap
    return PlanFacts(
        start=start,
        end=end,
        policy=f"{ctx.policy.policy_id} {ctx.policy.version}",
        share=share,
        sweep_minutes=sweep_minutes,
        tokens=tokens,
        due_now=course.due_now,
        open_now=open_now,
        first_run=first_run,
        first_opened=tally.opened_on[start.date()],
        caught_up_on=course.caught_up_on,
        weeks=course.weeks,
        readers=tally.readers(ctx.policy.channels.security),
        days=dict(sorted(tally.days.items())),
        busiest=max(tally.days, key=lambda day: (tally.days[day], -day.toordinal()), default=None),
        per_minute=int(PER_MINUTE["post"]),
        queue=longest_queue(tally.leaving, PER_MINUTE["post"]),
        cap_person=cap.per_person_per_day,
        cap_total=cap.total_per_day,
        first_cap_person=cap.first_run_per_person,
        first_cap_total=cap.first_run_total,
        most_messages=ctx.policy.attention.messages_per_person_per_day,
        person_weeks=tally.person_weeks(),
    )


@dataclass
class _Course:
    """What a simulation came to, besides its messages."""

    weeks: list[PlannedWeek] = field(default_factory=list)
    due_now: int = 0
    """Tokens that were due at the very first look."""
    caught_up_on: date | None = None
    """The first day on which no due token had to wait for another day."""


def _run(
    simulation: Simulation,
    tally: Tally,
    looks: Iterable[tuple[datetime, dict[int, DueRow | None]]],
    start: datetime,
    weeks: int,
    progress: Callable[[int, int], None],
) -> _Course:
    course = _Course()

    def finish_until(moment: datetime) -> None:
        while len(course.weeks) < weeks and moment >= start + (len(course.weeks) + 1) * _WEEK:
            simulation.run_until(start + (len(course.weeks) + 1) * _WEEK)
            course.weeks.append(tally.week(len(course.weeks), simulation))
            progress(len(course.weeks), weeks)

    for at, changed in looks:
        finish_until(at)
        simulation.sweep(at, changed)
        if at == start:
            course.due_now = len(simulation.due.rows)
        if course.caught_up_on is None and not simulation.due.fresh:
            course.caught_up_on = at.date()
    finish_until(start + weeks * _WEEK)
    return course


def _looks(
    session: Session, ctx: Context, start: datetime, end: datetime, every: timedelta
) -> Iterator[tuple[datetime, dict[int, DueRow | None]]]:
    """Every sweep, with what is new at it."""
    moments = [start + number * every for number in range(-(-(end - start) // every))]
    looks = due_ahead(session, due_parameters(ctx.policy), moments)
    look = next(looks, None)
    for at in moments:
        if look is not None and look.at == at:
            yield at, look.changed
            look = next(looks, None)
        else:
            yield at, {}

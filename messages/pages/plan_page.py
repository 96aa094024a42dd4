"""A plan of the weeks to come as a page: what it comes to first, then drawn and in numbers, then what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from messages.inert import one_line
from messages.moments import day
from messages.pages.bars import Bar, Chart, columns, rows, swatch
from messages.pages.engine import page
from messages.pages.plan_facts import ROLES, PlanFacts, PlannedReader, PlannedWeek, Sent
from messages.wording import planning

MOST_READERS = 12
"""People that the page names; the others are counted."""


@dataclass(frozen=True)
class _Line:
    """A row of a table: every role's messages, with the role in words."""

    sent: Sequence[tuple[str, int]]
    messages: int


@dataclass(frozen=True)
class _Week(_Line):
    days: str
    facts: PlannedWeek


@dataclass(frozen=True)
class _Reader(_Line):
    name: str
    busiest: str


def plan_page(facts: PlanFacts) -> str:
    """The plan as HTML: one file, nothing loaded, for the screen and for paper."""
    roles = [role for role in ROLES if facts.of_role(role)]
    readers = facts.readers[:MOST_READERS]
    values = {
        "title": f"The next {planning.in_weeks(facts)}" if len(facts.weeks) > 1 else "The next week",
        "condition": planning.answering(facts),
        "facts": facts,
        "headline": planning.headline(facts),
        "first_run": planning.first_run(facts),
        "pace": planning.pace(facts),
        "attention": planning.attention(facts),
        "assumptions": planning.assumptions(facts),
        "alternative": planning.alternative(facts),
        "figures": _figures(facts),
        "roles": [(role, planning.ROLE[role]) for role in roles],
        "heads": [planning.HEAD[role] for role in roles],
        "states": [("overdue", "Overdue"), ("waiting", "Waiting, with time left")],
        "weeks": [
            _Week(_parts(week.sent, roles), week.messages, planning.days(week.first, week.last), week)
            for week in facts.weeks
        ],
        "readers": [
            _Reader(_parts(one.sent, roles), one.messages, one_line(one.name), _most_on_one_day(one)) for one in readers
        ],
        "more_readers": len(facts.readers) - len(readers),
        "weekly": columns(_weekly(facts, roles)),
        "busiest": rows(_busiest(readers, roles)),
        "standing": columns(_standing(facts)),
        "swatch": swatch,
    }
    return page("plan.html", "UTC", values, styles=("style.css", "plan.css"))


def _figures(facts: PlanFacts) -> list[tuple[int, str]]:
    last = facts.weeks[-1]
    return [
        (facts.messages, f"messages in {planning.in_weeks(facts)}"),
        (facts.people, "people get at least one"),
        (facts.person_week(0.5), "messages in a typical week of one person"),
        (0 if facts.busiest is None else facts.days[facts.busiest], "messages on the busiest day"),
        (last.overdue, "questions overdue at the end"),
        (sum(week.revocations for week in facts.weeks), "revocations opened by the policy"),
    ]


def _parts(sent: Sent, roles: Sequence[str]) -> list[tuple[str, int]]:
    return [(planning.HEAD[role], sent.get(role, 0)) for role in roles]


def _weekly(facts: PlanFacts, roles: Sequence[str]) -> Chart:
    bars = [
        Bar(_from(week), _kinds(week.sent, roles), f"{planning.days(week.first, week.last)}: {_said(week.sent, roles)}")
        for week in facts.weeks
    ]
    described = "A column for each week; its height is the number of messages. The table beneath says the same."
    return Chart("weekly", "Messages in each week, by whom they go to", described, bars)


def _busiest(readers: Sequence[PlannedReader], roles: Sequence[str]) -> Chart:
    bars = [Bar(one.name, _kinds(one.sent, roles), f"{one.name}: {_said(one.sent, roles)}") for one in readers]
    described = "A bar for each of those who get most; its length is their messages. The table beneath says the same."
    return Chart("busiest", "Who gets most messages", described, bars)


def _standing(facts: PlanFacts) -> Chart:
    bars = [
        Bar(
            _from(week),
            [("overdue", week.overdue), ("waiting", week.unanswered - week.overdue)],
            f"At the end of {planning.days(week.first, week.last)}: {week.unanswered:,} waiting, "
            f"{week.overdue:,} of them overdue",
        )
        for week in facts.weeks
    ]
    described = "A column for each week: the questions that wait at its end, the overdue ones at the bottom."
    return Chart("standing", "Questions waiting and overdue at the end of each week", described, bars)


def _kinds(sent: Sent, roles: Sequence[str]) -> list[tuple[str, int]]:
    return [(role, sent.get(role, 0)) for role in roles]


def _said(sent: Sent, roles: Sequence[str]) -> str:
    return ", ".join(f"{planning.ROLE[role].lower()} {sent[role]:,}" for role in roles if sent.get(role))


def _from(week: PlannedWeek) -> str:
    return _short_day(week.first)


def _short_day(value: date) -> str:
    return " ".join(day(value).split()[:2])


def _most_on_one_day(reader: PlannedReader) -> str:
    return f"{reader.busiest_messages:,} on {_short_day(reader.busiest)}"

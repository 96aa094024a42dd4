"""How a plan of the weeks to come is told, in the terminal and on its page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Final

from messages.moments import day, spoken
from messages.pages.plan_facts import PlanFacts
from messages.view import Moment

ROLE: Final = {
    "owner": "Service owners",
    "backup": "Backup and business owners",
    "vendor": "Vendor owners",
    "manager": "Managers",
    "security": "Security channel",
}
ROLE_SHORT: Final = {
    "owner": "owner",
    "backup": "backup",
    "vendor": "vendor",
    "manager": "manager",
    "security": "security",
}

HEAD: Final = {
    "owner": "Owners",
    "backup": "Backups",
    "vendor": "Vendors",
    "manager": "Managers",
    "security": "Security",
}

_ANSWER = "the token is kept, one that has expired is left to lapse, and work that was opened is done"

NOTHING = "Nobody would be written to in this time: nothing is due."
WHOSE_DAY = "A day is that of UTC; for a person, the one on their own calendar."


def percent(share: Fraction) -> str:
    """``80 %``."""
    return f"{float(share * 100):g} %"


def number(value: int, one: str, many: str = "") -> str:
    """``1 message``, ``1,204 messages``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def days(first: date, last: date) -> str:
    """``23 to 29 Nov 2026``."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day(last)}"
    return f"{' '.join(day(first).split()[:2])} to {day(last)}"


def in_weeks(facts: PlanFacts) -> str:
    """``4 weeks``."""
    return number(len(facts.weeks), "week")


def answering(facts: PlanFacts) -> str:
    """``if nobody answers``."""
    if not facts.share:
        return "if nobody answers"
    return "if everybody answers in time" if facts.share == 1 else f"if {percent(facts.share)} answer in time"


def headline(facts: PlanFacts) -> str:
    """The plan in a sentence or two."""
    if not facts.messages:
        return NOTHING
    people = number(facts.people, "person", "people")
    said = f"In {in_weeks(facts)}, {people} would get {number(facts.messages, 'message')}"
    if any(not one.email for one in facts.readers):
        said += ", counting those to the security channel"
    if facts.busiest is not None:
        said += f"; on the busiest day, {day(facts.busiest)}, {facts.days[facts.busiest]:,} of them"
    return f"{said}. {overdue(facts)}"


def overdue(facts: PlanFacts) -> str:
    """What is overdue at the end."""
    last = facts.weeks[-1]
    if not last.overdue:
        return f"At the end nothing would be overdue, {answering(facts)}."
    verb = "question would be" if last.overdue == 1 else "questions would be"
    return f"At the end {last.overdue:,} {verb} overdue, {answering(facts)}."


def first_run(facts: PlanFacts) -> str:
    """How the caps spread what is due at the beginning; empty where they hold nothing back."""
    if facts.caught_up_on == facts.start.date():
        return ""
    lead = "This is a first run: " if facts.first_run else ""
    due = f"{number(facts.due_now, 'token')} {'is' if facts.due_now == 1 else 'are'} due now"
    opened = f"{facts.first_opened:,} {'is' if facts.first_opened == 1 else 'are'} asked about on the first day"
    caps = f"{facts.cap_person:,} a day for one person and {facts.cap_total:,} in all"
    if facts.first_run:
        caps += f" (on the first day {facts.first_cap_person:,} and {facts.first_cap_total:,})"
    if facts.caught_up_on is None:
        held = facts.weeks[-1].held
        then = f"{number(held, 'token')} would still be left for later at the end of this plan"
    else:
        then = f"everything that is due has been asked about by {day(facts.caught_up_on)}"
    said = f"{lead}{due}, {opened}, and {then}. The policy lets through {caps}; the riskiest come first."
    return said[:1].upper() + said[1:]


def pace(facts: PlanFacts) -> str:
    """What the platform's limits make of it."""
    if facts.queue is None or facts.busiest is None:
        return ""
    on_busiest = _minutes(facts.days[facts.busiest] / facts.per_minute)
    longest = _minutes(facts.queue.minutes)
    return (
        f"At the permitted {facts.per_minute} messages a minute, the busiest day takes {on_busiest} of sending. "
        f"The longest line forms on {spoken(Moment(facts.queue.at, 'UTC'))}: "
        f"{number(facts.queue.messages, 'message')}, the last of which leaves {longest} later."
    )


def _minutes(value: float) -> str:
    if value < 1:
        return "less than a minute"
    return number(round(value), "minute")


def attention(facts: PlanFacts) -> str:
    """What one person gets in a week."""
    if not facts.person_weeks:
        return ""
    half, most, top = facts.person_week(0.5), facts.person_week(0.99), facts.person_weeks[-1]
    return (
        f"In a week in which somebody is written to at all, they get {number(half, 'message')} or fewer half of the "
        f"time, and {most:,} or fewer in 99 cases of 100; the most is {top:,}. Nobody gets more than "
        f"{facts.most_messages:,} on one day, except for what is urgent."
    )


def assumptions(facts: PlanFacts) -> Sequence[str]:
    """What the plan takes for granted; to be read with it."""
    if not facts.share:
        answers = "Nobody answers anything: the heaviest case, not a forecast."
    elif facts.share == 1:
        answers = (
            f"Every question is answered by whoever is asked first, just before the next step would come: {_ANSWER}."
        )
    else:
        answers = (
            f"Of the questions whose time is over, {percent(facts.share)} were answered just before ({_ANSWER}) and "
            "the rest climb. Which ones is not left to chance: they are spread evenly over all questions, in the order "
            "in which their time ends."
        )
    return [
        answers,
        "Nobody joins, leaves, goes away or moves from now on; whoever is away comes back on the day they gave.",
        "The inventory stays as it is, and only time goes on: attestations grow old, and tokens expire.",
        f"What is due is looked for every {number(facts.sweep_minutes, 'minute')}. Every message arrives, and at the "
        "moment it may: the permitted pace is worked out beside it.",
        "A message shows everything that waits for its reader, so one message may hold many questions. Messages that "
        "only change in place are not counted, since they call for nobody's attention.",
        "Working hours, weekends and public holidays are those of each reader.",
        WHOSE_DAY,
    ]


def alternative(facts: PlanFacts) -> str:
    """How to see the other side."""
    if facts.share:
        return "Without --answering, the plan shows what comes if nobody answers."
    return "With --answering 0.8, the plan shows what comes if four of five questions are answered in time."


def first_run_ahead(due: int, chosen: int) -> str:
    """Before anybody was ever asked: how much there is, and how much of it comes now."""
    now = "all of them are asked about now" if chosen >= due else f"{chosen:,} of them are asked about now"
    many = number(due, "token")
    return f"First run: {many} {'is' if due == 1 else 'are'} due, and {now}. `whose plan` shows the weeks to come."

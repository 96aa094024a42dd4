"""The pure parts of a plan: who answers, what is asked again, how long the line gets, how it is told and drawn."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from bot.operations.planning.answers import Answers
from bot.operations.planning.tally import longest_queue
from bot.rules.attention import Messages, into_the_day, one_more
from bot.rules.calendar import WorkingTime
from bot.rules.due import Reason, still_asked
from messages.pages.bars import Bar, Chart, columns, rows
from messages.pages.plan_facts import PlanFacts, PlannedReader, PlannedWeek
from messages.pages.plan_page import plan_page
from messages.wording import planning

MONDAY = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
TUESDAY = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LONDON = WorkingTime("Europe/London")


# ------------------------------------------------------------------ who answers


@pytest.mark.parametrize(
    ("share", "pattern"),
    [("0", "......"), ("1", "xxxxxx"), ("1/2", "x.x.x."), ("4/5", "xx.xxx"), ("1/3", ".x..x."), ("1/100", "......")],
)
def test_answers_are_spread_evenly(share: str, pattern: str) -> None:
    answers = Answers(Fraction(share))
    assert "".join("x" if answers.next() else "." for _ in range(6)) == pattern


@pytest.mark.parametrize("share", ["0.8", "1/7", "0.333"])
def test_in_the_long_run_exactly_the_share_answers(share: str) -> None:
    answers = Answers(Fraction(share))
    given = sum(answers.next() for _ in range(7_000))
    assert abs(given - 7_000 * Fraction(share)) <= Fraction(1, 2)


def test_a_share_is_a_share() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Answers(Fraction(6, 5))


@pytest.mark.parametrize(
    ("reasons", "answered", "quiet", "left"),
    [
        (Reason.NEVER_ATTESTED, Reason.NEVER_ATTESTED, True, 0),
        (Reason.NEVER_ATTESTED, Reason.NEVER_ATTESTED, False, Reason.ATTESTATION_OVERDUE),
        (Reason.NO_EXPIRY | Reason.UNUSED, Reason.NO_EXPIRY, True, Reason.UNUSED),
        (Reason.OWNER_LEFT | Reason.EXPIRED, Reason.OWNER_LEFT | Reason.EXPIRED, True, Reason.OWNER_LEFT),
        (Reason.EXPIRING, Reason.EXPIRING, True, Reason.EXPIRING),  # the notices have a memory of their own
    ],
)
def test_what_is_asked_again_after_an_answer(reasons: int, answered: int, quiet: bool, left: int) -> None:
    assert still_asked(reasons, answered, quiet=quiet) == left


# ------------------------------------------------------------------ when one more message goes out


def test_one_more_message() -> None:
    def at(past: Messages, earliest: datetime = MONDAY, anytime: bool | None = None) -> datetime | None:
        return one_more(past, earliest, LONDON, most=2, anytime=anytime)

    night = MONDAY.replace(hour=3)
    assert at(Messages()) == MONDAY
    assert at(Messages(), night) == MONDAY.replace(hour=9, minute=0)
    assert at(Messages(), night, anytime=True) == night
    assert at(Messages(pending=True, recent=[TUESDAY])) is None
    assert at(Messages(recent=[MONDAY, MONDAY])) == TUESDAY
    assert at(Messages(recent=[MONDAY, MONDAY]), anytime=False) == MONDAY
    assert at(Messages(recent=[MONDAY, MONDAY, TUESDAY, TUESDAY])) == TUESDAY + timedelta(days=1)
    assert at(Messages(pending=True, urgent_at=MONDAY), anytime=False) is None
    assert at(Messages(pending=True, urgent_at=TUESDAY), anytime=False) == MONDAY


def test_a_minute_of_ones_own() -> None:
    hour = timedelta(hours=1)
    assert [into_the_day(one, hour) for one in (1, 59, 60, 61)] == [MINUTE, 59 * MINUTE, 0 * MINUTE, MINUTE]
    assert into_the_day(7, timedelta()) == into_the_day(None, hour) == timedelta()

    def at(earliest: datetime, past: Messages | None = None, anytime: bool | None = None) -> datetime | None:
        return one_more(past or Messages(), earliest, LONDON, most=1, into=40 * MINUTE, anytime=anytime)

    assert at(MONDAY) == MONDAY + 10 * MINUTE
    assert at(MONDAY + hour) == MONDAY + hour
    assert at(MONDAY, anytime=False) == MONDAY
    assert at(MONDAY, Messages(recent=[MONDAY])) == TUESDAY + 40 * MINUTE
    late = MONDAY.replace(hour=17, minute=29)
    assert at(late) == late
    assert at(late + MINUTE) == TUESDAY + 40 * MINUTE


# ------------------------------------------------------------------ the platform's pace


def test_the_longest_line() -> None:
    assert longest_queue({}, 240) is None
    line = longest_queue({MONDAY: 600, MONDAY + MINUTE: 120, MONDAY + 3 * MINUTE: 10}, 240)
    assert line is not None
    # 600 at first; a minute later 600 - 240 + 120 = 480; two more minutes later 480 - 480 + 10.
    assert (line.at, line.messages, line.minutes) == (MONDAY, 600, 2.5)
    grown = longest_queue({MONDAY: 240, MONDAY + MINUTE / 2: 240}, 240)
    assert grown is not None
    assert (grown.at, grown.messages, grown.minutes) == (MONDAY + MINUTE / 2, 360, 1.5)


# ------------------------------------------------------------------ told and drawn


def facts(name: str = "Ana Lima", **changes: object) -> PlanFacts:
    week = PlannedWeek(date(2026, 1, 5), date(2026, 1, 11), {"owner": 3, "manager": 1}, 9, 0, 2, 7, 4, {"owner": 4}, 5)
    values: dict[str, object] = {
        "start": MONDAY,
        "end": MONDAY + timedelta(days=7),
        "policy": "default 1",
        "share": Fraction(0),
        "sweep_minutes": 60,
        "tokens": 20,
        "due_now": 14,
        "open_now": 0,
        "first_run": True,
        "first_opened": 5,
        "caught_up_on": date(2026, 1, 7),
        "weeks": [week],
        "readers": [PlannedReader(name, "ana@example.com", {"owner": 3, "manager": 1}, date(2026, 1, 6), 2)],
        "days": {date(2026, 1, 5): 1, date(2026, 1, 6): 3},
        "busiest": date(2026, 1, 6),
        "per_minute": 240,
        "queue": longest_queue({MONDAY: 3}, 240),
        "cap_person": 10,
        "cap_total": 2000,
        "first_cap_person": 5,
        "first_cap_total": 200,
        "most_messages": 3,
        "person_weeks": [4],
    }
    return PlanFacts(**(values | changes))  # type: ignore[arg-type]


def test_the_headline_says_it_all() -> None:
    assert planning.headline(facts()) == (
        "In 1 week, 1 person would get 4 messages; on the busiest day, 6 Jan 2026, 3 of them. "
        "At the end 4 questions would be overdue, if nobody answers."
    )
    assert planning.first_run(facts()) == (
        "This is a first run: 14 tokens are due now, 5 are asked about on the first day, and everything that is due "
        "has been asked about by 7 Jan 2026. The policy lets through 10 a day for one person and 2,000 in all (on the "
        "first day 5 and 200); the riskiest come first."
    )
    assert planning.first_run(facts(caught_up_on=MONDAY.date())) == ""
    assert "less than a minute" in planning.pace(facts())
    assert planning.answering(facts(share=Fraction(4, 5))) == "if 80 % answer in time"
    assert "5 tokens would still be left" in planning.first_run(facts(caught_up_on=None))


def test_the_page_of_an_empty_plan_says_so() -> None:
    week = PlannedWeek(date(2026, 1, 5), date(2026, 1, 11), {}, 0, 0, 0, 0, 0, {}, 0)
    empty = facts(weeks=[week], readers=[], days={}, busiest=None, queue=None, person_weeks=[], first_run=False)
    page = plan_page(empty)
    assert planning.NOTHING in page
    assert "Who gets most" not in page


def test_the_page_is_inert_and_loads_nothing() -> None:
    page = plan_page(facts(name="<script>alert(1)</script>\u202eAna"))
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert re.findall(r"""(?:src|href)=["'][^#"']""", page) == []
    assert "default-src &#39;none&#39;" in page


def test_columns_stack_from_the_bottom() -> None:
    drawn = str(columns(Chart("c", "t", "d", [Bar("a", [("owner", 30), ("manager", 10)], "a: 40"), Bar("b", [], "b")])))
    heights = [float(one) for one in re.findall(r'<rect class="part \w+"[^>]* height="([\d.]+)"', drawn)]
    assert heights == [150.0, 50.0]
    assert ">40<" in drawn


def test_many_columns_have_few_numbers_and_labels() -> None:
    bars = [Bar(f"week {number}", [("owner", 10_000 + number)], "said") for number in range(60)]
    drawn = str(columns(Chart("c", "t", "d", bars)))
    assert re.findall(r'class="total"[^>]*>([\d,]+)<', drawn) == ["10,059"]
    assert len(re.findall('class="tick"', drawn)) == 6


def test_rows_lie_end_to_end() -> None:
    drawn = str(rows(Chart("c", "t", "d", [Bar("Ana", [("owner", 3), ("security", 1)], "said")])))
    places = re.findall(r'<rect class="part \w+" x="([\d.]+)%"[^>]* width="([\d.]+)%"', drawn)
    assert [(float(x), float(w)) for x, w in places] == [(0.5, 74.25), (74.75, 24.75)]

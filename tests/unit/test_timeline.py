"""The drawn timeline: where things stand, and that it is a picture which says what it shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.pages.timeline import Lane, Mark, MarkKind, Span, Timeline, draw, sample, ticks

T0 = datetime(2026, 1, 5, tzinfo=UTC)
END = T0 + timedelta(days=100)
DAY = timedelta(days=1)
KINDS: tuple[MarkKind, ...] = ("asked", "no_answer", "decision", "remediation", "refused", "policy")
PICTURE = Timeline(
    name="p1",
    title="Who answered",
    description="Rows and marks",
    lanes=[
        Lane("Service owner", [Span("Ana", T0, T0 + 50 * DAY), Span("Ben", T0 + 50 * DAY)]),
        Lane("Backup owner", []),
    ],
    marks=[Mark("asked", T0 + 10 * DAY, "Ana was asked")],
    start=T0,
    end=END,
    asked_about=T0 + 25 * DAY,
)


def parsed(timeline: Timeline) -> ElementTree.Element:
    return ElementTree.fromstring(str(draw(timeline)))


def percent(element: ElementTree.Element, name: str = "x") -> float:
    return float(element.attrib[name].removesuffix("%"))


def test_a_bar_begins_and_ends_where_its_time_does() -> None:
    ana, ben = (one for one in parsed(PICTURE) if one.tag == "svg" and "class" not in one.attrib)
    assert percent(ana) == 0.5
    assert percent(ana, "width") == pytest.approx(49.5, abs=0.02)
    assert percent(ben) == pytest.approx(50, abs=0.02)
    assert percent(ben) + percent(ben, "width") == pytest.approx(99.5, abs=0.02)


def test_the_day_asked_about_is_an_upright_line_with_its_date() -> None:
    drawn = parsed(PICTURE)
    [line] = [one for one in drawn if one.tag == "line" and one.get("class") == "day"]
    assert line.attrib["x1"] == line.attrib["x2"] == "25.25%"
    assert "30 Jan 2026" in [one.text for one in drawn if one.get("class") == "day"]
    outside = parsed(replace(PICTURE, asked_about=END + DAY))
    assert not [one for one in outside if one.get("class") == "day"]


def test_a_role_that_nobody_held_says_so() -> None:
    assert "nobody named" in [one.text for one in parsed(PICTURE) if one.get("class") == "empty"]


def test_the_picture_has_a_title_and_a_description_that_it_names() -> None:
    drawn = parsed(PICTURE)
    assert drawn.attrib["role"] == "img"
    ids = drawn.attrib["aria-labelledby"].split()
    assert [(one.tag, one.get("id")) for one in drawn[:2]] == [("title", ids[0]), ("desc", ids[1])]


def test_marks_at_one_moment_stand_below_each_other_and_none_is_lost() -> None:
    marks = [Mark("asked", T0 + 10 * DAY, str(number)) for number in range(12)]
    drawn = [one for one in parsed(replace(PICTURE, marks=marks)) if "mark" in one.get("class", "")]
    assert len(drawn) == 12
    assert len({one.attrib["y"] for one in drawn}) == 5
    apart = [Mark("asked", T0 + 10 * number * DAY, "x") for number in range(1, 9)]
    assert len({one.get("y") for one in parsed(replace(PICTURE, marks=apart)) if "mark" in one.get("class", "")}) == 1


def test_no_two_kinds_of_mark_have_one_outline() -> None:
    assert len({str(sample(kind)).partition('">')[2].replace(kind, "") for kind in KINDS}) == len(KINDS)


def test_ticks_are_at_months_of_utc_and_at_days_where_it_is_short() -> None:
    year = ticks(datetime(2025, 1, 10, tzinfo=UTC), datetime(2026, 1, 20, tzinfo=UTC))
    assert [one.label for one in year if one.label] == ["Apr", "Jul", "Oct", "Jan 2026"]
    assert [one.at for one in year] == [datetime(2025 + m // 12, m % 12 + 1, 1, tzinfo=UTC) for m in range(1, 13)]
    week = ticks(T0 + timedelta(hours=5), T0 + 6 * DAY)
    assert [one.at for one in week] == [T0 + number * DAY for number in range(1, 7)]
    assert week[0].label == "6 Jan"


moments = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))


@given(start=moments, length=st.timedeltas(timedelta(0), timedelta(days=400_000)), at=moments)
def test_any_stretch_of_time_is_drawn_within_the_picture(start: datetime, length: timedelta, at: datetime) -> None:
    end = start + min(length, datetime.max.replace(tzinfo=UTC) - start)
    marked = [Mark(kind, at, kind) for kind in KINDS]
    lanes = [Lane("x", [Span("a", start, end), Span("b", at), Span("c", end, start)])]
    drawn = parsed(replace(PICTURE, start=start, end=end, marks=marked, lanes=lanes, asked_about=at))
    places = [percent(one, name) for one in drawn for name in ("x", "x1", "x2") if name in one.attrib]
    assert all(0 <= place <= 100 for place in places)
    found = ticks(start, end)
    assert len([one for one in found if one.label]) <= 6
    assert all(start <= one.at <= end for one in found)
    assert len(found) <= 62

"""What holds for every working time, wherever somebody lives and whenever they work."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules.calendar import WorkingTime, add_business, business_between, is_working, next_working
from bot.rules.durations import BusinessDuration

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia",
    "Africa/Casablanca", "America/Havana", "America/Santiago", "Asia/Tehran", "Africa/Cairo", "Antarctica/Troll",
)  # fmt: skip
PLACES = (("", ""), ("DE", "BY"), ("US", ""), ("GB", "SCT"), ("JP", ""), ("EG", ""), ("IR", ""), ("CN", ""))


@st.composite
def working_times(draw: st.DrawFn) -> WorkingTime:
    country, subdivision = draw(st.sampled_from(PLACES))
    quarters = draw(st.lists(st.integers(0, 95), min_size=2, max_size=2, unique=True))
    opens, closes = sorted(quarters)
    return WorkingTime(
        timezone=draw(st.sampled_from(ZONES)),
        country=country,
        subdivision=subdivision,
        # Two days at least: a single one may be every week's holiday for a while.
        workweek=draw(st.just(frozenset[int]()) | st.frozensets(st.integers(0, 6), min_size=2)),
        opens=time(opens // 4, opens % 4 * 15),
        closes=time(closes // 4, closes % 4 * 15),
    )


# Samoa's missing day and the changes of 2025 included; the seconds make sure that nothing is rounded.
ordinary = st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
changes = st.sampled_from(
    ["2011-12-30T10:00", "2025-03-30T01:00", "2025-10-26T01:00", "2025-04-05T15:00", "2025-11-02T05:00"]
).flatmap(
    lambda text: st.integers(-6 * 3600, 6 * 3600).map(
        lambda seconds: datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(seconds=seconds)
    )
)
moments = ordinary | changes
hours = st.integers(0, 60)
amounts = st.builds(BusinessDuration, st.integers(0, 15), st.sampled_from(("bd", "bh")))


@given(moments, amounts, working_times())
def test_never_earlier_and_always_working(moment: datetime, amount: BusinessDuration, wt: WorkingTime) -> None:
    result = add_business(moment, amount, wt)
    assert result >= moment
    assert is_working(result, wt)


@given(moments, working_times())
def test_next_working_is_the_first(moment: datetime, wt: WorkingTime) -> None:
    first = next_working(moment, wt)
    assert next_working(first, wt) == first
    assert (first == moment) == is_working(moment, wt)
    assert business_between(moment, first, wt) == timedelta()


@given(moments, st.integers(0, 24 * 60), working_times())
def test_so_far_into_the_day_is_in_it_and_not_earlier(moment: datetime, minutes: int, wt: WorkingTime) -> None:
    into = timedelta(minutes=minutes)
    found = next_working(moment, wt, into)
    assert is_working(found, wt)
    assert next_working(moment, wt) <= found <= next_working(moment, wt) + into
    assert next_working(found, wt, into) == found


@given(moments, amounts, st.integers(0, 15), working_times())
def test_a_larger_amount_is_never_earlier(
    moment: datetime, amount: BusinessDuration, more: int, wt: WorkingTime
) -> None:
    larger = BusinessDuration(amount.amount + more, amount.unit)
    assert add_business(moment, amount, wt) <= add_business(moment, larger, wt)


@settings(max_examples=300)
@given(moments, st.timedeltas(timedelta(), timedelta(days=4)), amounts, working_times())
def test_a_later_start_is_never_earlier(
    moment: datetime, later: timedelta, amount: BusinessDuration, wt: WorkingTime
) -> None:
    assert add_business(moment, amount, wt) <= add_business(moment + later, amount, wt)


@given(moments, hours, hours, working_times())
def test_hours_add_up(moment: datetime, first: int, second: int, wt: WorkingTime) -> None:
    both = add_business(moment, BusinessDuration(first + second, "bh"), wt)
    halfway = add_business(moment, BusinessDuration(first, "bh"), wt)
    assert add_business(halfway, BusinessDuration(second, "bh"), wt) == both


@given(moments, hours, working_times())
def test_as_many_hours_lie_between_as_were_added(moment: datetime, amount: int, wt: WorkingTime) -> None:
    end = add_business(moment, BusinessDuration(amount, "bh"), wt)
    assert business_between(moment, end, wt) == timedelta(hours=amount)


@given(moments, working_times())
def test_one_day_later_is_another_day(moment: datetime, wt: WorkingTime) -> None:
    start = next_working(moment, wt)
    day = add_business(moment, BusinessDuration(1, "bd"), wt)
    assert day > start
    assert timedelta() < business_between(start, day, wt)

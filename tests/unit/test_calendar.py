"""Working time against instants computed by hand from the zones' published rules and the countries' holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from bot.rules.calendar import (
    CalendarError,
    WorkingTime,
    add_business,
    business_between,
    check_working_time,
    is_known_country,
    is_known_zone,
    is_working,
    next_working,
    parse_workweek,
    zone_of,
)
from bot.rules.durations import BusinessDuration, DurationError, parse_business

EVERY_DAY = frozenset(range(7))
NIGHT = time(0, 0), time(6, 0)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def place(
    zone: str, country: str = "", subdivision: str = "", week: str = "", hours: tuple[time, time] | None = None
) -> WorkingTime:
    opens, closes = hours or (time(9, 0), time(17, 30))
    return WorkingTime(zone, country, subdivision, parse_workweek(week), opens, closes)


BERLIN = place("Europe/Berlin", week="mon-fri")
BERLIN_NIGHTS = place("Europe/Berlin", week="mon-sun", hours=NIGHT)
BERLIN_HALF_PAST_TWO = place("Europe/Berlin", week="mon-sun", hours=(time(2, 30), time(6, 0)))
NEW_YORK = place("America/New_York", "US")
LORD_HOWE = place("Australia/Lord_Howe", week="mon-fri")
LORD_HOWE_NIGHTS = place("Australia/Lord_Howe", week="mon-sun", hours=NIGHT)
APIA = place("Pacific/Apia", week="mon-fri")
APIA_EVERY_DAY = place("Pacific/Apia", week="mon-sun")
BAVARIA = place("Europe/Berlin", "DE", "BY")
CITY_OF_BERLIN = place("Europe/Berlin", "DE", "BE")
SCOTLAND = place("Europe/London", "GB", "SCT")
ENGLAND = place("Europe/London", "GB", "ENG")
JAPAN = place("Asia/Tokyo", "JP")
KATHMANDU = place("Asia/Kathmandu", week="mon-fri")
KATHMANDU_SIX_DAYS = place("Asia/Kathmandu", week="sun-fri")
KIRITIMATI = place("Pacific/Kiritimati", week="mon-fri")
HONOLULU = place("Pacific/Honolulu", week="mon-fri")
CASABLANCA = place("Africa/Casablanca", week="mon-fri")
RIYADH_SUN_THU = place("Asia/Riyadh", week="sun-thu")
RIYADH_MON_FRI = place("Asia/Riyadh", "SA", week="mon-fri")
BAVARIA_SMALL = place("europe/berlin", "de", "by")
SYDNEY = place("Australia/Sydney", "AU", "NSW")
SAXONY = place("Europe/Berlin", "DE", "SN")
HAMBURG = place("Europe/Berlin", "DE", "HH")
MASSACHUSETTS = place("America/New_York", "US", "MA")
NEW_YORK_NIGHTS = place("America/New_York", week="mon-sun", hours=NIGHT)
INDIA = place("Asia/Kolkata", "IN", week="mon-fri")
MAHARASHTRA = place("Asia/Kolkata", "IN", "MH", week="mon-fri")
CHINA = place("Asia/Shanghai", "CN", week="mon-fri")
NORWAY = place("Europe/Oslo", "NO")
RIYADH = place("Asia/Riyadh", "SA")
CAIRO = place("Africa/Cairo", week="sun-thu")
JERUSALEM = place("Asia/Jerusalem", week="sun-thu")
CHATHAM = place("Pacific/Chatham", week="mon-fri")

# name, whose time, from (UTC), amount, to (UTC). The hours are 09:00 to 17:30 where nothing else is said.
CASES = [
    # Clocks forward in Berlin on Sunday 2025-03-30 at 01:00Z, back on Sunday 2025-10-26 at 01:00Z.
    ("hours over the weekend the clocks go forward", BERLIN, "2025-03-28T15:00", "4bh", "2025-03-31T09:30"),
    ("a day over the weekend the clocks go forward", BERLIN, "2025-03-28T09:00", "1bd", "2025-03-31T08:00"),
    ("a day over the weekend the clocks go back", BERLIN, "2025-10-24T08:00", "1bd", "2025-10-27T09:00"),
    ("hours over the weekend the clocks go back", BERLIN, "2025-10-24T15:00", "1bh", "2025-10-27T08:30"),
    ("the short night has five hours", BERLIN_NIGHTS, "2025-03-29T23:00", "5bh", "2025-03-30T22:00"),
    ("the short night, an hour before its end", BERLIN_NIGHTS, "2025-03-29T23:00", "4bh", "2025-03-30T03:00"),
    ("the long night has seven hours", BERLIN_NIGHTS, "2025-10-25T22:00", "6bh", "2025-10-26T04:00"),
    ("the long night is over after seven", BERLIN_NIGHTS, "2025-10-25T22:00", "7bh", "2025-10-26T23:00"),
    ("opening at a time that is skipped", BERLIN_HALF_PAST_TWO, "2025-03-30T00:30", "0bd", "2025-03-30T01:00"),
    ("opening at a time that comes twice", BERLIN_HALF_PAST_TWO, "2025-10-26T00:00", "0bd", "2025-10-26T00:30"),
    ("a day later the time is skipped", BERLIN_NIGHTS, "2025-03-29T01:30", "1bd", "2025-03-30T01:00"),
    ("a day from the first 02:15", BERLIN_NIGHTS, "2025-10-26T00:15", "1bd", "2025-10-27T01:15"),
    ("a day from the second 02:15", BERLIN_NIGHTS, "2025-10-26T01:15", "1bd", "2025-10-27T02:00"),
    # New York: forward on 2025-03-09, back on 2025-11-02.
    ("New York forward", NEW_YORK, "2025-03-07T21:30", "2bh", "2025-03-10T14:00"),
    ("New York back", NEW_YORK, "2025-10-31T14:00", "1bd", "2025-11-03T15:00"),
    ("Thanksgiving", NEW_YORK, "2025-11-26T15:00", "1bd", "2025-11-28T15:00"),
    ("the 4th of July kept on Friday the 3rd", NEW_YORK, "2026-07-02T14:00", "1bd", "2026-07-06T14:00"),
    ("Juneteenth", NEW_YORK, "2025-06-18T21:00", "1bh", "2025-06-20T13:30"),
    ("New Year kept on the last day of the old one", NEW_YORK, "2021-12-30T15:00", "1bd", "2022-01-03T15:00"),
    ("Good Friday is a working day in the US", NEW_YORK, "2025-04-17T14:00", "1bd", "2025-04-18T14:00"),
    # Lord Howe moves by half an hour: +11 to +10:30 on 2025-04-06, back to +11 on 2025-10-05.
    ("Lord Howe half an hour back", LORD_HOWE, "2025-04-04T05:30", "2bh", "2025-04-06T23:30"),
    ("Lord Howe half an hour forward", LORD_HOWE, "2025-10-02T23:30", "1bd", "2025-10-05T23:00"),
    ("Lord Howe, second 01:45", LORD_HOWE_NIGHTS, "2025-04-05T15:15", "1bd", "2025-04-06T15:30"),
    ("Lord Howe, first 01:45", LORD_HOWE_NIGHTS, "2025-04-05T14:45", "1bd", "2025-04-06T15:15"),
    ("Lord Howe, the short night has 5:30", LORD_HOWE_NIGHTS, "2025-10-04T13:30", "5bh", "2025-10-04T18:30"),
    # Odd offsets and the ends of the world.
    ("Kathmandu opens at 03:15Z", KATHMANDU, "2025-06-02T00:00", "0bd", "2025-06-02T03:15"),
    ("Kathmandu, Sunday to Friday", KATHMANDU_SIX_DAYS, "2025-06-06T11:15", "1bh", "2025-06-08T03:45"),
    ("Apia had no 30 December 2011", APIA_EVERY_DAY, "2011-12-29T20:00", "1bd", "2011-12-30T20:00"),
    ("Apia, the missing Friday before a weekend", APIA, "2011-12-29T20:00", "1bd", "2012-01-01T20:00"),
    ("Apia, hours over the missing day", APIA_EVERY_DAY, "2011-12-30T02:30", "2bh", "2011-12-30T20:00"),
    ("Apia today", APIA, "2025-06-06T04:00", "1bh", "2025-06-08T20:30"),
    ("Kiritimati, Sunday in UTC is Monday there", KIRITIMATI, "2025-06-08T00:00", "0bd", "2025-06-08T19:00"),
    ("Honolulu, Saturday in UTC is Friday there", HONOLULU, "2025-06-07T03:00", "1bh", "2025-06-09T19:30"),
    ("St John's forward", place("America/St_Johns", week="mon-fri"), "2025-03-07T13:30", "1bd", "2025-03-10T12:30"),
    ("Casablanca puts the clock back for Ramadan", CASABLANCA, "2025-02-21T09:00", "1bd", "2025-02-24T10:00"),
    # Weekends that are not Saturday and Sunday.
    ("Egypt's own week", place("Africa/Cairo", "EG"), "2025-06-12T13:30", "2bh", "2025-06-15T07:00"),
    ("Saudi Arabia's own week", place("Asia/Riyadh", "SA"), "2025-07-10T07:00", "1bd", "2025-07-13T07:00"),
    ("Riyadh, sun-thu written out", RIYADH_SUN_THU, "2025-06-12T07:00", "1bd", "2025-06-15T07:00"),
    ("Riyadh, somebody who works mon-fri", RIYADH_MON_FRI, "2025-07-10T07:00", "1bd", "2025-07-11T07:00"),
    ("Iran rests on Friday only", place("Asia/Tehran", "IR"), "2025-10-16T06:30", "1bd", "2025-10-18T06:30"),
    ("Israel's own week", place("Asia/Jerusalem", "IL"), "2025-08-14T07:00", "1bd", "2025-08-17T07:00"),
    ("three days a week", place("UTC", week="mon,tue,wed"), "2025-06-04T10:00", "1bd", "2025-06-09T10:00"),
    # Easter 2025: Good Friday 18 April, Easter Monday 21 April.
    ("Easter in Germany", place("Europe/Berlin", "DE"), "2025-04-17T08:00", "1bd", "2025-04-22T08:00"),
    ("Easter in Scotland, where Monday is worked", SCOTLAND, "2025-04-17T09:00", "1bd", "2025-04-21T09:00"),
    ("Easter in England", ENGLAND, "2025-04-17T09:00", "1bd", "2025-04-22T09:00"),
    # Holidays of a region, and the end of the year.
    ("Corpus Christi in Bavaria", BAVARIA, "2025-06-18T08:00", "1bd", "2025-06-20T08:00"),
    ("no Corpus Christi in Berlin", CITY_OF_BERLIN, "2025-06-18T08:00", "1bd", "2025-06-19T08:00"),
    ("Epiphany in Bavaria", BAVARIA, "2025-01-03T16:00", "1bh", "2025-01-07T08:30"),
    ("small letters for place and region", BAVARIA_SMALL, "2025-01-03T16:00", "1bh", "2025-01-07T08:30"),
    ("the 2nd of January in Scotland", SCOTLAND, "2024-12-31T10:00", "1bd", "2025-01-03T10:00"),
    ("the 2nd of January in England", ENGLAND, "2024-12-31T10:00", "1bd", "2025-01-02T10:00"),
    ("Golden Week with its substitute holiday", JAPAN, "2025-05-02T01:00", "1bd", "2025-05-07T01:00"),
    ("Japan over New Year", JAPAN, "2025-12-31T01:00", "1bd", "2026-01-02T01:00"),
    ("Anzac Day in New South Wales", SYDNEY, "2025-04-24T00:00", "1bd", "2025-04-28T00:00"),
    ("Christmas in Berlin", CITY_OF_BERLIN, "2025-12-23T09:00", "2bd", "2025-12-29T09:00"),
    ("hours over New Year in Berlin", CITY_OF_BERLIN, "2025-12-31T16:00", "1bh", "2026-01-02T08:30"),
    # Nights on which the clocks change, elsewhere: New York at 07:00Z and at 06:00Z; Lord Howe by half an hour.
    ("New York, the short night has five hours", NEW_YORK_NIGHTS, "2025-03-09T05:00", "4bh", "2025-03-09T09:00"),
    ("New York, the short night is over", NEW_YORK_NIGHTS, "2025-03-09T05:00", "5bh", "2025-03-10T04:00"),
    ("New York, the long night has seven hours", NEW_YORK_NIGHTS, "2025-11-02T04:00", "6bh", "2025-11-02T10:00"),
    ("New York, a day later 02:30 is skipped", NEW_YORK_NIGHTS, "2025-03-08T07:30", "1bd", "2025-03-09T07:00"),
    ("Lord Howe, a day later 02:15 is skipped", LORD_HOWE_NIGHTS, "2025-10-03T15:45", "1bd", "2025-10-04T15:30"),
    ("Lord Howe, the long night has 6:30", LORD_HOWE_NIGHTS, "2025-04-05T13:00", "6bh", "2025-04-05T19:00"),
    ("Chatham, 13:45 ahead to 12:45 ahead", CHATHAM, "2025-04-03T20:15", "1bd", "2025-04-06T21:15"),
    ("Apia when it still had summer time", APIA, "2020-09-24T21:00", "1bd", "2020-09-27T20:00"),
    # A weekend of Friday and Saturday in which the clocks change: Cairo on Fridays, Jerusalem on Friday and on Sunday.
    ("Cairo forward", CAIRO, "2025-04-24T08:00", "1bd", "2025-04-27T07:00"),
    ("Cairo back", CAIRO, "2025-10-30T07:00", "1bd", "2025-11-02T08:00"),
    ("Jerusalem forward", JERUSALEM, "2025-03-27T08:00", "1bd", "2025-03-30T07:00"),
    ("Jerusalem back on the first day of the week", JERUSALEM, "2025-10-23T13:30", "2bh", "2025-10-26T08:00"),
    ("Kathmandu, Friday to Sunday", KATHMANDU_SIX_DAYS, "2025-06-06T10:15", "1bd", "2025-06-08T10:15"),
    # Holidays of one region: All Saints on Friday 1 November 2024, Repentance Day on Wednesday 19 November 2025,
    # Reformation Day on Friday 31 October 2025, Patriots' Day on Monday 20 April 2026, Maharashtra Day on Thursday.
    ("All Saints in Bavaria", BAVARIA, "2024-10-31T09:00", "1bd", "2024-11-04T09:00"),
    ("no All Saints in Berlin", CITY_OF_BERLIN, "2024-10-31T09:00", "1bd", "2024-11-01T09:00"),
    ("Repentance Day in Saxony", SAXONY, "2025-11-18T09:00", "1bd", "2025-11-20T09:00"),
    ("Reformation Day in Hamburg", HAMBURG, "2025-10-30T09:00", "1bd", "2025-11-03T09:00"),
    ("no Reformation Day in Bavaria", BAVARIA, "2025-10-30T09:00", "1bd", "2025-10-31T09:00"),
    ("Patriots' Day in Massachusetts", MASSACHUSETTS, "2026-04-17T14:00", "1bd", "2026-04-21T14:00"),
    ("no Patriots' Day elsewhere", NEW_YORK, "2026-04-17T14:00", "1bd", "2026-04-20T14:00"),
    ("Republic Day of India, a Monday", INDIA, "2026-01-23T04:30", "1bd", "2026-01-27T04:30"),
    ("Gandhi's birthday", INDIA, "2025-10-01T04:30", "1bd", "2025-10-03T04:30"),
    ("Maharashtra Day", MAHARASHTRA, "2025-04-30T04:30", "1bd", "2025-05-02T04:30"),
    # Several days off in a row: 1 to 8 October 2025 in China; Thursday, Friday and Monday of Easter in Norway; 30 March
    # to 2 April 2025 in Saudi Arabia, after its weekend; in 2027 both days of Christmas are made up for on workdays.
    ("the golden week of China", CHINA, "2025-09-30T02:00", "1bd", "2025-10-09T02:00"),
    ("Easter in Norway", NORWAY, "2025-04-16T08:00", "1bd", "2025-04-22T08:00"),
    ("Easter in Norway by the hour", NORWAY, "2025-04-16T14:30", "2bh", "2025-04-22T08:00"),
    ("the end of Ramadan in Saudi Arabia", RIYADH, "2025-03-27T07:00", "1bd", "2025-04-03T07:00"),
    ("Christmas made up for in England", ENGLAND, "2027-12-24T10:00", "1bd", "2027-12-29T10:00"),
    # Beginnings outside working hours: at night, at the weekend, on a holiday, a second before closing.
    ("Saturday evening in Tokyo", JAPAN, "2025-06-07T11:00", "4bh", "2025-06-09T04:00"),
    ("Christmas Day in Berlin", CITY_OF_BERLIN, "2025-12-25T11:00", "1bd", "2025-12-30T08:00"),
    ("midnight in New York", NEW_YORK, "2025-06-10T04:00", "1bh", "2025-06-10T14:00"),
    ("Friday night in Riyadh", RIYADH_SUN_THU, "2025-06-06T20:00", "1bh", "2025-06-08T07:00"),
    ("a second before closing", BERLIN, "2025-06-10T15:29:59", "1bh", "2025-06-11T07:59:59"),
    ("Thanksgiving itself", NEW_YORK, "2025-11-27T15:00", "4bh", "2025-11-28T18:00"),
    # Where a day begins and ends.
    ("nothing to add at the weekend", place("UTC"), "2025-06-07T12:00", "0bd", "2025-06-09T09:00"),
    ("nothing to add at work", place("UTC"), "2025-06-09T12:00", "0bh", "2025-06-09T12:00"),
    ("before opening", place("UTC"), "2025-06-09T06:00", "1bd", "2025-06-10T09:00"),
    ("after closing", place("UTC"), "2025-06-09T18:00", "1bd", "2025-06-11T09:00"),
    ("at closing", place("UTC"), "2025-06-09T17:30", "0bh", "2025-06-10T09:00"),
    ("hours used up exactly at closing", place("UTC"), "2025-06-09T16:30", "1bh", "2025-06-10T09:00"),
    ("two whole days of hours", place("UTC"), "2025-06-09T09:00", "17bh", "2025-06-11T09:00"),
    ("five days is a week", place("UTC"), "2025-06-09T09:00", "5bd", "2025-06-16T09:00"),
    # What nobody knows.
    ("an unknown zone is UTC", place("Mars/Olympus"), "2025-06-09T06:00", "0bd", "2025-06-09T09:00"),
    ("a path is no zone", place("../../etc/passwd"), "2025-06-09T06:00", "0bd", "2025-06-09T09:00"),
    ("an unknown country has no holidays", place("UTC", "ZZ"), "2025-12-24T10:00", "1bd", "2025-12-25T10:00"),
    ("an unknown region has its country's", place("UTC", "DE", "XX"), "2025-12-24T10:00", "1bd", "2025-12-29T10:00"),
]  # fmt: skip


@pytest.mark.parametrize(("wt", "start", "amount", "end"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_business_time_by_hand(wt: WorkingTime, start: str, amount: str, end: str) -> None:
    result = add_business(utc(start), parse_business(amount), wt)
    assert result == utc(end)
    assert result.tzinfo is UTC
    assert is_working(result, wt)


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 40


def test_a_day_is_half_open() -> None:
    wt = place("Europe/Berlin", week="mon-fri")
    assert not is_working(utc("2025-06-09T06:59:59"), wt)
    assert is_working(utc("2025-06-09T07:00"), wt)
    assert is_working(utc("2025-06-09T15:29:59"), wt)
    assert not is_working(utc("2025-06-09T15:30"), wt)


def test_a_moment_may_come_in_any_zone_but_needs_one() -> None:
    tokyo = datetime(2025, 6, 9, 18, 0, tzinfo=timezone(timedelta(hours=9)))
    assert next_working(tokyo, place("UTC")) == utc("2025-06-09T09:00")
    naive = datetime(2025, 6, 9)
    with pytest.raises(ValueError, match="time zone"):
        next_working(naive, place("UTC"))


def test_working_time_between() -> None:
    wt = place("Europe/Berlin", "DE")
    assert business_between(utc("2025-04-17T08:00"), utc("2025-04-22T08:00"), wt) == timedelta(hours=8.5)
    assert business_between(utc("2025-04-18T08:00"), utc("2025-04-21T20:00"), wt) == timedelta()
    assert business_between(utc("2025-04-22T08:00"), utc("2025-04-17T08:00"), wt) == timedelta()
    assert business_between(utc("2025-03-29T20:00"), utc("2025-03-30T20:00"), BERLIN_NIGHTS) == timedelta(hours=5)


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sun-thu", {6, 0, 1, 2, 3}),
        ("sat-mon", {5, 6, 0}),
        ("mon,tue,wed", {0, 1, 2}),
        (" Mon – Wed , FRI ", {0, 1, 2, 4}),
        ("monday-friday", {0, 1, 2, 3, 4}),
        ("wed", {2}),
        ("mon-sun", set(range(7))),
        ("", set()),
        ("  ", set()),
    ],
)
def test_workweek(written: str, days: set[int]) -> None:
    assert parse_workweek(written) == days


@pytest.mark.parametrize("written", ["mon-fry", "1-5", "mon-", "-fri", ",", "mon-tue-wed", "weekdays", "mon;tue"])
def test_workweek_that_is_none(written: str) -> None:
    with pytest.raises(CalendarError) as caught:
        parse_workweek(written)
    assert "mon-fri" in caught.value.hint


def test_problems_name_their_column() -> None:
    problems = check_working_time("Europe/Berln", "DE", "XX", "mon-fry")
    assert [problem.column for problem in problems] == ["timezone", "subdivision", "workweek"]
    assert "UTC" in problems[0].hint
    assert [problem.column for problem in check_working_time(country="ZZ")] == ["country"]
    assert [problem.column for problem in check_working_time(subdivision="BY")] == ["subdivision"]
    assert check_working_time("europe/berlin", "de", "by", "sun-thu") == ()
    assert check_working_time() == ()


def test_names_that_are_no_place() -> None:
    for name in ("", "America", "posixrules", "../UTC", "/etc/localtime", "Europe/Berlin\0", "Europe//Berlin"):
        assert not is_known_zone(name)
        assert zone_of(name).key == "UTC"
    assert not is_known_country("NYSE")
    assert not is_known_country("DEU")


def test_working_time_that_cannot_be() -> None:
    with pytest.raises(CalendarError):
        WorkingTime(opens=time(17, 0), closes=time(9, 0))
    with pytest.raises(CalendarError):
        WorkingTime(opens=time(9, 0), closes=time(9, 0))
    with pytest.raises(CalendarError):
        WorkingTime(workweek=frozenset({7}))


def test_no_endless_search_for_a_working_day(monkeypatch: pytest.MonkeyPatch) -> None:
    every_friday = frozenset(date(2025, 1, 3) + timedelta(days=7 * i) for i in range(60))
    monkeypatch.setattr("bot.rules.calendar._days_off", lambda *_: (every_friday, frozenset[int]()))
    with pytest.raises(CalendarError, match="No working day"):
        next_working(utc("2025-01-05T00:00"), place("Asia/Dubai", week="fri"))


def test_business_durations() -> None:
    assert parse_business("2bd") == BusinessDuration(2, "bd")
    assert parse_business(" 4BH ") == BusinessDuration(4, "bh")
    assert str(parse_business(0)) == str(parse_business("0")) == "0bd"
    wrongs: tuple[object, ...] = ("2d", "2", 2, True, None, "", "-1bd", "1.5bh", "261bd", "2bd 3bh", "٢bd", [], 2.0)
    for wrong in wrongs:
        with pytest.raises(DurationError) as caught:
            parse_business(wrong)
        assert caught.value.hint

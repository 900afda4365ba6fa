"""Weeks are ISO weeks of the configured zone, and what is due in them is due once, clock change or not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SettingsError
from digest.weeks import bounds, due_in, parse_week, shifted, span, week_of

BERLIN, NEW_YORK, AUCKLAND, GREENWICH = (
    ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Pacific/Auckland", "UTC")
)


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "week"),
    [
        ("2026-11-16", "2026-W47"),
        ("2026-12-31", "2026-W53"),
        ("2027-01-03", "2026-W53"),
        ("2027-01-04", "2027-W01"),
        ("2024-12-30", "2025-W01"),
        ("2021-01-03", "2020-W53"),
        ("2026-01-01", "2026-W01"),
    ],
)
def test_the_days_around_new_year_belong_to_the_iso_week(day: str, week: str) -> None:
    assert week_of(at(f"{day}T12:00"), GREENWICH) == week


def test_the_zone_decides_which_week_it_is() -> None:
    late_on_sunday = at("2026-11-15T23:30")

    assert week_of(late_on_sunday, GREENWICH) == "2026-W46"
    assert week_of(late_on_sunday, BERLIN) == "2026-W47"
    assert week_of(at("2026-11-16T03:00"), NEW_YORK) == "2026-W46"
    assert week_of(at("2026-11-15T11:00"), AUCKLAND) == "2026-W47"


@pytest.mark.parametrize(
    ("text", "week"),
    [("2026-W47", "2026-W47"), (" 2026w7 ", "2026-W07"), ("2026W53", "2026-W53"), ("2026-w01", "2026-W01")],
)
def test_a_week_may_be_written_as_people_do(text: str, week: str) -> None:
    assert parse_week(text) == week


@pytest.mark.parametrize(
    "text",
    ["", "47", "2026-47", "2026-W00", "2026-W54", "2025-W53", "0000-W01", "0999-W05", "9999-W52", "2026-W471",
     "2026-W4x", "next week", "2026-11-16", "2026-W47-1"],
)  # fmt: skip
def test_what_is_no_week_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_week(text)

    assert str(caught.value) == f"week: found {text!r}; allowed: an ISO week such as 2026-W47"


def test_every_accepted_week_has_bounds() -> None:
    for year in range(2000, 3000, 37):
        for number in (1, 52):
            start, end = bounds(parse_week(f"{year}-W{number}"), BERLIN)
            assert start < end


@pytest.mark.parametrize(
    ("week", "zone", "hours"),
    [
        ("2026-W13", BERLIN, 167),
        ("2026-W43", BERLIN, 169),
        ("2026-W10", NEW_YORK, 167),
        ("2026-W44", NEW_YORK, 169),
        ("2026-W47", BERLIN, 168),
        ("2026-W13", GREENWICH, 168),
    ],
)
def test_a_week_with_a_clock_change_is_an_hour_shorter_or_longer(week: str, zone: ZoneInfo, hours: int) -> None:
    start, end = (moment.astimezone(UTC) for moment in bounds(week, zone))

    assert end - start == timedelta(hours=hours)
    assert week_of(start, zone) == week
    assert week_of(start - timedelta(seconds=1), zone) == shifted(week, -1)
    assert week_of(end, zone) == shifted(week, 1)


@pytest.mark.parametrize(
    ("week", "by", "then"),
    [
        ("2026-W47", 0, "2026-W47"),
        ("2026-W53", 1, "2027-W01"),
        ("2027-W01", -1, "2026-W53"),
        ("2025-W52", 1, "2026-W01"),
        ("2026-W10", -26, "2025-W36"),
        ("2026-W47", 520, "2036-W45"),
    ],
)
def test_weeks_are_counted_over_new_year(week: str, by: int, then: str) -> None:
    assert shifted(week, by) == then


@settings(max_examples=50, deadline=None)
@given(st.datetimes(datetime(2001, 1, 1), datetime(2100, 1, 1)), st.integers(-600, 600))
def test_counting_there_and_back_gives_the_same_week(moment: datetime, by: int) -> None:
    week = week_of(moment.replace(tzinfo=UTC), GREENWICH)

    assert shifted(shifted(week, by), -by) == week
    assert parse_week(week) == week


@pytest.mark.parametrize(
    ("week", "zone", "due"),
    [
        ("2026-W13", BERLIN, "2026-03-24T08:00"),
        ("2026-W14", BERLIN, "2026-03-31T07:00"),
        ("2026-W43", BERLIN, "2026-10-20T07:00"),
        ("2026-W44", BERLIN, "2026-10-27T08:00"),
        ("2026-W10", NEW_YORK, "2026-03-03T14:00"),
        ("2026-W11", NEW_YORK, "2026-03-10T13:00"),
        ("2026-W44", NEW_YORK, "2026-10-27T13:00"),
        ("2026-W45", NEW_YORK, "2026-11-03T14:00"),
    ],
)
def test_tuesday_at_nine_stays_nine_on_the_wall(week: str, zone: ZoneInfo, due: str) -> None:
    assert due_in(week, "0 9 * * 2", zone) == at(due)


@pytest.mark.parametrize(
    ("week", "zone", "change"),
    [("2026-W13", BERLIN, "2026-03-29T01:00"), ("2026-W10", NEW_YORK, "2026-03-08T07:00")],
)
def test_an_hour_that_the_clock_skips_is_due_when_it_would_have_begun(week: str, zone: ZoneInfo, change: str) -> None:
    assert due_in(week, "30 2 * * 0", zone) == at(change)


@pytest.mark.parametrize(
    ("week", "zone", "cron", "first"),
    [
        ("2026-W43", BERLIN, "30 2 * * 0", "2026-10-25T00:30"),
        ("2026-W44", NEW_YORK, "30 1 * * 0", "2026-11-01T05:30"),
    ],
)
def test_an_hour_that_comes_twice_is_due_the_first_time(week: str, zone: ZoneInfo, cron: str, first: str) -> None:
    assert due_in(week, cron, zone) == at(first)


def test_the_very_first_and_the_very_last_minute_of_a_week_belong_to_it() -> None:
    assert due_in("2026-W47", "0 0 * * 1", BERLIN) == at("2026-11-15T23:00")
    assert due_in("2026-W47", "59 23 * * 0", BERLIN) == at("2026-11-22T22:59")


def test_what_is_due_more_than_once_a_week_is_due_first_at_its_start() -> None:
    assert due_in("2026-W47", "0 * * * *", GREENWICH) == at("2026-11-16T00:00")


def test_what_is_not_due_in_a_week_is_not_due() -> None:
    assert due_in("2026-W47", "0 9 1 * *", GREENWICH) is None
    assert due_in("2026-W49", "0 9 1 * *", GREENWICH) == at("2026-12-01T09:00")


@pytest.mark.parametrize(
    ("since", "until", "zone", "said"),
    [
        ("2026-11-09T06:00", "2026-11-16T06:00", GREENWICH, "9–16 November 2026"),
        ("2026-11-16T06:00", "2026-11-16T18:00", GREENWICH, "16 November 2026"),
        ("2026-10-26T06:00", "2026-11-02T06:00", GREENWICH, "26 October – 2 November 2026"),
        ("2026-12-28T06:00", "2027-01-04T06:00", GREENWICH, "28 December 2026 – 4 January 2027"),
        ("2026-11-08T23:30", "2026-11-15T23:30", BERLIN, "9–16 November 2026"),
    ],
)
def test_a_span_of_days_reads_as_people_write_it(since: str, until: str, zone: ZoneInfo, said: str) -> None:
    assert span(at(since), at(until), zone) == said

"""ISO weeks in the configured zone, and when something is due within one."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from digest.errors import SettingsError


def week_of(now: datetime, zone: ZoneInfo) -> str:
    """Name the ISO week of a moment, as "2026-W47"; the last days of December may belong to week 1."""
    year, week, _ = now.astimezone(zone).isocalendar()
    return f"{year}-W{week:02d}"


def parse_week(text: str) -> str:
    """Check a week written by a person.

    Raises:
        SettingsError: It is no ISO week; a year has 52 or 53.
    """
    match = re.fullmatch(r"(2\d{3})-?[Ww](\d{1,2})", text.strip())
    try:
        year, week = (int(match[1]), int(match[2])) if match else (0, 0)
        date.fromisocalendar(year, week, 1)
    except ValueError as error:
        raise SettingsError(f"week: found {text!r}; allowed: an ISO week such as 2026-W47") from error
    return f"{year}-W{week:02d}"


def bounds(week: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Give the first moment of a week and of the next one, in the zone; a week with a clock change is 167 or 169 h."""
    monday = date.fromisocalendar(int(week[:4]), int(week[6:]), 1)
    return datetime.combine(monday, time(), zone), datetime.combine(monday + timedelta(days=7), time(), zone)


def shifted(week: str, weeks: int) -> str:
    """Name the week some weeks later, or earlier where negative."""
    year, number, _ = (date.fromisocalendar(int(week[:4]), int(week[6:]), 1) + timedelta(weeks=weeks)).isocalendar()
    return f"{year}-W{number:02d}"


def weeks_between(first: str, last: str) -> int:
    """Count the weeks from one to another; negative where the first is later."""
    start, end = (date.fromisocalendar(int(week[:4]), int(week[6:]), 1) for week in (first, last))
    return (end - start).days // 7


def due_in(week: str, cron: str, zone: ZoneInfo) -> datetime | None:
    """Give the first time a cron expression is due within a week, UTC; None when it never is in that week."""
    start, end = bounds(week, zone)
    first = next(CronSim(cron, start - timedelta(minutes=1)), None)
    return first.astimezone(UTC) if first is not None and first < end else None


def span(since: datetime, until: datetime, zone: ZoneInfo) -> str:
    """Write the days from one moment to another for people, as "9–16 November 2026"."""
    first, last = since.astimezone(zone).date(), until.astimezone(zone).date()
    if first == last:
        return f"{last.day} {last:%B %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{last.day} {last:%B %Y}"
    if first.year == last.year:
        return f"{first.day} {first:%B} – {last.day} {last:%B %Y}"
    return f"{first.day} {first:%B %Y} – {last.day} {last:%B %Y}"

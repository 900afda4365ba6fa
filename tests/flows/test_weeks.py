"""Four weeks of `verdicts run --now` in Berlin's autumn: a clock change, downtime over the send time, an expiry."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from digest.weeks import shifted
from flows.services import open_services
from tests.commands import verdicts
from tests.flows.test_year import live_through

BERLIN = ZoneInfo("Europe/Berlin")

#: The Sunday of the first week ends summer time.
FIRST = "2026-W43"


def at(week: str, day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of a week in Berlin, in UTC."""
    local = datetime.fromisocalendar(int(week[:4]), int(week[6:]), day).replace(hour=hour, minute=minute, tzinfo=BERLIN)
    return local.astimezone(UTC)


def run(home: Path, now: datetime) -> dict[str, str]:
    """Run the week at a moment; gives what was said of each step."""
    ran = verdicts("run", "--json", "--now", now.isoformat(), home=home)
    assert ran.status in {0, 1}, ran.err
    return {one["step"]: one["said"] for one in ran.document}


def test_four_weeks_each_end_whatever_happens_to_the_machine(home: Path) -> None:
    (home / "verdicts.toml").write_text(
        'timezone = "Europe/Berlin"\nfrom_email = "verdicts@example.org"\npostal_address = "1 Sample Street"\n'
        'operator = "operator@example.org"\n'
    )
    (home / "feeds.toml").write_text("# Nothing to poll.\n")
    assert verdicts("init", home=home).status == 0
    csv = home / "readers.csv"
    csv.write_text("email,name,state,confirmed_at,source\nada@example.org,Ada,confirmed,2026-10-01T00:00:00Z,test\n")
    assert verdicts("subscribers", "import", csv, home=home).status == 0
    dice = random.Random(7)  # noqa: S311 - always the same weeks
    weeks = [shifted(FIRST, number) for number in range(5)]
    for week in weeks:
        with open_services(home, at(week, 1, 5)) as services:
            live_through(services, week, dice)
    a_week_before_the_clock_change(home, weeks[0])
    the_hour_stays_nine_in_the_morning_after_it(home, weeks[1])
    a_night_off_over_the_send_time_is_made_good(home, weeks[2])
    a_week_that_is_too_late_is_raised_and_not_sent(home, weeks[3], weeks[4])
    stood = {one["week"]: one["state"] for one in verdicts("status", "--json", home=home).document["weeks"]}
    assert {week: stood[week] for week in weeks[:4]} == dict.fromkeys(weeks[:3], "sent") | {weeks[3]: "skipped"}
    editions = [file.parent.parent.name for file in (home / "outbox").glob("2026-W*/*/*.eml")]
    assert sorted(editions) == weeks[:3]


def a_week_before_the_clock_change(home: Path, week: str) -> None:
    assert "matchups" in run(home, at(week, 1, 6))["compose"]
    assert "due Tue" in run(home, at(week, 2, 8, 59))["send"]
    assert "is sent: 1 accepted" in run(home, at(week, 2, 9))["send"]
    assert at(week, 2, 9).hour == 7


def the_hour_stays_nine_in_the_morning_after_it(home: Path, week: str) -> None:
    for hour in (1, 2, 3):  # the hour that comes twice makes no second edition
        run(home, at(week, 1, 6) + timedelta(hours=hour))
    assert "due Tue" in run(home, at(week, 2, 8, 59))["send"]
    assert "is sent: 1 accepted" in run(home, at(week, 2, 9))["send"]
    assert at(week, 2, 9).hour == 8
    assert run(home, at(week, 2, 10))["send"] == f"{week} is sent"


def a_night_off_over_the_send_time_is_made_good(home: Path, week: str) -> None:
    said = run(home, at(week, 3, 7))  # the first run of the week at all
    assert "matchups" in said["compose"]
    assert "is sent: 1 accepted" in said["send"]


def a_week_that_is_too_late_is_raised_and_not_sent(home: Path, week: str, after: str) -> None:
    run(home, at(week, 1, 6))
    assert "is too late" in run(home, at(week, 5, 7))["send"]
    shown = json.loads(verdicts("edition", "show", week, "--json", home=home).out)
    assert shown["held"].startswith("too late")
    letters = list((home / "outbox" / "notices").glob("[!.]*/operator@example.org-*.eml"))
    assert [one for one in letters if b"was not sent in time" in one.read_bytes()] != []
    assert "nobody approved it in time" in run(home, at(after, 1, 6))["close"]

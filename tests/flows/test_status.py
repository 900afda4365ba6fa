"""`verdicts status`: all that an operator needs on one screen, quick also after years with a million readers."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.database import writing
from digest.model import Message
from digest.weeks import shifted
from flows.services import open_services
from flows.status import status
from sources.tables import FeedMemory
from subscribers.counted import in_doubt
from tests.commands import verdicts
from tests.examples import edition

NOW = datetime(2026, 11, 18, 8, tzinfo=UTC)


@pytest.fixture
def standing(home: Path) -> Path:
    """A home with a week that was sent, one that was skipped, one nobody did anything in, and one that is held."""
    (home / "feeds.toml").write_text(
        "".join(f'[[feed]]\nname = "{name}"\nurl = "https://{name}.example.org/feed"\n' for name in ("fine", "broken"))
    )
    with open_services(home, NOW, create=True, environment={}) as services:
        editions = services.editions
        for week in ("2026-W43", "2026-W44", "2026-W46", "2026-W47"):
            editions.keep_draft(edition(week=week, subject=f"Of {week}"))
        editions.approve("2026-W43", Message("2026-W43", "Of 2026-W43", "<p>“x”</p>", "x"), "ed", NOW)
        editions.start_sending("2026-W43")
        services.ledger.plan("2026-W43", NOW)
        editions.finish_sending("2026-W43", NOW - timedelta(days=20))
        for week in ("2026-W44", "2026-W46"):
            editions.skip(week, "no two tools to compare", NOW)
        editions.hold("2026-W47", "the lead is wrong")
        with writing(services.engine) as session:
            for name, streak in (("fine", 0), ("broken", 4)):
                url, reason = f"https://{name}.example.org/feed", "HTTP 503" if streak else ""
                session.add(FeedMemory(
                    name=name, url=url, first_polled_at=NOW - timedelta(days=40), last_try_at=NOW,
                    last_success_at=NOW - timedelta(days=streak), error_streak=streak, reason=reason,
                ))  # fmt: skip
    return home


def test_it_tells_how_each_recent_week_ended_and_what_is_missing(standing: Path) -> None:
    ran = verdicts("status", "--json", "--now", NOW.isoformat(), home=standing)
    weeks = {one["week"]: one for one in ran.document["weeks"]}
    states = {week: one["state"] for week, one in weeks.items()}
    assert states == {
        "2026-W47": "draft", "2026-W46": "skipped", "2026-W45": "missing", "2026-W44": "skipped", "2026-W43": "sent",
        "2026-W42": "missing",
    }  # fmt: skip
    assert weeks["2026-W46"]["reason"] == "no two tools to compare"
    assert (weeks["2026-W47"]["held"], weeks["2026-W47"]["missing"]) == ("the lead is wrong", "its release")
    assert (weeks["2026-W45"]["missing"], weeks["2026-W45"]["overdue"]) == ("an edition", True)
    needs = ran.document["needs"]
    assert any("2026-W45 ended without an edition: `verdicts edition skip 2026-W45" in one for one in needs)
    assert any(one.startswith("2026-W47 is held (the lead is wrong)") for one in needs)
    assert "feed broken: HTTP 503" in needs


def test_schedules_have_their_last_run_and_their_next_time(standing: Path) -> None:
    document = verdicts("status", "--json", "--now", NOW.isoformat(), home=standing).document
    gather, compose, send = document["schedules"]
    assert (gather["last_run"], gather["next"]) == ("2026-11-18T08:00:00+00:00", "2026-11-18T09:00:00+00:00")
    assert (compose["due"], compose["next"]) == ("2026-11-16T06:00:00+00:00", "2026-11-23T06:00:00+00:00")
    assert (send["last_run"], send["next"]) == ("2026-10-29T08:00:00+00:00", "2026-11-24T09:00:00+00:00")
    assert {"weeks", "feeds", "unknown", "needs", "corrections"} <= set(document)


def test_it_fits_on_one_screen_and_says_all_of_it_in_words(standing: Path) -> None:
    ran = verdicts("status", "--now", NOW.isoformat(), home=standing)
    assert ran.status == 1
    assert len(ran.out.splitlines()) < 40
    assert "\x1b" not in ran.out
    for said in (
        "draft (held)",
        "lacks its release",
        "Of 2026-W43",
        "broken: HTTP 503 (4 in a row)",
        "Tue 24 Nov 09:00",
    ):
        assert said in ran.out, said


def test_a_list_of_feeds_nobody_can_read_hides_nothing_else(standing: Path) -> None:
    (standing / "feeds.toml").write_text("[[feed]]\n")
    ran = verdicts("status", "--json", "--now", NOW.isoformat(), home=standing)
    assert ran.status == 1
    assert any("feeds.toml:1" in one for one in ran.document["needs"])
    assert len(ran.document["weeks"]) == 6


def test_letters_in_doubt_are_counted_whole_calls_and_single_ones_alike(standing: Path) -> None:
    with open_services(standing, NOW, environment={}) as services:
        with writing(services.engine) as session:
            run = session.connection().execute
            batch = "INSERT INTO batches (week, number, state, size, planned_at, due_at, attempts, account, claimed_by,"
            batch += " message_id, reason) VALUES ('2026-W43', :n, :state, 10, :at, :at, 0, '', '', '', '')"
            letter = "INSERT INTO deliveries (week, subscriber_id, batch, state, reason)"
            letter += " VALUES ('2026-W43', :id, :n, :state, '')"
            for number, state in ((900, "unknown"), (901, "accepted")):
                run(text(batch), {"n": number, "state": state, "at": NOW.isoformat(" ")})
            for number, who, state in ((900, "a", "dropped"), (900, "b", "refused"), (901, "c", "unknown")):
                run(text(letter), {"n": number, "id": who, "state": state})
        assert in_doubt(services.engine) == 9
        assert status(services)["unknown"] == 9


#: A million letters of one edition in calls of a thousand, one of them in doubt.
_CALLS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
INSERT INTO batches (week, number, state, size, planned_at, due_at, attempts, account, claimed_by, message_id, reason)
SELECT '2026-W46', i, CASE i WHEN 7 THEN 'unknown' ELSE 'accepted' END, 1000, :at, :at, 0, '', '', '', '' FROM n
"""
_LETTERS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
INSERT INTO deliveries (week, subscriber_id, batch, reason) SELECT '2026-W46', 'r' || i, (i - 1) / 1000 + 1, '' FROM n
"""


@pytest.mark.slow
def test_a_hundred_editions_and_a_million_readers_take_less_than_a_second(home: Path) -> None:
    with open_services(home, NOW, create=True, environment={}) as services:
        for back in range(100, 0, -1):
            services.editions.keep_draft(edition(week=shifted("2026-W47", -back)))
        with writing(services.engine) as session:
            session.connection().execute(text(_CALLS), {"at": NOW.isoformat(" ")})
            session.connection().execute(text(_LETTERS))
        began = time.perf_counter()
        found = status(services)
        took = time.perf_counter() - began
    assert found["unknown"] == 1000
    assert took < 1.0, f"{took:.2f} s"

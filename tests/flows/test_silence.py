"""The dead-man's alarm: what should have happened and has not is told once, whoever was down meanwhile."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from digest.database import writing
from flows.services import Services, open_services
from flows.silence import keep_watching, raise_alarms, silences
from flows.steps import run
from sources.tables import FeedMemory
from subscribers.tables import NoticeRow
from tests.commands import verdicts
from tests.examples import edition

#: Monday of 2026-W47, an hour after its digest was due to be composed; it may be sent until Thursday 09:00.
MONDAY = datetime(2026, 11, 16, 7, tzinfo=UTC)
FRIDAY = MONDAY + timedelta(days=4)


@pytest.fixture
def watched(home: Path) -> Path:
    """A home that gathered until Monday morning; no feed of its list is ever asked here."""
    (home / "verdicts.toml").write_text('operator = "op@example.org"\npostal_address = "1 Sample Street"\n')
    (home / "feeds.toml").write_text('[[feed]]\nname = "one"\nurl = "https://one.example.org/feed"\n')
    with at(home, MONDAY, create=True) as services, writing(services.engine) as session:
        session.add(memory("one", MONDAY))
    return home


def memory(name: str, asked: datetime, **fared: object) -> FeedMemory:
    url = f"https://{name}.example.org/feed"
    known = {"first_polled_at": MONDAY - timedelta(days=5), "last_try_at": asked, "last_success_at": asked}
    known |= {"next_poll_at": asked + timedelta(hours=1)}
    return FeedMemory.model_validate({"name": name, "url": url, **known, **fared})


@contextmanager
def at(home: Path, now: datetime, *, create: bool = False) -> Iterator[Services]:
    with open_services(home, now, create=create, environment={}) as services:
        yield services


def alarms(services: Services) -> list[str]:
    with Session(services.engine) as session:
        found = session.exec(select(NoticeRow).where(NoticeRow.kind == "alarm").order_by(col(NoticeRow.id)))
        return [one.data["title"] for one in found]


def test_gathering_that_stops_for_a_day_is_told_once_for_each_time_it_stops(watched: Path) -> None:
    with at(watched, MONDAY + timedelta(hours=23)) as services:
        assert raise_alarms(services) == []
    for hours in (26, 27, 60):
        with at(watched, MONDAY + timedelta(hours=hours)) as services:
            (one,) = [one for one in raise_alarms(services) if not one.week]
            assert "No feed was asked since Mon 16 November 07:00, though 1 feeds were due" in one.said
    with at(watched, MONDAY + timedelta(hours=60)) as services:
        assert alarms(services) == ["Nothing was gathered for a day"]
        with writing(services.engine) as session:
            row = session.get(FeedMemory, "one")
            assert row
            row.last_try_at = row.last_success_at = MONDAY + timedelta(hours=61)
            row.next_poll_at = MONDAY + timedelta(hours=62)
    with at(watched, MONDAY + timedelta(hours=88)) as services:
        raise_alarms(services)
        assert alarms(services).count("Nothing was gathered for a day") == 2


def test_a_feed_that_is_not_due_for_days_is_no_silence(watched: Path) -> None:
    with at(watched, MONDAY + timedelta(days=2)) as services:
        with writing(services.engine) as session:
            row = session.get(FeedMemory, "one")
            assert row
            row.next_poll_at = MONDAY + timedelta(days=3)
        assert [one for one in silences(services) if not one.week] == []


def test_a_gather_once_a_week_is_silent_only_a_day_after_its_time(watched: Path) -> None:
    with (watched / "verdicts.toml").open("a") as file:
        file.write('gather_at = "0 7 * * 1"\n')
    for days, silent in ((6, False), (7.9, False), (8.1, True)):
        with at(watched, MONDAY + timedelta(days=days)) as services:
            assert bool([one for one in silences(services) if not one.week]) is silent, days


def test_feeds_that_all_fail_for_a_day_are_told_as_such(watched: Path) -> None:
    now = MONDAY + timedelta(hours=30)
    with at(watched, now) as services:
        with writing(services.engine) as session:
            row = session.get(FeedMemory, "one")
            assert row
            row.last_try_at, row.error_streak, row.reason = now - timedelta(minutes=9), 9, "no route to host"
        (one,) = [one for one in raise_alarms(services) if not one.week]
        assert "No feed could be read since Mon 16 November 07:00, as each of them fails" in one.said


def test_a_list_of_feeds_nobody_can_read_is_silence_after_a_day(watched: Path) -> None:
    (watched / "feeds.toml").write_text("[[feed]]\n")
    for hours, silent in ((20, False), (30, True)):
        with at(watched, MONDAY + timedelta(hours=hours)) as services:
            assert any("the list of feeds cannot be read" in one.said for one in silences(services)) is silent


def test_a_week_nothing_was_done_in_is_told_once_and_shown_until_somebody_ends_it(watched: Path) -> None:
    with at(watched, FRIDAY) as services:
        raise_alarms(services)
        raise_alarms(services)
        assert alarms(services).count("Week 47, 2026 has no end") == 1
    needs = verdicts("status", "--json", "--now", FRIDAY.isoformat(), home=watched).document["needs"]
    assert any("2026-W47 ended neither sent nor skipped (it has no edition)" in one for one in needs)
    skipped = verdicts("edition", "skip", "2026-W47", "--reason", "away", "--now", FRIDAY.isoformat(), home=watched)
    assert skipped.status == 0
    with at(watched, FRIDAY) as services:
        assert [one.week for one in silences(services) if one.week] == []


@pytest.mark.parametrize("first", ["watch", "run"])
def test_one_letter_tells_of_a_week_without_an_end_whoever_notices_first(watched: Path, first: str) -> None:
    (watched / "feeds.toml").write_text("# Nothing to poll.\n")
    with at(watched, FRIDAY) as services:
        for work in (raise_alarms, run) if first == "watch" else (run, raise_alarms):
            work(services)
        about = [one for one in alarms(services) if "Week 47" in one]
        assert about == ["Week 47, 2026 " + ("has no end" if first == "watch" else "ends without a digest")]
        assert services.editions.require("2026-W47").state == "skipped"


def test_a_week_somebody_holds_is_told_and_one_that_was_too_late_is_not_told_again(watched: Path) -> None:
    with at(watched, FRIDAY) as services:
        services.editions.keep_draft(edition(week="2026-W47"))
        services.editions.hold("2026-W47", "a lawyer reads it")
        assert "it is draft and held: a lawyer reads it" in next(one.said for one in silences(services) if one.week)
        services.editions.release("2026-W47")
        services.editions.hold("2026-W47", "too late: it was due Tue 17 November 09:00 UTC")
        assert [one.week for one in silences(services) if one.week] == []


def test_a_new_home_is_not_silent(home: Path) -> None:
    with at(home, FRIDAY, create=True) as services:
        assert silences(services) == []
        with writing(services.engine) as session:
            session.add(memory("one", FRIDAY, first_polled_at=FRIDAY))
        assert silences(services) == []


class _Ear(BaseHTTPRequestHandler):
    """Hears who says to be alive, and answers what it is told to."""

    heard: list[str]
    url: str
    status = 200

    def do_GET(self) -> None:
        self.heard.append(self.path)
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def ear() -> Iterator[type[_Ear]]:
    """Somebody who watches from outside, at `ear.url`."""

    class Ear(_Ear):
        heard = []  # noqa: RUF012 - each test its own

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        Ear.url = f"http://127.0.0.1:{server.server_address[1]}/ping/s3cret"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Ear
        server.shutdown()


def test_serving_tells_the_operator_at_its_start_and_the_outside_after_each_good_gather(
    watched: Path, ear: type[_Ear], caplog: pytest.LogCaptureFixture
) -> None:
    with (watched / "verdicts.toml").open("a") as file:
        file.write(f'heartbeat_url = "{ear.url}"\n')
    now = [MONDAY + timedelta(hours=26)]
    with at(watched, MONDAY) as services, caplog.at_level(logging.WARNING):
        stop, live = threading.Event(), Services(services.settings, lambda: now[0], environment={})
        thread = threading.Thread(target=keep_watching, args=(live, stop, 0.02))
        thread.start()
        try:
            until(lambda: alarms(services) == ["Nothing was gathered for a day"])
            assert ear.heard == []
            now[0] += timedelta(minutes=5)
            ear.status = 500
            with writing(services.engine) as session:
                session.merge(memory("one", now[0]))
            until(lambda: "heartbeat_url answered 500" in caplog.text)
            ear.status = 200
            until(lambda: len(ear.heard) > 1)
            time.sleep(0.2)
            tried = len(ear.heard)
            time.sleep(0.2)
            assert len(ear.heard) == tried, "one gather is one sign of life"
        finally:
            stop.set()
            thread.join(5)
            live.engine.dispose()
    assert "s3cret" not in caplog.text
    assert set(ear.heard) == {"/ping/s3cret"}


def test_a_good_run_says_so_outside_and_a_bad_one_does_not(watched: Path, ear: type[_Ear]) -> None:
    settings = f'heartbeat_url = "{ear.url}"\npostal_address = "1 Sample Street"\n'
    (watched / "verdicts.toml").write_text(settings)
    (watched / "feeds.toml").write_text("# Nothing to poll.\n")
    with writing_in(watched) as session:
        row = session.get(FeedMemory, "one")
        session.delete(row)
    assert verdicts("run", home=watched).status == 0
    assert ear.heard == ["/ping/s3cret"]
    (watched / "feeds.toml").write_text("[[feed]]\n")
    assert verdicts("run", home=watched).status == 1
    assert ear.heard == ["/ping/s3cret"]


@contextmanager
def writing_in(home: Path) -> Iterator[Session]:
    with at(home, MONDAY) as services, writing(services.engine) as session:
        yield session


def until(seen: Callable[[], bool], patience_s: float = 10.0) -> None:
    ends = time.monotonic() + patience_s
    while not seen():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)

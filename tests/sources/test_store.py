"""What is kept of feeds and entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from digest.database import open_engine
from digest.model import Entry, Feed
from sources.polling import Poll
from sources.store import FeedStore
from tests.sources.documents import NOW

ONE, TWO = Feed("one", "https://example.org/1"), Feed("two", "https://example.org/2")
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeedStore]:
    engine = open_engine(f"sqlite:///{tmp_path / 'verdicts.db'}")
    SQLModel.metadata.create_all(engine)
    yield FeedStore(engine)
    engine.dispose()


def entry(number: int, feed: Feed = ONE, days_old: float | None = 1) -> Entry:
    published = None if days_old is None else NOW - timedelta(days=days_old)
    return Entry(feed.name, f"{number}", f"https://example.org/{feed.name}/{number}", f"Post {number}", "s", published)


def poll(*entries: Entry, feed: Feed = ONE) -> Poll:
    return Poll(feed, "read", entries, etag='"1"')


def test_entries_are_kept_once(store: FeedStore) -> None:
    first = poll(entry(1), entry(2))
    assert store.record([first], NOW) == {"one": 2}
    assert store.record([first], NOW + DAY) == {"one": 0}
    assert store.record([poll(entry(1), entry(2), entry(3))], NOW + DAY) == {"one": 1}
    assert store.all_entries() == [(entry(1), NOW), (entry(2), NOW), (entry(3), NOW + DAY)]


def test_two_feeds_may_use_one_id(store: FeedStore) -> None:
    assert store.record([poll(entry(1)), poll(entry(1, TWO), feed=TWO)], NOW) == {"one": 1, "two": 1}


def test_the_first_id_is_kept(store: FeedStore) -> None:
    store.record([poll(entry(1))], NOW)
    for n in range(5):
        assert store.record([poll(replace(entry(1), id=f"random {n}"))], NOW + DAY) == {"one": 0}
    assert [kept.id for kept, _ in store.all_entries()] == ["1"]


def test_old_entries_of_a_first_poll_are_known_but_not_announced(store: FeedStore) -> None:
    archive = [entry(n, days_old=n) for n in range(1, 60)]
    assert store.record([poll(*archive)], NOW) == {"one": 59}
    assert len(store.unspotted()) == len(store.all_entries()) == 14
    assert len(store.all_entries(muted=True)) == 59
    assert store.record([poll(*archive)], NOW + DAY) == {"one": 0}


def test_the_first_poll_is_the_first_that_brings_entries(store: FeedStore) -> None:
    store.record([poll()], NOW - DAY)
    store.record([Poll(ONE, "failed", reason="x")], NOW - DAY)
    store.record([poll(entry(1, days_old=300))], NOW)
    assert store.unspotted() == []


def test_entries_wait_until_launches_were_looked_for_in_them(store: FeedStore) -> None:
    store.record([poll(*(entry(n) for n in range(1200)))], NOW)
    waiting = store.unspotted(limit=5000)
    assert len(waiting) == 1200
    assert len(store.unspotted(limit=7)) == 7
    store.mark_spotted([(kept.feed, kept.id) for kept, _ in waiting[:1100]], NOW)
    assert store.unspotted() == waiting[1100:]


def test_entries_are_found_by_their_keys(store: FeedStore) -> None:
    store.record([poll(*(entry(n) for n in range(700)))], NOW)
    found = store.entries([("one", f"{n}") for n in range(700)] + [("two", "1")])
    assert len(found) == 700
    assert found["one", "5"] == entry(5)


def test_entries_since_a_moment(store: FeedStore) -> None:
    store.record([poll(entry(1))], NOW - DAY)
    store.record([poll(entry(2))], NOW)
    assert [kept.id for kept, _ in store.all_entries(NOW)] == ["2"]


def test_feeds_are_due_when_their_time_has_come(store: FeedStore) -> None:
    store.record([poll(entry(1))], NOW)
    assert [feed.name for feed, _ in store.due([ONE, TWO], NOW)] == ["two"]
    assert [feed.name for feed, _ in store.due([ONE, TWO], NOW, everything=True)] == ["one", "two"]
    assert store.due([ONE], NOW + DAY)[0][1].etag == '"1"'


def test_a_record_is_all_or_nothing(store: FeedStore) -> None:
    broken = Poll(TWO, "read", (replace(entry(1, TWO), link="http://["),))
    with pytest.raises(ValueError, match="IPv6"):
        store.record([poll(entry(1)), broken], NOW)
    assert store.all_entries() == []
    assert store.memories([ONE])["one"].last_try_at is None


def test_health_says_how_a_feed_is_doing(store: FeedStore) -> None:
    store.record([poll(*(entry(n, days_old=n) for n in range(1, 40)))], NOW - 21 * DAY)
    for week in range(3):
        store.record([poll(entry(100 + week), entry(200 + week))], NOW - (20 - 7 * week) * DAY)
    store.record([Poll(ONE, "failed", reason="it answers 500")], NOW)
    good, never = store.health([ONE, TWO], NOW)
    assert good.entries_per_week == 2
    assert (good.error_streak, good.reason, good.last_success_at) == (1, "it answers 500", NOW - 6 * DAY)
    assert (never.last_try_at, never.entries_per_week, never.reason) == (None, 0, "")

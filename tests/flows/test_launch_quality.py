"""Entries of one launch come together also through the whole program, on snapshots of real feeds read by a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from digest.model import Entry, Feed
from flows.services import Clock, Services, open_services
from flows.steps import spot_launches
from sources.kinds import rss
from sources.polling import Poll
from tests.benchmarks.launches import DATA, end_to_end

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs the development data beside the checkout")

NOON = datetime(2026, 5, 16, 12, tzinfo=UTC)
#: Feeds whose entries tell of each other's launches: makers, newspapers, link lists.
TELLING = ("anthropic_news", "claude", "ll_claude", "openai_news", "xainews", "hn_ai", "techcrunch_ai", "theverge_ai")

Key = tuple[str, str]


def test_a_gathered_week_joins_what_a_reader_joins_and_hardly_anything_else(home: Path) -> None:
    score = end_to_end(home).of(bool)
    assert score["pairs_launch"]["p"] >= 0.95
    assert score["pairs_launch"]["f1"] >= 0.88
    assert score["pairs_all"]["p"] >= 0.95
    assert score["launch"]["f1"] >= 0.95


def test_entries_that_trickle_in_are_joined_as_if_they_had_come_at_once(tmp_path: Path) -> None:
    entries = [entry for entry in _entries(TELLING) if entry.published and NOON - entry.published < timedelta(days=6)]
    hours: dict[datetime, list[Entry]] = defaultdict(list)
    for entry in entries:
        hours[_next_hour(entry.published or NOON)].append(entry)
    assert len(hours) > 40
    at_once = _pairs_after(tmp_path / "at-once", {NOON: entries})
    one_by_one = _pairs_after(tmp_path / "one-by-one", hours)
    assert len(at_once) >= 20
    assert len(at_once & one_by_one) >= 0.9 * len(at_once)
    assert len(one_by_one - at_once) <= 0.1 * len(at_once)


def _entries(names: Sequence[str]) -> Iterable[Entry]:
    for name in names:
        feed = Feed(name, f"https://{name.replace('_', '-')}.example.org/feed")
        yield from rss.read((DATA / "feeds" / "2026-05-16" / f"{name}.xml").read_bytes(), feed, feed.url)


def _next_hour(when: datetime) -> datetime:
    return when.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _pairs_after(home: Path, arriving: dict[datetime, list[Entry]]) -> set[tuple[Key, Key]]:
    """Keep what arrives, hour after hour, look for launches each time, and give the pairs of entries joined."""
    home.mkdir()
    with open_services(home, create=True) as services:
        for hour, entries in sorted(arriving.items()):
            _arrive(replace(services, clock=_stopped(hour)), entries)
        launches = services.store.launches()
    return {pair for launch in launches for pair in combinations(sorted(launch.entries), 2)}


def _stopped(at: datetime) -> Clock:
    return lambda: at


def _arrive(services: Services, entries: Iterable[Entry]) -> None:
    by_feed: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_feed[entry.feed].append(entry)
    polls = [Poll(Feed(name, "https://example.org/feed"), "read", tuple(some)) for name, some in by_feed.items()]
    services.entries.record(polls, services.clock())
    spot_launches(services)

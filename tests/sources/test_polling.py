"""When a feed is asked again, and where."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.model import Entry, Feed
from sources.polling import Memory, Poll, after, remembered
from tests.sources.documents import NOW

FEED = Feed("one", "https://example.org/feed")
FRESH = Memory("one", FEED.url)
READ = Poll(FEED, "read", (Entry("one", "1", "", "t"),), etag='"a"', last_modified="Mon")


def wait_h(memory: Memory) -> float:
    assert memory.next_poll_at is not None
    return (memory.next_poll_at - NOW) / timedelta(hours=1)


def test_a_feed_never_asked_is_due() -> None:
    assert FRESH.is_due(NOW)


def test_a_good_poll_is_remembered() -> None:
    memory = after(FRESH, READ, NOW)
    assert (memory.etag, memory.last_modified) == ('"a"', "Mon")
    assert memory.last_success_at == memory.first_polled_at == memory.last_try_at == NOW
    assert not memory.is_due(NOW + timedelta(minutes=5))
    assert memory.is_due(NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("wait_s", "hint_s", "hours"),
    [
        (None, None, 0.5),
        (60, None, 0.25),
        (None, 3 * 3600, 3),
        (2 * 3600, 3600, 2),
        (31_536_000, None, 24),
        (0, None, 0.5),
        (None, 604_800, 24),
    ],
)
def test_a_feed_gets_the_rest_it_asks_for_within_bounds(wait_s: int | None, hint_s: int | None, hours: float) -> None:
    assert wait_h(after(FRESH, replace(READ, wait_s=wait_s, hint_s=hint_s), NOW)) == hours


def test_what_the_document_asked_for_holds_while_it_is_unchanged() -> None:
    memory = after(FRESH, replace(READ, hint_s=7200), NOW)
    memory = after(memory, Poll(FEED, "unchanged"), NOW)
    assert wait_h(memory) == 2
    assert memory.etag == '"a"'


def test_failures_back_off_up_to_a_day_and_keep_the_reason() -> None:
    memory, waits = after(FRESH, READ, NOW), []
    for _ in range(12):
        memory = after(memory, Poll(FEED, "failed", reason="it answers 500"), NOW)
        waits.append(wait_h(memory))
    assert waits == sorted(waits)
    assert 0.5 <= waits[0] <= 0.6
    assert waits[-1] == 24
    assert (memory.error_streak, memory.reason) == (12, "it answers 500")
    assert memory.etag == '"a"'
    assert memory.last_success_at == NOW
    assert after(memory, READ, NOW).error_streak == 0


def test_feeds_that_fail_together_do_not_return_together() -> None:
    failed = [after(replace(FRESH, name=f"f{n}"), Poll(FEED, "failed", reason="x"), NOW) for n in range(20)]
    assert len({memory.next_poll_at for memory in failed}) == 20


def test_a_server_that_names_a_time_gets_it() -> None:
    assert wait_h(after(FRESH, Poll(FEED, "failed", wait_s=5 * 3600, reason="x"), NOW)) == 5
    assert wait_h(after(FRESH, Poll(FEED, "failed", wait_s=10**8, reason="x"), NOW)) == 24


def test_a_feed_that_is_gone_is_retired_until_it_answers_again() -> None:
    memory = after(FRESH, Poll(FEED, "gone", reason="it answers 410 (Gone)"), NOW)
    assert memory.retired_at == NOW
    assert not memory.is_due(NOW + timedelta(days=400))
    assert after(memory, READ, NOW).retired_at is None


def test_three_permanent_redirects_in_a_row_move_a_feed() -> None:
    memory = FRESH
    for target in ("https://b/", "https://c/", "https://c/"):
        memory = after(memory, replace(READ, permanent_url=target), NOW)
        assert memory.address == FEED.url
    memory = after(memory, replace(READ, permanent_url="https://c/"), NOW)
    assert memory.address == "https://c/"


def test_an_answer_without_a_redirect_starts_the_count_again() -> None:
    memory = FRESH
    for target in ("https://b/", "https://b/", "", "https://b/", "https://b/"):
        memory = after(memory, replace(READ, permanent_url=target), NOW)
    assert memory.address == FEED.url


def test_a_redirect_that_ends_in_a_failure_does_not_count() -> None:
    memory = FRESH
    for _ in range(5):
        memory = after(memory, Poll(FEED, "failed", permanent_url="https://b/", reason="x"), NOW)
    assert memory.address == FEED.url


def test_another_address_in_the_list_starts_afresh() -> None:
    memory = replace(after(FRESH, READ, NOW), moved_url="https://b/", error_streak=4)
    changed = remembered(replace(FEED, url="https://new/"), memory)
    assert (changed.address, changed.etag, changed.error_streak) == ("https://new/", "", 0)
    assert changed.is_due(NOW)
    assert changed.first_polled_at == NOW
    assert remembered(FEED, memory) == memory

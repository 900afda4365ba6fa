"""Decide what one poll means for the next: when to come back, where to, and whether to come back at all."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from digest.model import Entry, Feed

MINUTE = 60
HOUR = 60 * MINUTE

#: Time between polls when the feed asks for nothing; schedules gather hourly.
USUAL_S = 30 * MINUTE

#: What a feed may ask for (Retry-After, max-age, ttl, sy:updatePeriod) and get; longer would miss a week's news.
SHORTEST_S, LONGEST_S = 15 * MINUTE, 24 * HOUR

#: Permanent redirects in a row, all to one place, until we ask there first. Once may be a mistake.
MOVES_NEEDED = 3

#: A schedule that fires a moment early must not skip its turn.
SLACK = timedelta(minutes=1)

Status = Literal["read", "unchanged", "gone", "failed"]


@dataclass(frozen=True, slots=True)
class Memory:
    """What we know of a feed from earlier polls; times UTC.

    `hint_s` is how long the feed's own document asks to be left alone. `moved_url` is where it moved for good;
    `moved_target` and `moved_count` count permanent redirects in a row. `first_polled_at` is when entries came first.
    """

    name: str
    url: str
    etag: str = ""
    last_modified: str = ""
    hint_s: int | None = None
    next_poll_at: datetime | None = None
    last_try_at: datetime | None = None
    last_success_at: datetime | None = None
    first_polled_at: datetime | None = None
    error_streak: int = 0
    reason: str = ""
    moved_url: str = ""
    moved_target: str = ""
    moved_count: int = 0
    retired_at: datetime | None = None

    @property
    def address(self) -> str:
        """Where to ask."""
        return self.moved_url or self.url

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to ask again; a retired feed never is."""
        return self.retired_at is None and (self.next_poll_at is None or self.next_poll_at <= now + SLACK)


@dataclass(frozen=True, slots=True)
class Poll:
    """What came of asking one feed once.

    `read` carries entries (perhaps none), `unchanged` is an answer 304, `gone` a 410; `failed` has a reason for people.
    `wait_s` is what this answer's headers ask for, `hint_s` what the document asks for. `permanent_url` is where a
    permanent redirect led, "" without one. `reason` of a good poll is a remark, mostly "".
    """

    feed: Feed
    status: Status
    entries: tuple[Entry, ...] = ()
    etag: str = ""
    last_modified: str = ""
    wait_s: int | None = None
    hint_s: int | None = None
    permanent_url: str = ""
    reason: str = ""


def remembered(feed: Feed, memory: Memory | None) -> Memory:
    """Take up the memory of a feed; one whose address a person changed starts afresh, but its entries stay known."""
    if memory is None:
        return Memory(feed.name, feed.url)
    if memory.url != feed.url:
        return Memory(feed.name, feed.url, first_polled_at=memory.first_polled_at)
    return memory


def after(memory: Memory, poll: Poll, now: datetime) -> Memory:
    """Say what to remember once `poll` is over."""
    memory = replace(memory, last_try_at=now)
    if poll.status == "failed":
        return _failed(memory, poll, now)
    if poll.status == "gone":
        retired = memory.retired_at or now
        return replace(memory, retired_at=retired, reason=poll.reason, etag="", last_modified="", next_poll_at=None)
    if poll.status == "read":
        memory = replace(memory, etag=poll.etag, last_modified=poll.last_modified, hint_s=poll.hint_s)
        if poll.entries and memory.first_polled_at is None:
            memory = replace(memory, first_polled_at=now)
    asked = max(poll.wait_s or 0, memory.hint_s or 0)
    wait = min(max(asked, SHORTEST_S), LONGEST_S) if asked else USUAL_S
    good = replace(memory, last_success_at=now, error_streak=0, reason=poll.reason, retired_at=None)
    return _moved(replace(good, next_poll_at=now + timedelta(seconds=wait)), poll.permanent_url)


def _failed(memory: Memory, poll: Poll, now: datetime) -> Memory:
    streak = memory.error_streak + 1
    # Many feeds of one host fail together; the name spreads their return, the same way each time.
    spread = 1 + 0.2 * zlib.crc32(f"{memory.name} {streak}".encode()) / 2**32
    wait = USUAL_S * 2.0 ** min(streak - 1, 10) * spread
    wait = min(max(wait, poll.wait_s or 0, SHORTEST_S), LONGEST_S)
    return replace(memory, error_streak=streak, reason=poll.reason, next_poll_at=now + timedelta(seconds=wait))


def _moved(memory: Memory, target: str) -> Memory:
    if not target:
        return replace(memory, moved_target="", moved_count=0)
    count = memory.moved_count + 1 if target == memory.moved_target else 1
    if count < MOVES_NEEDED:
        return replace(memory, moved_target=target, moved_count=count)
    return replace(memory, moved_url=target, moved_target="", moved_count=0)

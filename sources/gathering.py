"""Poll feeds: fetch them, read what came, keep what is new. Steps call this; nothing else here needs to be known."""

from __future__ import annotations

import asyncio
import math
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from digest.errors import FeedError
from digest.model import Entry, Feed
from sources.catalog import is_fetchable
from sources.fetching import Fetched, Lookup, Request, fetch_all, look_up
from sources.policy import Policy
from sources.polling import Memory, Poll
from sources.readers import Readers, Unreadable
from sources.reading import Reading
from sources.store import FeedStore

Outcome = Literal["new", "unchanged", "empty", "failed", "retired", "not due"]

#: Polls, or their entries, that are recorded in one transaction; and polls that may wait before fetching slows down.
_BATCH = 50
_BATCH_ENTRIES = 2_000
_WAITING = 20

#: How long a batch waits to fill up, in seconds: what came early must survive a crash.
_FILL_S = 0.5


@dataclass(frozen=True, slots=True)
class FeedOutcome:
    """What polling one feed came to.

    `entries` is how many its document lists now (0 when it was not sent again), `new` how many of them are new to us.
    `reason` says why it failed or was retired, or what is remarkable, mostly "".
    """

    name: str
    outcome: Outcome
    entries: int = 0
    new: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """A feed found at or through an address, with up to three of its newest entries."""

    url: str
    kind: str
    title: str
    entries: tuple[Entry, ...]


def gather(
    feeds: Sequence[Feed],
    store: FeedStore,
    policy: Policy,
    now: datetime,
    *,
    everything: bool = False,
    progress: Callable[[FeedOutcome], None] | None = None,
    lookup: Lookup = look_up,
) -> list[FeedOutcome]:
    """Poll the feeds that are due (all of them with `everything`) and keep their new entries.

    What is read is recorded as it comes, so a run that is stopped has kept most of it and the next finds the rest.

    `progress` is called in this thread with each feed's outcome as soon as it is recorded.

    Returns:
        One outcome for each feed, in their order. A feed's fault is its outcome, never an error.

    Raises:
        DatabaseError: The database cannot be used.
    """
    outcomes = {name: _waits(memory) for name, memory in store.memories(feeds).items()}
    due = store.due(feeds, now, everything=everything)
    if due:
        with _polling(due, policy, lookup) as results:
            for polls in _batches(results):
                new = store.record(polls, now, first_poll_days=policy.first_poll_days)
                for poll in polls:
                    outcomes[poll.feed.name] = outcome = _outcome(poll, new[poll.feed.name])
                    if progress:
                        progress(outcome)
    return [outcomes[feed.name] for feed in feeds]


def probe(url: str, policy: Policy, lookup: Lookup = look_up) -> Probe:
    """Look whether there is a feed at an address, or at one that the page there names.

    Raises:
        FeedError: There is none; the text says what is there instead.
    """
    address = url if "://" in url else f"https://{url}"
    if not is_fetchable(address):
        raise FeedError(f"{url!r} is no address that starts with http:// or https://")
    return asyncio.run(_probe(address, policy, lookup))


async def _probe(url: str, policy: Policy, lookup: Lookup) -> Probe:
    async with Readers(policy) as readers:
        try:
            return await _feed_at(url, readers, policy, lookup)
        except Unreadable as error:
            if not error.feeds:
                raise FeedError(f"{url}: {error}") from error
            named, problem = error.feeds, error
        for address in named[:3]:
            try:
                return await _feed_at(address, readers, policy, lookup)
            except FeedError as error:
                problem = Unreadable(f"{url} names {address}, but {error}")
        raise problem


async def _feed_at(url: str, readers: Readers, policy: Policy, lookup: Lookup) -> Probe:
    results: list[Fetched] = []

    async def keep(fetched: Fetched) -> None:
        results.append(fetched)

    await fetch_all([Request("probe", url)], policy, keep, lookup)
    fetched = results[0]
    if fetched.status != "read":
        raise FeedError(f"{url}: {fetched.reason}")
    reading = await readers.read(fetched.body, Feed("probe", fetched.url), fetched.url, fetched.content_type)
    return Probe(fetched.permanent_url or url, reading.kind, reading.title, reading.entries[:3])


def _waits(memory: Memory) -> FeedOutcome:
    return FeedOutcome(memory.name, "retired" if memory.retired_at else "not due", reason=memory.reason)


def _outcome(poll: Poll, new: int) -> FeedOutcome:
    match poll.status:
        case "failed":
            return FeedOutcome(poll.feed.name, "failed", reason=poll.reason)
        case "gone":
            return FeedOutcome(poll.feed.name, "retired", reason=poll.reason)
        case "read" if not poll.entries:
            return FeedOutcome(poll.feed.name, "empty", reason=poll.reason)
    return FeedOutcome(poll.feed.name, "new" if new else "unchanged", len(poll.entries), new, poll.reason)


@contextmanager
def _polling(due: Sequence[tuple[Feed, Memory]], policy: Policy, lookup: Lookup) -> Iterator[queue.Queue[Poll | None]]:
    """Poll feeds in a thread of their own; the queue gives each result as it comes, then None.

    The thread keeps connections going while this one waits for the database, and lets callers have a loop of their own.
    """
    results: queue.Queue[Poll | None] = queue.Queue()
    loop = asyncio.new_event_loop()
    task = loop.create_task(_poll_all(due, policy, lookup, results))

    def run() -> None:
        try:
            loop.run_until_complete(task)
        finally:
            results.put(None)

    with ThreadPoolExecutor(1, "gathering") as threads:
        ended = threads.submit(run)
        try:
            yield results
        finally:
            loop.call_soon_threadsafe(task.cancel)  # changes nothing once it has ended
            wait([ended])
            loop.close()
    ended.result()


def _batches(results: queue.Queue[Poll | None]) -> Iterator[list[Poll]]:
    """Take results in batches until None comes: each as large as one transaction should be, or as old as it may get."""
    ended = False
    while not ended:
        batch: list[Poll] = []
        until = math.inf
        while len(batch) < _BATCH and sum(len(poll.entries) for poll in batch) < _BATCH_ENTRIES:
            try:
                poll = results.get(timeout=None if math.isinf(until) else max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if poll is None:
                ended = True
                break
            batch.append(poll)
            until = min(until, time.monotonic() + _FILL_S)
        if batch:
            yield batch


async def _poll_all(
    due: Sequence[tuple[Feed, Memory]], policy: Policy, lookup: Lookup, results: queue.Queue[Poll | None]
) -> None:
    feeds = {feed.name: feed for feed, _ in due}
    requests = [Request(feed.name, memory.address, memory.etag, memory.last_modified) for feed, memory in due]
    async with Readers(policy) as readers:

        async def each(fetched: Fetched) -> None:
            poll = await _poll(feeds[fetched.request.name], fetched, readers)
            while results.qsize() >= _WAITING:
                await asyncio.sleep(0.01)
            results.put(poll)

        await fetch_all(requests, policy, each, lookup)


async def _poll(feed: Feed, fetched: Fetched, readers: Readers) -> Poll:
    if fetched.status != "read":
        return Poll(
            feed, fetched.status, reason=fetched.reason, wait_s=fetched.wait_s, permanent_url=fetched.permanent_url
        )
    try:
        reading = await readers.read(fetched.body, feed, fetched.url, fetched.content_type)
    except FeedError as error:
        return Poll(feed, "failed", reason=str(error))
    return replace(
        _read_poll(feed, reading),
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        wait_s=fetched.wait_s,
        permanent_url=fetched.permanent_url,
    )


def _read_poll(feed: Feed, reading: Reading) -> Poll:
    return Poll(feed, "read", reading.entries, hint_s=reading.hint_s, reason=reading.remark)

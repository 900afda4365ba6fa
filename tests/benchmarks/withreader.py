"""Gathering as the `reader` library does it: `python -m tests.benchmarks.withreader DATABASE WORKERS < addresses`.

Adds the feeds that its database does not have, updates all of them as its documentation says, and prints the seconds
that the update took. Its database is a file, as ours. It parses and stores as we do, and asks with validators; it
spaces nothing per host, looks at no address before it connects, and reads answers of any size.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

import feedparser_sgmllib

# The feedparser inside of `reader` 3.26 asks for this module by the name it had in Python 2 and in sgmllib3k.
sys.modules.setdefault("sgmllib", feedparser_sgmllib)

from reader import make_reader  # noqa: E402


def update(database: str, workers: int, addresses: Iterable[str]) -> float:
    """Update all feeds; seconds. Nothing may fail, or the seconds would mean nothing."""
    feeds = make_reader(database)
    for address in addresses:
        feeds.add_feed(address, exist_ok=True)
    started = time.perf_counter()
    # It would leave out what was updated within the last hour.
    for one in feeds.update_feeds_iter(workers=workers, scheduled=False):
        if isinstance(one.value, Exception):
            raise SystemExit(f"{one.url}: {one.value}")
    took = time.perf_counter() - started
    feeds.close()
    return took


if __name__ == "__main__":
    sys.stdout.write(f"{update(sys.argv[1], int(sys.argv[2]), sys.stdin.read().split())}\n")

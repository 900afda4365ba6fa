"""Feeds on this machine that publish something new now and then, and some that misbehave, each in its own way."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape

from tests.web import Connection, Reply, Seen, Web

#: How many feeds are fine, and how long one takes on average until it publishes something.
GOOD, _NEW_EACH_S = 30, 40.0

#: Entries that a feed shows; older ones fall out of it.
_SHOWS = 20

_CLAIMS = ("Introducing {}", "{} 2.0 is here", "Meet {}, an agent for your terminal", "Announcing {}", "Notes on {}")


class Newsroom:
    """Use as `with Newsroom(seed) as newsroom`; what is new is decided when a feed is asked."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - the same chances again for the same seed
        self._web, self._lock = Web(), threading.Lock()
        self._entries = {f"feed-{number}": list[tuple[str, str, datetime]]() for number in range(GOOD)}
        self._asked = dict.fromkeys(self._entries, time.monotonic() - 5 * _NEW_EACH_S)
        self._shown = set[tuple[str, str]]()

    def __enter__(self) -> Self:
        self._web.__enter__()
        for name in self._entries:
            self._web.serve(f"/{name}", self._feed)
        self._web.serve("/broken", Reply(b"<rss><channel><item><title>Half an", 200))
        self._web.serve("/down", Reply(b"try again", 503))
        self._web.serve("/round", Reply(b"", 302, {"Location": self._web.url("/round")}))
        self._web.serve("/page", Reply(b"<html><body>No feed here</body></html>", 200, {"Content-Type": "text/html"}))
        self._web.serve_raw("/hangs-up", _hang_up)
        self._web.serve_raw("/drips", _drip)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._web.__exit__(kind, error, at)

    def catalog(self) -> str:
        """A feeds.toml with all of them, and one that nobody serves."""
        bad = ("broken", "down", "round", "page", "hangs-up", "drips", "missing")
        return "\n".join(
            f'[[feed]]\nname = "{name}"\nurl = "{self._web.url(f"/{name}")}"\nkind = "auto"\nwhy = "soak"\n'
            for name in (*self._entries, *bad)
        )

    def shown(self) -> set[tuple[str, str]]:
        """Every entry that was shown to anybody: the feed and the entry's id."""
        with self._lock:
            return set(self._shown)

    def _feed(self, seen: Seen) -> Reply:
        name = seen.path.removeprefix("/")
        with self._lock:
            for _ in range(self._due(name)):
                number = len(self._entries[name])
                product = f"Kit{self._dice.randrange(10**6):06d}"
                title = self._dice.choice(_CLAIMS).format(product)
                self._entries[name].append((f"{name}-{number}", title, datetime.now(UTC)))
            entries = self._entries[name][-_SHOWS:]
            self._shown |= {(name, one[0]) for one in entries}
            version = len(self._entries[name])
        return Reply(_rss(entries), 200, {"Content-Type": "application/rss+xml"}, etag=f'"{name}-{version}"')

    def _due(self, name: str) -> int:
        """How many entries came since it was asked last: none, one or some."""
        since, self._asked[name] = self._asked[name], time.monotonic()
        return sum(self._dice.random() < 0.5 for _ in range(int((time.monotonic() - since) / _NEW_EACH_S * 2)))


def _rss(entries: list[tuple[str, str, datetime]]) -> bytes:
    items = "".join(
        f"<item><title>{escape(title)}</title><link>https://example.org/{guid}</link><guid>{guid}</guid>"
        f"<pubDate>{format_datetime(at)}</pubDate><description>A new tool for developers.</description></item>"
        for guid, title, at in reversed(entries)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>A feed</title>{items}</channel></rss>'.encode()


def _hang_up(seen: Seen, connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<rss>")


def _drip(seen: Seen, connection: Connection) -> None:
    """Send a byte now and then, for some seconds."""
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    for _ in range(20):
        if connection.closing.wait(0.2) or not connection.send(b"<"):
            return

"""Read RSS, Atom and RDF feeds."""

from __future__ import annotations

from digest.model import Entry, Feed
from sources.syndication import items, looks_like_feed


def recognises(head: bytes, url: str, content_type: str) -> int:  # noqa: ARG001 - all kinds are asked the same way
    """Say how sure we are, 0 to 100, that a document that starts like this is of this kind."""
    if looks_like_feed(head):
        return 60
    return 20 if content_type in ("application/rss+xml", "application/atom+xml", "application/rdf+xml") else 0


def read(body: bytes, feed: Feed, url: str) -> list[Entry]:
    """Read the entries of a document that came from `url`, in its order.

    Raises:
        FeedError: It is no RSS, Atom or RDF.
    """
    return [entry for item in items(body, url) if (entry := item.entry(feed))]

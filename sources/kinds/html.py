"""Find the feeds a web page names; a page itself has no entries."""

from __future__ import annotations

import re
from contextlib import suppress
from html.parser import HTMLParser
from urllib.parse import urlsplit

from digest.errors import FeedError
from digest.model import Entry, Feed
from sources.syndication import looks_like_feed
from sources.text import web_link

#: Pages are looked at up to here; what names a feed stands in the head or in a footer of ordinary length.
MAX_PAGE = 1_000_000

_PAGE = re.compile(rb"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]", re.IGNORECASE)
_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
_ANCHOR = re.compile(
    r"(?:^|[/.?=_-])(?:rss|atom|feed|feeds)(?:\.xml|\.json|\.rss|\.atom)?/?$|\.(?:rss|atom)$|/index\.xml$",
    re.IGNORECASE,
)


class WebPage(FeedError):
    """A page where a feed should be; `feeds` are the addresses of feeds it names, most likely first."""

    def __init__(self, feeds: tuple[str, ...]) -> None:
        self.feeds = feeds
        named = f"it names {'this feed' if len(feeds) == 1 else 'these feeds'}: {', '.join(feeds[:3])}"
        super().__init__(f"this is a web page, not a feed; {named if feeds else 'it names no feed'}")


def recognises(head: bytes, url: str, content_type: str) -> int:  # noqa: ARG001 - all kinds are asked the same way
    """Say how sure we are, 0 to 100, that a document that starts like this is of this kind."""
    page = _PAGE.search(head)
    if page is None:
        return 10 if content_type in ("text/html", "application/xhtml+xml") and not looks_like_feed(head) else 0
    # A feed may quote a page in its first entry, but its own root comes first.
    return 0 if looks_like_feed(head[: page.start()]) else 70


def read(body: bytes, feed: Feed, url: str) -> list[Entry]:  # noqa: ARG001 - every kind reads the same way
    """Say which feeds a page names, by the error.

    Raises:
        WebPage: Always.
    """
    raise WebPage(discover(body, url))


def discover(body: bytes, url: str) -> tuple[str, ...]:
    """Find the feeds that the page at `url` names, at most ten: its <link rel=alternate> first, then likely anchors."""
    finder = _Finder(url)
    with suppress(AssertionError):  # how the standard library's parser gives up on a broken declaration
        finder.feed(body[:MAX_PAGE].decode("utf-8", "replace"))
    return tuple(dict.fromkeys([*finder.links, *finder.anchors]))[:10]


class _Finder(HTMLParser):
    """Collects addresses of feeds while walking through a page."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = url
        self.links: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("base", "link", "a"):
            return
        values = {key: value or "" for key, value in attrs}
        href = web_link(values.get("href", ""), self.base)
        if not href:
            return
        if tag == "base":
            self.base = href
        elif tag == "link" and _names_a_feed(values):
            # A feed of comments is no news.
            (self.anchors if "comments" in href else self.links).append(href)
        elif tag == "a" and _ANCHOR.search(urlsplit(href).path):
            self.anchors.append(href)


def _names_a_feed(values: dict[str, str]) -> bool:
    kind = values.get("type", "").split(";")[0].strip().lower()
    return "alternate" in values.get("rel", "").lower().split() and kind in _TYPES

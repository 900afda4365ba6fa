"""Read Hacker News: its own RSS, hnrss, or the JSON of Algolia's search. An entry leads to the story, not the talk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from digest.errors import FeedError
from digest.model import Entry, Feed
from sources.syndication import Item, items, looks_like_feed
from sources.text import make_entry, web_link

_COMMENTS = "https://news.ycombinator.com/item?id="
_HOSTS = ("news.ycombinator.com", "hnrss.org", "hn.algolia.com")


def recognises(head: bytes, url: str, content_type: str) -> int:  # noqa: ARG001 - all kinds are asked the same way
    """Say how sure we are, 0 to 100, that a document that starts like this is of this kind."""
    host = urlsplit(url).hostname or ""
    if _is_json(head):
        story = b'"objectID"' in head and (b'"story_id"' in head or b'"num_comments"' in head or b'"hits"' in head)
        return 80 if story or (b'"hits"' in head and host == "hn.algolia.com") else 0
    named = host in _HOSTS or b"https://hnrss.org/" in head or b"<link>https://news.ycombinator.com/" in head
    return 80 if named and looks_like_feed(head) else 0


def read(body: bytes, feed: Feed, url: str) -> list[Entry]:
    """Read the stories of a document that came from `url`, in its order; "Show HN:" stays in the title.

    Raises:
        FeedError: It is neither a feed nor an answer of the search.
    """
    if _is_json(body):
        return [entry for hit in _hits(body) if (entry := _found(hit, feed))]
    return [entry for item in items(body, url) if (entry := item.entry(feed, link=_story(item)))]


def _is_json(body: bytes) -> bool:
    return body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _story(item: Item) -> str:
    return item.link or item.comments


def _hits(body: bytes) -> Iterator[dict[str, Any]]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FeedError(f"this is no answer of the search: {error}") from error
    hits = found.get("hits") if isinstance(found, dict) else None
    if not isinstance(hits, list):
        raise FeedError("this is no answer of the search: it has no list of hits")
    return (hit for hit in hits if isinstance(hit, dict))


def _found(hit: dict[str, Any], feed: Feed) -> Entry | None:
    number = _text(hit, "objectID")
    comments = f"{_COMMENTS}{number}" if number.isdigit() else ""
    moment = hit.get("created_at_i")
    return make_entry(
        feed,
        own_id=comments,
        link=web_link(_text(hit, "url"), "") or comments,
        title=_text(hit, "title") or _text(hit, "story_title"),
        summary=_text(hit, "story_text"),
        published=_moment(moment) if isinstance(moment, int) else None,
    )


def _text(hit: dict[str, Any], key: str) -> str:
    value = hit.get(key)
    return value if isinstance(value, str) else ""


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # outside what a date can say
        return None

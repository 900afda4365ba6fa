"""Read JSON Feed 1 and 1.1."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from digest.errors import FeedError
from digest.model import Entry, Feed
from sources.text import make_entry, web_link


def recognises(head: bytes, url: str, content_type: str) -> int:  # noqa: ARG001 - all kinds are asked the same way
    """Say how sure we are, 0 to 100, that a document that starts like this is of this kind."""
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return 0
    if b"jsonfeed.org/version/" in head.replace(b"\\/", b"/"):
        return 90
    return 60 if content_type == "application/feed+json" else 30 if b'"items"' in head else 0


def read(body: bytes, feed: Feed, url: str) -> list[Entry]:
    """Read the items of a document that came from `url`, in its order.

    Raises:
        FeedError: It is no JSON Feed.
    """
    try:
        found = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise FeedError(f"this is no JSON Feed: {error}") from error
    items = found.get("items") if isinstance(found, dict) else None
    if not isinstance(items, list):
        raise FeedError("this is no JSON Feed: it has no list of items")
    return [entry for item in items if isinstance(item, dict) and (entry := _entry(item, feed, url))]


def _entry(item: dict[str, Any], feed: Feed, url: str) -> Entry | None:
    return make_entry(
        feed,
        own_id=_text(item, "id"),
        link=web_link(_text(item, "url"), url) or web_link(_text(item, "external_url"), url),
        title=_text(item, "title"),
        summary=_text(item, "summary") or _text(item, "content_html") or _text(item, "content_text"),
        published=_moment(_text(item, "date_published")) or _moment(_text(item, "date_modified")),
    )


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    # Version 1 lets ids be numbers.
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # no date, or one at the edge of what a date can say
        return None

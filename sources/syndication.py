"""Parse RSS, Atom and RDF as found in the wild, for the kinds that build on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import struct_time
from typing import Any

import feedparser

from digest.errors import FeedError
from digest.model import Entry, Feed
from sources.text import lines_of, make_entry, web_link

_FEED_TAG = re.compile(rb"<(?:\w+:)?(?:rss|feed|rdf)[\s>]", re.IGNORECASE)

#: Numeric character references; feedparser stumbles over those of no character.
_REFERENCE = re.compile(rb"&#(?:(\d+)|[xX]([0-9a-fA-F]+));")

#: Entities of a document's own: only bombs and relics have them.
_ENTITY = re.compile(rb"""<!ENTITY(?:"[^"]*"|'[^']*'|[^>"'])*>""")

#: A summary below this with a list beside it only introduces the list.
_INTRODUCTION = 400


@dataclass(frozen=True, slots=True)
class Item:
    """One item as parsed: texts may hold html, `link` and `comments` are absolute http(s) or ""."""

    id: str
    link: str
    title: str
    summary: str
    comments: str
    published: datetime | None

    def entry(self, feed: Feed, *, link: str | None = None, title: str | None = None) -> Entry | None:
        """Make the entry of it, with another link or title where the kind knows better; None when nothing is in it."""
        return make_entry(
            feed,
            own_id=self.id,
            link=self.link if link is None else link,
            title=self.title if title is None else title,
            summary=self.summary,
            published=self.published,
        )


def looks_like_feed(head: bytes) -> bool:
    """Whether the start of a document has the root of RSS, Atom or RDF, in UTF-16 or what contains ASCII."""
    return _FEED_TAG.search(head.replace(b"\0", b"")) is not None


def items(body: bytes, url: str) -> Iterator[Item]:
    """Parse a document in its order.

    Raises:
        FeedError: It is no RSS, Atom or RDF.
    """
    # Bytes, never an address: feedparser would open it. Its cleaning takes minutes on hostile input, so we clean.
    # Given a base it joins each link with it, which takes a quarter of the time: only xml:base needs that.
    base = {"content-location": url} if b"xml:base" in body else {}
    body = _ENTITY.sub(b"", _REFERENCE.sub(_possible, body))
    try:
        parsed = feedparser.parse(body, sanitize_html=False, resolve_relative_uris=False, response_headers=base)
    except MemoryError:
        raise
    except Exception as error:  # its lenient half raises whatever comes up on broken input
        raise FeedError(f"this is no readable feed: {type(error).__name__}: {error}") from error
    if not parsed.entries and not parsed.get("version"):
        problem = parsed.get("bozo_exception")
        raise FeedError(f"this is no feed: {problem}" if problem else "this is no feed: no RSS, Atom or RDF in it")
    for raw in parsed.entries:
        yield _item(raw, url)


def _possible(reference: re.Match[bytes]) -> bytes:
    decimal, hexadecimal = reference.groups()
    digits = (decimal or hexadecimal).lstrip(b"0")
    number = int(digits or b"0", 10 if decimal else 16) if len(digits) < 9 else 0
    is_character = number in (9, 10, 13) or 32 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or number > 0xFFFF
    return reference[0] if is_character and number <= 0x10FFFF else b""


def _item(raw: Any, url: str) -> Item:
    comments = web_link(_text(raw, "comments"), url)
    return Item(
        id=_text(raw, "id"),
        link=web_link(_text(raw, "feedburner_origlink") or _text(raw, "link") or _first_link(raw), url),
        title=_text(raw, "title"),
        summary=_summary(raw),
        comments=comments,
        published=next(filter(None, (_moment(dict.get(raw, key)) for key in _DATES)), None),
    )


_DATES = ("published_parsed", "updated_parsed", "created_parsed")


def _text(raw: Any, key: str) -> str:
    value = dict.get(raw, key)  # feedparser's own get tries half a dozen old names
    return value if isinstance(value, str) else ""


def _first_link(raw: Any) -> str:
    links = [
        link.get("href") for link in dict.get(raw, "links", ()) if link.get("rel") in (None, "alternate", "related")
    ]
    return next((link for link in links if isinstance(link, str)), "")


def _summary(raw: Any) -> str:
    """Choose what an item says of itself: its summary, else its content; both where the summary leads to a list."""
    summary = _text(raw, "summary")
    content = next((_text(part, "value") for part in dict.get(raw, "content", ()) if _text(part, "value")), "")
    if not content or content == summary:
        return summary
    if not summary.strip() or summary.strip() == _text(raw, "title").strip():
        return content
    introduces = content.lower().count("<li") >= 3 and "<li" not in summary.lower() and len(summary) < _INTRODUCTION
    return f"<p>{lines_of(summary)}</p>{content}" if introduces else summary


def _moment(parts: struct_time | None) -> datetime | None:
    if parts is None:
        return None
    year, month, day, hour, minute, second = parts[:6]
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:  # a year 0, or a 30th of February
        return None

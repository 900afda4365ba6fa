"""Read one document of a feed: choose the kind, bring it into shape, take the newest entries."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from html import unescape
from typing import Protocol, cast

from digest.errors import FeedError
from digest.model import Entry, Feed
from sources.catalog import kind_names

#: Kinds look at this much of a document to recognise it, in bytes.
HEAD = 16_384

#: How sure the kind html must be to overrule the kind a person named.
_PLAINLY = 50

_FIRST_ITEM = re.compile(rb"<(?:\w+:)?(?:item|entry)[\s>]")
_ITEM_END = re.compile(rb"</(?:\w+:)?(?:item|entry)\s*>")
_TITLE = re.compile(
    rb"<title[^>]{0,200}>(?:\s*<!\[CDATA\[)?([^<]{1,1000}?)(?:\]\]>)?\s*</title>|\"title\"\s*:\s*\"([^\"]{1,1000})\""
)
_TTL = re.compile(rb"<ttl>\s*(\d{1,6})\s*</ttl>")
_PERIOD = re.compile(rb"<sy:updatePeriod>\s*(hourly|daily|weekly|monthly|yearly)\s*</sy:updatePeriod>")
_FREQUENCY = re.compile(rb"<sy:updateFrequency>\s*(\d{1,4})\s*</sy:updateFrequency>")
_PERIODS_S = {b"hourly": 3600, b"daily": 86_400, b"weekly": 604_800, b"monthly": 2_592_000, b"yearly": 31_536_000}


class Kind(Protocol):
    """What a file in sources/kinds offers; both are pure."""

    def recognises(self, head: bytes, url: str, content_type: str) -> int:
        """Say how sure it is, 0 to 100, that a document that starts like this is of its kind."""

    def read(self, body: bytes, feed: Feed, url: str) -> list[Entry]:
        """Read the entries of a document that came from `url`, in its order; raises FeedError."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one document says: entries newest first, the kind it was read as, and how long it asks to be left alone."""

    kind: str
    title: str
    entries: tuple[Entry, ...]
    hint_s: int | None = None
    remark: str = ""


def read(body: bytes, feed: Feed, url: str, content_type: str, max_entries: int = 500) -> Reading:
    """Read the document that came from `url`; at most `max_entries` of the newest entries, perhaps none.

    Raises:
        FeedError: It is no feed: empty, a web page (its `feeds` are the addresses that the page names), or broken.
    """
    if not body.strip():
        raise FeedError("the answer is empty")
    media_type, charset = _media(content_type)
    body = _decoded(body, charset)
    head = body[:HEAD]
    name = _choose(feed.kind, head, url, media_type)
    body, cut = _without_middle(body, max_entries)
    entries = _kind(name).read(body, feed, url)
    kept = _newest(entries, max_entries)
    start = _before_items(body)
    remark = (
        f"only the newest {len(kept)} of {cut or len(entries)} entries" if len(kept) < (cut or len(entries)) else ""
    )
    return Reading(name, _title(start), tuple(kept), _hint(start), remark)


def _kind(name: str) -> Kind:
    return cast("Kind", importlib.import_module(f"sources.kinds.{name}"))


def _choose(named: str, head: bytes, url: str, media_type: str) -> str:
    """Name the kind to read with: the one named, unless the document is plainly a web page; else the surest."""
    kinds = [kind for kind in kind_names() if kind != "auto"]
    sure = {kind: _kind(kind).recognises(head, url, media_type) for kind in kinds}
    best = max(kinds, key=lambda kind: sure[kind])
    if named == "auto" and sure[best] == 0:
        raise FeedError(f"this is no feed: it starts with {_shown(head)}")
    return best if named == "auto" or sure["html"] >= _PLAINLY else named


def _shown(head: bytes) -> str:
    text = " ".join(head[:60].decode("utf-8", "replace").split())
    return repr("".join(char if char.isprintable() else "?" for char in text[:40]))


def _media(content_type: str) -> tuple[str, str]:
    """Split a Content-Type into the media type, lower case, and its charset, "" without one."""
    message = Message()
    message["Content-Type"] = content_type or "application/octet-stream"
    try:
        return message.get_content_type(), message.get_content_charset("")
    except (LookupError, ValueError):  # a charset nobody knows, or one in a broken encoding
        return "application/octet-stream", ""


def _decoded(body: bytes, charset: str) -> bytes:
    """Turn a document into UTF-8 where only the answer's header says how it is written."""
    head = body[:200]
    says_itself = body.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or b"encoding=" in head or b"\0" in head
    if not charset or says_itself or charset in ("utf-8", "us-ascii"):
        return body
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        try:
            return body.decode(charset, "replace").encode()
        except (LookupError, ValueError):  # no charset, or a strange one: the parser guesses
            return body
    return body


def _without_middle(body: bytes, max_entries: int) -> tuple[bytes, int]:
    """Leave out what lies between the first and last `max_entries` items of a huge document; says how many it had.

    Newest first or newest last, the newest stay; parsing them all would take minutes and gigabytes.
    """
    ends = [end.end() for end in _ITEM_END.finditer(body)]
    if len(ends) <= 2 * max_entries:
        return body, 0
    return body[: ends[max_entries - 1]] + body[ends[-max_entries - 1] :], len(ends)


def _newest(entries: Sequence[Entry], limit: int) -> list[Entry]:
    """Sort by date, newest first; without a date an entry stays behind the one it followed."""
    moment = datetime.max.replace(tzinfo=UTC)
    dated = []
    for entry in entries:
        moment = entry.published or moment
        dated.append((moment, entry))
    dated.sort(key=lambda pair: pair[0], reverse=True)
    return [entry for _, entry in dated[:limit]]


def _before_items(body: bytes) -> bytes:
    start = body[: 4 * HEAD]
    first = _FIRST_ITEM.search(start)
    return start[: first.start()] if first else start


def _title(start: bytes) -> str:
    found = _TITLE.search(start)
    if not found:
        return ""
    text = unescape((found[1] or found[2]).decode("utf-8", "replace"))
    return "".join(char for char in " ".join(text.split()) if char.isprintable())[:200]


def _hint(start: bytes) -> int | None:
    """Take how long the document asks to be left alone, in seconds: its ttl or its update period, the longer."""
    hints = []
    if ttl := _TTL.search(start):
        hints.append(int(ttl[1]) * 60)
    if period := _PERIOD.search(start):
        frequency = _FREQUENCY.search(start)
        hints.append(_PERIODS_S[period[1]] // max(int(frequency[1]) if frequency else 1, 1))
    return max(hints, default=None)

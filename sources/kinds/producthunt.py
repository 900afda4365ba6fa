"""Read Product Hunt's feed: the tagline stands in the text, so titles become "Name — tagline"."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from digest.model import Entry, Feed
from sources.syndication import Item, items, looks_like_feed
from sources.text import lines_of, one_line

_OURS = re.compile(rb"tag:www\.producthunt\.com|<(?:id|link)>\s*https://www\.producthunt\.com|https://ph\.buzzing\.cc")

#: What the feed puts under each tagline.
_FOOTER = re.compile(r"^(?:Discussion\s*\|\s*Link|Discussion|Link)$")

#: A title that already says what the product is.
_SAYS = re.compile(r"\s[—–-]\s|:\s")

_MAX_TAGLINE = 120


def recognises(head: bytes, url: str, content_type: str) -> int:  # noqa: ARG001 - all kinds are asked the same way
    """Say how sure we are, 0 to 100, that a document that starts like this is of this kind."""
    host = urlsplit(url).hostname or ""
    ours = host in ("producthunt.com", "www.producthunt.com") or _OURS.search(head)
    return 80 if ours and looks_like_feed(head) else 0


def read(body: bytes, feed: Feed, url: str) -> list[Entry]:
    """Read the products of a document that came from `url`, in its order.

    Raises:
        FeedError: It is no RSS or Atom.
    """
    return [entry for item in items(body, url) if (entry := _entry(item, feed))]


def _entry(item: Item, feed: Feed) -> Entry | None:
    lines = [line for line in lines_of(item.summary).split("\n") if line and not _FOOTER.match(line)]
    name = one_line(item.title)
    tagline = lines[0].partition(" — ")[0] if lines else ""
    fits = name and tagline and tagline != name and len(tagline) <= _MAX_TAGLINE and not _SAYS.search(name)
    entry = item.entry(feed, title=f"{name} — {tagline}" if fits else name)
    return entry and Entry(entry.feed, entry.id, entry.link, entry.title, "\n".join(lines), entry.published)

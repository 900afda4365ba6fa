"""Make plain text, links and entries out of what strangers wrote, in bounded time."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from html import unescape
from urllib.parse import urljoin, urlsplit

import nh3

from digest.model import Entry, Feed

#: Longest title, summary, link and id kept, in characters. A digest that lists a dozen tools fits.
MAX_TITLE, MAX_SUMMARY, MAX_LINK, MAX_ID = 300, 8_000, 2_000, 500

#: Longest html looked at: markup is several times as long as what it says.
MAX_HTML = 8 * MAX_SUMMARY

_BLOCKS = {
    *("p", "div", "br", "hr", "li", "ul", "ol", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("table", "tr", "blockquote", "section", "article", "pre"),
}
_KEPT = {*_BLOCKS, "a"}

#: Only these make a text html: "Vec<T> is faster" and "a < b" are none.
_HTML = re.compile(
    r"<!--|</?(?:a|abbr|article|b|blockquote|body|br|center|cite|code|dd|del|div|dl|dt|em|figure|font|form|h[1-6]|hr|html"
    r"|i|iframe|img|input|ins|li|link|mark|meta|object|ol|p|picture|pre|q|s|script|section|small|span|strike|strong|style"
    r"|sub|sup|svg|table|tbody|td|template|th|tr|tt|u|ul|video)\b[^<]{0,5000}>",
    re.IGNORECASE,
)
_TOKEN = re.compile(r'<(/?)(\w+)((?:[^>"]|"[^"]*")*)>|([^<]+)')
_HREF = re.compile(r'href="(https?://[^"\s]{1,500})"')
_NO_LINES = str.maketrans("", "", "\t\r\n")  # as browsers do in addresses
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")


def one_line(text: str, limit: int = MAX_TITLE) -> str:
    """Turn html or text into one line of plain text of at most `limit` characters, shortened with "…"."""
    return shorten(" ".join(lines_of(text[: 20 * limit]).split()), limit)


def lines_of(text: str, limit: int = MAX_SUMMARY) -> str:
    """Turn html or text into plain lines: one a paragraph, "- " before list items, their first link after them."""
    text = text[:MAX_HTML]
    if _HTML.search(text):
        clean = nh3.clean(text, tags=_KEPT, attributes={"a": {"href"}}, url_schemes={"http", "https"}, link_rel=None)
        text = _laid_out(clean)
    lines = (" ".join(line.split()) for line in _UNSAFE.sub("", unescape(text)).splitlines())
    return shorten("\n".join(line for line in lines if line.strip(" -")), limit)


def _laid_out(clean: str) -> str:
    """Lay out what nh3 left: well-formed tags of `_KEPT`, everything else escaped."""
    parts: list[str] = []
    item_link, depth = "", 0
    for token in _TOKEN.finditer(clean):
        closing, name, attributes, text = token.groups()
        if text:
            parts.append(text.replace("\n", " "))
        elif name == "li":
            parts.append(f" {item_link}\n" if closing and item_link else "\n" if closing else "\n- ")
            item_link, depth = "", depth + (-1 if closing else 1)
        elif name == "a":
            found = _HREF.search(attributes)
            item_link = item_link or (found[1] if found else "")
        else:
            parts.append(" " if depth > 0 else "\n")  # a paragraph in a list item goes on in the item's line
    return "".join(parts)


def shorten(text: str, limit: int) -> str:
    """Cut text to `limit` characters, at a space where there is one near, and mark the cut with "…"."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = cut.rfind(" ", limit - 40)
    return f"{cut[:space] if space > 0 else cut}…"


def web_link(link: str, base: str) -> str:
    """Make a link absolute; "" when it is none that a browser may open: another scheme, no host, or far too long."""
    link = _UNSAFE.sub("", link).translate(_NO_LINES).strip()
    if not link:
        return ""
    try:
        whole = link if link.startswith(("https://", "http://")) else urljoin(base, link)
        parts = urlsplit(whole)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port >= 0)
    except ValueError:  # a broken IPv6 host or port
        return ""
    return whole.replace(" ", "%20") if usable and len(whole) <= MAX_LINK else ""


def make_entry(
    feed: Feed,
    *,
    own_id: str,
    link: str,
    title: str,
    summary: str,
    published: datetime | None,
) -> Entry | None:
    """Make an entry of a feed's raw texts; `link` is absolute or "". None when it has neither title, text nor link.

    The id is the feed's own, else the link, else a hash of the title.
    """
    name = one_line(title)
    text = lines_of(summary)
    name = name or shorten(text.replace("\n", " "), 120) or link
    if not name:
        return None
    own = " ".join(_UNSAFE.sub("", own_id).split())
    if len(own) > MAX_ID:
        own = f"{own[: MAX_ID - 20]}#{_hash(own)}"
    link = link or web_link(own if own.startswith(("http://", "https://")) else "", "")
    return Entry(feed.name, own or link[:MAX_ID] or f"title:{_hash(name)}", link, name, text, published)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]

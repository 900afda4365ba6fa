"""Feeds as tests need them: built from a few words, in the shapes found in the wild."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from xml.sax.saxutils import escape

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def rss(items: Iterable[str], extra: str = "", title: str = "A feed") -> bytes:
    """An RSS document of ready items; `extra` goes into the channel."""
    body = "\n".join(items)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel><title>{title}</title>'
        f"<link>https://example.org/</link><description>d</description>{extra}\n{body}\n</channel></rss>"
    ).encode()


def item(title: str, link: str = "", guid: str = "", days_old: float | None = 1, summary: str = "") -> str:
    """One RSS item; what is empty is left out, `days_old` counts back from NOW."""
    date = "" if days_old is None else format_datetime(NOW - timedelta(days=days_old), usegmt=True)
    parts = {"title": title, "link": link, "guid": guid, "pubDate": date, "description": summary}
    return "<item>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in parts.items() if text) + "</item>"


def some(count: int, name: str = "post", **more: float | None) -> list[str]:
    """Some RSS items with ids and links of their own."""
    return [
        item(f"{name} {n}", f"https://example.org/{name}/{n}", f"{name}-{n}", summary=f"About {name} {n}.", **more)
        for n in range(count)
    ]

"""Figures, dates, addresses and corrections as a message prints them, and as they are traced back in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from unicodedata import combining, east_asian_width, normalize
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from digest.model import Correction, Edition, Side, Site, Tally, Tool

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

#: Controls, half surrogates and non-characters break XML; embeddings and overrides reorder what follows.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
#: Where characters begin that may take two columns or none; below are Latin letters, above some symbols and quotes.
_ODD_WIDTH = re.compile("[\u0300-\u1fff\u20d0-\u20ff\u231a-\U0010ffff]")
_SPACE = re.compile("[ \t\n\x0b\x0c\r\x85\u2028\u2029]+")


def one_line(text: str) -> str:
    """Text from outside as one line without control characters."""
    if text.isprintable() and "  " not in text:  # nearly all text, at a tenth of the time
        return text.strip()
    return _UNWANTED.sub("", _SPACE.sub(" ", text)).strip()


@lru_cache(maxsize=1024)  # a message asks for each of its addresses several times
def address(url: str) -> str:
    """A web address in characters that are safe in every part; "" for anything but http and https.

    A host in other scripts becomes the name that is looked up: münchen.de is xn--mnchen-3ya.de.
    """
    url = one_line(url)
    try:
        parts = urlsplit(url)
    except ValueError:  # such as http://[
        return ""
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return ""
    user, at, host = parts.netloc.rpartition("@")
    url = url.replace(parts.netloc, f"{user}{at}{_looked_up(host)}", 1)
    return quote(url, safe=":/?#@!$&'()*+,;=%~")


def _looked_up(host: str) -> str:
    """A host in ASCII, as browsers look it up: labels folded, then punycode; unlike the codec “idna”, ß stays ß."""
    if host.isascii():
        return host
    name, colon, port = host.partition(":")
    labels = re.split("[.。．｡]", normalize("NFKC", name.lower()))
    name = ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode()}" for one in labels)
    return f"{name}{colon}{port}"


def day(on: date, this_year: int) -> str:
    """A day in a narrow place, such as 9 Nov; with its year when that is another one."""
    return f"{on.day} {_MONTHS[on.month - 1][:3]}" + (f" {on.year}" if on.year != this_year else "")


def full_day(on: date, this_year: int) -> str:
    """A day in a sentence, such as 9 November; with its year when that is another one."""
    return f"{on.day} {_MONTHS[on.month - 1]}" + (f" {on.year}" if on.year != this_year else "")


def week_name(week: str) -> str:
    """An ISO week for a heading: Week 47, 2026."""
    year, _, number = week.partition("-W")
    return f"Week {int(number)}, {year}"


def period(edition: Edition) -> str:
    """The days an edition covers, saying month and year only once: 9–16 November 2026."""
    first, last = edition.since.date(), edition.until.date()
    end = f"{last.day} {_MONTHS[last.month - 1]} {last.year}"
    if first >= last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{end}"
    year = f" {first.year}" if first.year != last.year else ""
    return f"{first.day} {_MONTHS[first.month - 1]}{year} – {end}"


def panel_note(side: Side) -> str:
    """Where a panel's percentage comes from: its n, and how many calls are still to come."""
    tally = side.verdict.tally
    waiting = side.verdict.panel_size - tally.n
    note = f"{tally.ships} of {tally.n} ship" if tally.n else "no calls yet"
    return note + (f", {waiting} to come" if tally.n and waiting > 0 else "")


def community_note(votes: Tally) -> str:
    """Where a community's percentage comes from."""
    return f"{votes.ships:,} of {votes.n:,} ship" if votes.n else "no votes yet"


def correction(one: Correction, this_year: int) -> str:
    """Tell readers which call they were shown no longer holds; reviewers are roles, hence “the Skeptic”."""
    role = one.reviewer_name if one.reviewer_name.casefold().startswith("the ") else f"the {one.reviewer_name}"
    return (
        f"Since we printed it in {one.week}, {role} changed the call on {one.tool_name}"
        f" from {one.before} to {one.after} ({full_day(one.changed_on, this_year)})."
    )


def vary(sentences: Sequence[str], a: Tool, b: Tool, week: str) -> str:
    """Choose one of several wordings, always the same for the same pair in the same week."""
    chosen = hashlib.sha256(f"{week} {a.slug} {b.slug} {len(sentences)}".encode()).digest()
    return sentences[int.from_bytes(chosen[:4]) % len(sentences)]


def stopped(sentence: str) -> str:
    """End a sentence with a full stop, unless the name at its end brings a stop of its own."""
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."


def stopped_all(*sentences: str) -> tuple[str, ...]:
    """End each of several sentences."""
    return tuple(map(stopped, sentences))


def columns(text: str) -> int:
    """How many columns a text takes in type of one width: wide characters two, combining ones none."""
    if not _ODD_WIDTH.search(text):
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def campaign(url: str, site: Site, week: str) -> str:
    """An address with the parameters that tell its owner's statistics where a visitor came from, if the site sets them.

    What stands in the address already is kept, also parameters of the same name: they are its owner's choice.
    """
    if not site.utm_source or not url:
        return url
    parts = urlsplit(url)
    given = {one.partition("=")[0] for one in parts.query.split("&")}
    ours = {"utm_source": site.utm_source, "utm_medium": "email", "utm_campaign": week}
    added = urlencode({name: value for name, value in ours.items() if name not in given}, quote_via=quote)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, added)))))


def moment(at: datetime) -> str:
    """A time in its zone and in UTC, such as Tuesday 24 November, 09:00 CET (08:00 UTC)."""
    here, there = f"{at:%H:%M} {at:%Z}", at.astimezone(UTC)
    utc = "" if at.utcoffset() == timedelta() else f" ({there:%H:%M} UTC)"
    return f"{_WEEKDAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]}, {here}{utc}"

"""Tell which entries of a poll are new, though ids, titles and links may have changed since they were first seen."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from digest.model import Entry

#: So many old posts that appear at once are a repaired or rebuilt feed's archive, not news.
ARCHIVE_SIZE = 20

#: More posts without any date than this are the archive of a feed that never dates; launch boards list up to 70.
UNDATED_SIZE = 100

#: Claimed dates before this are defaults of some program, such as 1970-01-01.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of an entry to know it again."""

    id: str
    link_key: str
    title_key: str
    published: datetime | None


def known(entry: Entry) -> Known:
    """Take the keys of an entry."""
    return Known(entry.id, link_key(entry.link), title_key(entry.title), entry.published)


@lru_cache(maxsize=4096)  # each key is asked for several times in a row
def link_key(link: str) -> str:
    """Hash a link without scheme, `www.`, closing slash and campaign parameters; "" for no link."""
    if not link:
        return ""
    parts = urlsplit(link)
    query = "&".join(part for part in parts.query.split("&") if part and not part.startswith("utm_"))
    place = f"{parts.netloc.removeprefix('www.')}{parts.path.rstrip('/')}?{query}#{parts.fragment}"
    return _hash(place)


@lru_cache(maxsize=4096)
def title_key(title: str) -> str:
    """Hash a title's letters and digits, whatever their case and what stands between them."""
    return _hash("".join(char for char in title.casefold() if char.isalnum()) or title)


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def fresh(entries: Sequence[Entry], seen: Iterable[Known]) -> list[Entry]:
    """Keep the entries of one poll of one feed that are not `seen` yet, each once, in their order.

    The same id is the same entry. So is the same link under another id, unless that link stands on several titles (a
    change log with one address for all) or title and date both differ. Without a link, title and date decide. An id
    that a feed gives to several links is no id: then link and title decide, and later ones get a suffix.
    """
    register = _Register(entries, seen)
    found = []
    for entry in entries:
        if register.has(entry):
            continue
        new = register.with_own_id(entry)
        register.add(known(new))
        found.append(new)
    return found


class _Register:
    """What is known of one feed, looked up by id, link and title."""

    def __init__(self, entries: Sequence[Entry], seen: Iterable[Known]) -> None:
        self.by_id: dict[str, Known] = {}
        self.by_link: dict[str, list[Known]] = defaultdict(list)
        self.by_title: dict[str, list[Known]] = defaultdict(list)
        listed, seen = [known(entry) for entry in entries], list(seen)
        self.useless_ids = _with_several((item.id, item.link_key) for item in listed)
        # Not both together: an edited title would make its own link look shared.
        self.shared_links = _with_several((item.link_key, item.title_key) for item in listed)
        self.shared_links |= _with_several((item.link_key, item.title_key) for item in seen)
        for item in seen:
            self.add(item)

    def add(self, item: Known) -> None:
        self.by_id[item.id] = item
        self.by_title[item.title_key].append(item)
        if item.link_key:
            self.by_link[item.link_key].append(item)

    def has(self, entry: Entry) -> bool:
        item = known(entry)
        if item.id in self.by_id and item.id not in self.useless_ids:
            return True
        if not item.link_key:
            alike = (other for other in self.by_title[item.title_key] if not other.link_key)
            return any(not _dates_differ(item, other) for other in alike)
        shared = item.link_key in self.shared_links
        return any(
            item.title_key == other.title_key or not (shared or _dates_differ(item, other))
            for other in self.by_link[item.link_key]
        )

    def with_own_id(self, entry: Entry) -> Entry:
        if entry.id not in self.by_id:
            return entry
        content = f"{link_key(entry.link)} {title_key(entry.title)} {entry.published}"
        return replace(entry, id=f"{entry.id}#{_hash(content)}")


def _with_several(pairs: Iterable[tuple[str, str]]) -> set[str]:
    """The first halves that come with more than one second half."""
    seconds: dict[str, set[str]] = defaultdict(set)
    for first, second in pairs:
        seconds[first].add(second)
    return {first for first, found in seconds.items() if len(found) > 1}


def _dates_differ(one: Known, other: Known) -> bool:
    return bool(one.published and other.published and one.published != other.published)


def to_mute(new: Sequence[Entry], *, first_poll: bool, days: int, now: datetime) -> set[str]:
    """Say which new entries, by id, must not be announced: they are older than our interest in the feed.

    On a feed's first poll only what is dated within the last `days` days is news; what has no date counts from first
    sight, unless more than `UNDATED_SIZE` such posts come at once. Later, everything that appears is news, unless
    `ARCHIVE_SIZE` or more posts older than that come at once.
    """
    since = now - timedelta(days=days)
    if first_poll:
        soon = now + timedelta(days=2)  # dates without a zone, and posts prepared for tomorrow
        undated = {entry.id for entry in new if not entry.published}
        out_of_time = {entry.id for entry in new if entry.published and not since <= entry.published <= soon}
        return out_of_time | (undated if len(undated) > UNDATED_SIZE else set())
    old = {entry.id for entry in new if entry.published and EARLIEST <= entry.published < since}
    return old if len(old) >= ARCHIVE_SIZE else set()

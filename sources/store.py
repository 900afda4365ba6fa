"""Keep what feeds said: their memory from poll to poll, and every entry once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, bindparam, func, or_, tuple_, update
from sqlmodel import Session, col, select

from digest.database import bit_by_bit, insert_ignore, inserting, reading, writing
from digest.model import Entry, Feed
from sources.polling import Memory, Poll, after, remembered
from sources.recognising import Known, fresh, known, link_key, title_key, to_mute
from sources.tables import EntryRow, FeedMemory

#: Keys one statement may name; databases limit bound values, not rows.
_CHUNK = 500

#: Days over which a feed's entries a week are counted.
_HEALTH_DAYS = 28


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How a feed is doing; times UTC, None for what never happened.

    `entries_per_week` is counted over the last four weeks, or since the first poll when that is later, without what
    that first poll brought; before it is `watched_a_week` it says little. `reason` says what is wrong,
    "" when nothing is.
    """

    name: str
    url: str
    last_try_at: datetime | None
    last_success_at: datetime | None
    next_poll_at: datetime | None
    entries_per_week: float
    error_streak: int
    reason: str
    retired_at: datetime | None
    moved_url: str
    watched_a_week: bool = False


class FeedStore:
    """Feeds and entries in the database; every call is one transaction or none."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, feeds: Sequence[Feed], now: datetime, *, everything: bool = False) -> list[tuple[Feed, Memory]]:
        """List the feeds whose turn it is and what is remembered of each; `everything` adds the others, retired too."""
        memories = self.memories(feeds)
        pairs = [(feed, memories[feed.name]) for feed in feeds]
        return [(feed, memory) for feed, memory in pairs if everything or memory.is_due(now)]

    def memories(self, feeds: Iterable[Feed]) -> dict[str, Memory]:
        """Read what is remembered of each feed, by name; a feed never polled has a blank memory."""
        feeds = list(feeds)
        with reading(self._engine) as session:
            kept = _memories(session, [feed.name for feed in feeds])
        return {feed.name: remembered(feed, kept.get(feed.name)) for feed in feeds}

    def record(self, polls: Iterable[Poll], now: datetime, *, first_poll_days: int = 14) -> dict[str, int]:
        """Keep what came of polling some feeds, all or nothing; returns the number of new entries by feed name.

        Recording the same poll again adds nothing. Entries that are too old to announce are kept muted: see
        `sources.recognising.to_mute`.
        """
        # Two gathers at once lock rows in one order, so that neither waits for the other for ever.
        polls = sorted(polls, key=lambda poll: poll.feed.name)
        with writing(self._engine) as session:
            kept = _memories(session, [poll.feed.name for poll in polls])
            memories, rows, new = [], [], {}
            for poll in polls:
                memory = remembered(poll.feed, kept.get(poll.feed.name))
                found = fresh(poll.entries, _seen(session, poll.feed.name, poll.entries))
                muted = to_mute(found, first_poll=memory.first_polled_at is None, days=first_poll_days, now=now)
                rows += [_entry_row(entry, now, muted=entry.id in muted) for entry in found]
                memories.append(after(memory, poll, now))
                new[poll.feed.name] = len(found)
            insert_ignore(session, EntryRow, sorted(rows, key=lambda row: (row["feed"], row["id"])))
            _keep_memories(session, memories)
        return new

    def unspotted(self, limit: int = 1000) -> list[tuple[Entry, datetime]]:
        """List entries in which launches were not looked for yet, with when each was first seen, oldest first."""
        return self._entries(col(EntryRow.spotted_at).is_(None), col(EntryRow.muted).is_(False), limit=limit)

    def mark_spotted(self, keys: Iterable[tuple[str, str]], now: datetime) -> None:
        """Note that launches were looked for in the entries with these (feed, id)."""
        keys = list(keys)
        with writing(self._engine) as session:
            mark_spotted(session, keys, now)

    def all_entries(self, since: datetime | None = None, *, muted: bool = False) -> list[tuple[Entry, datetime]]:
        """List entries first seen at `since` or later with when that was, oldest first; `muted` adds those too old."""
        wanted: list[ColumnElement[bool]] = [] if since is None else [col(EntryRow.first_seen) >= since]
        return self._entries(*wanted, *([] if muted else [col(EntryRow.muted).is_(False)]))

    def entries(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Entry]:
        """Read entries by (feed, id); keys that are not there are left out."""
        keys = list(keys)
        found = {}
        for start in range(0, len(keys), _CHUNK):
            wanted = tuple_(col(EntryRow.feed), col(EntryRow.id)).in_(keys[start : start + _CHUNK])
            found.update({(entry.feed, entry.id): entry for entry, _ in self._entries(wanted)})
        return found

    def named(self, text: str) -> list[Entry]:
        """Find the entries that have this id or link, oldest first: what a person copies from a list."""
        return [entry for entry, _ in self._entries(or_(col(EntryRow.id) == text, col(EntryRow.link) == text))]

    def health(self, feeds: Sequence[Feed], now: datetime) -> list[FeedHealth]:
        """Say how each feed is doing, in their order, also those never polled."""
        memories = self.memories(feeds)
        since = now - timedelta(days=_HEALTH_DAYS)
        with reading(self._engine) as session:
            counted = select(EntryRow.feed, func.count()).join(FeedMemory, col(FeedMemory.name) == col(EntryRow.feed))
            counted = counted.where(
                col(EntryRow.first_seen) >= since, col(EntryRow.first_seen) > col(FeedMemory.first_polled_at)
            )
            counts = dict(session.exec(counted.group_by(col(EntryRow.feed))).all())
        return [_health(memories[feed.name], counts.get(feed.name, 0), now) for feed in feeds]

    def tidy(self, now: datetime, retention: timedelta) -> int:
        """Forget what entries said that are old enough, some in each transaction; returns how many.

        Their title and link stay: launches name them, and without them a feed that still lists an old post would have
        it announced again.
        """
        old = and_(col(EntryRow.first_seen) < now - retention, col(EntryRow.summary) != "")
        keys = select(EntryRow.feed, EntryRow.id).where(old)

        def some(session: Session, most: int) -> int:
            found = session.exec(keys.limit(most)).all()
            for start in range(0, len(found), _CHUNK):
                these = tuple_(col(EntryRow.feed), col(EntryRow.id)).in_(found[start : start + _CHUNK])
                session.connection().execute(update(EntryRow).where(these).values(summary=""))
            return len(found)

        return bit_by_bit(self._engine, some)

    def asked(self) -> tuple[datetime | None, datetime | None]:
        """Tell when a feed was first and when one was last asked, watched still or not; None where none ever was."""
        with reading(self._engine) as session:
            first, last = func.min(FeedMemory.first_polled_at), func.max(FeedMemory.last_try_at)
            began, ended = session.execute(select(first, last)).one()
        return began, ended

    def _entries(self, *wanted: ColumnElement[bool], limit: int | None = None) -> list[tuple[Entry, datetime]]:
        order = (
            col(EntryRow.first_seen),
            col(EntryRow.feed),
            col(EntryRow.published).desc().nulls_last(),
            col(EntryRow.id),
        )
        statement = select(*_ENTRY_COLUMNS).where(*wanted).order_by(*order).limit(limit)
        with reading(self._engine) as session:
            return [(Entry(*row[:6]), row[6]) for row in session.execute(statement)]


_MEMORY = [field.name for field in fields(Memory)]

#: The fields of an Entry in their order, then when it was first seen.
_ENTRY_COLUMNS: Any = [
    *(getattr(EntryRow, field.name) for field in fields(Entry)),
    EntryRow.first_seen,
]


def mark_spotted(session: Session, keys: Sequence[tuple[str, str]], now: datetime) -> None:
    """Note within an open transaction that launches were looked for in these entries, so that both happen or none."""
    for start in range(0, len(keys), _CHUNK):
        wanted = tuple_(col(EntryRow.feed), col(EntryRow.id)).in_(keys[start : start + _CHUNK])
        session.connection().execute(update(EntryRow).where(wanted).values(spotted_at=now))


def _memories(session: Session, names: Sequence[str]) -> dict[str, Memory]:
    found = {}
    for start in range(0, len(names), _CHUNK):
        statement = select(FeedMemory).where(col(FeedMemory.name).in_(names[start : start + _CHUNK]))
        found.update({row.name: Memory(**row.model_dump()) for row in session.exec(statement)})
    return found


def _keep_memories(session: Session, memories: Sequence[Memory]) -> None:
    if memories:
        statement = inserting(session, FeedMemory)
        changed = {name: column for name, column in statement.excluded.items() if name != "name"}
        upsert = statement.on_conflict_do_update(index_elements=["name"], set_=changed)
        session.connection().execute(upsert, [{name: getattr(memory, name) for name in _MEMORY} for memory in memories])


#: The kept entries of a feed that share an id, a link or a title; built once: that takes longer than to run it.
_LIKE_THESE = select(EntryRow.id, EntryRow.link_key, EntryRow.title_key, EntryRow.published).where(
    col(EntryRow.feed) == bindparam("feed"),
    or_(
        col(EntryRow.id).in_(bindparam("ids", expanding=True)),
        col(EntryRow.link_key).in_(bindparam("links", expanding=True)),
        col(EntryRow.title_key).in_(bindparam("titles", expanding=True)),
    ),
)


def _seen(session: Session, feed: str, entries: Sequence[Entry]) -> list[Known]:
    """Read the kept entries of a feed that share an id, a link or (without a link) a title with these."""
    seen: dict[str, Known] = {}
    for start in range(0, len(entries), _CHUNK):
        some = [known(entry) for entry in entries[start : start + _CHUNK]]
        keys = {
            "feed": feed,
            "ids": [item.id for item in some],
            "links": list({item.link_key for item in some if item.link_key}),
            "titles": list({item.title_key for item in some if not item.link_key}),
        }
        seen.update({row[0]: Known(*row) for row in session.connection().execute(_LIKE_THESE, keys)})
    return list(seen.values())


def _entry_row(entry: Entry, now: datetime, *, muted: bool) -> dict[str, Any]:
    return {
        "feed": entry.feed,
        "id": entry.id,
        "link": entry.link,
        "title": entry.title,
        "summary": entry.summary,
        "published": entry.published,
        "first_seen": now,
        "muted": muted,
        "link_key": link_key(entry.link),
        "title_key": title_key(entry.title),
    }


def _health(memory: Memory, count: int, now: datetime) -> FeedHealth:
    watched = min(timedelta(days=_HEALTH_DAYS), now - (memory.first_polled_at or now))
    weeks = max(watched / timedelta(weeks=1), 1.0)
    return FeedHealth(
        name=memory.name,
        url=memory.url,
        last_try_at=memory.last_try_at,
        last_success_at=memory.last_success_at,
        next_poll_at=memory.next_poll_at,
        entries_per_week=count / weeks,
        error_streak=memory.error_streak,
        reason=memory.reason,
        retired_at=memory.retired_at,
        moved_url=memory.moved_url,
        watched_a_week=watched >= timedelta(weeks=1),
    )

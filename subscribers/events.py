"""What a provider tells of letters after it took them: kept as it comes, applied later, in any order."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate, islice
from threading import Event as Stop
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Engine,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    tuple_,
    update,
)  # fmt: skip
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from digest.database import UtcDateTime, bit_by_bit, in_chunks, one_at_a_time, reading, writing
from subscribers.batches import prove
from subscribers.consequences import LETTER, follow, keep_still, wear_out
from subscribers.erasing import nobody, unname
from subscribers.eventposts import Event, Told, read_sendgrid
from subscribers.holding import Limits, hold
from subscribers.ledger import Halted
from subscribers.outcomes import count
from subscribers.tables import BatchRow, DeliveryRow, EarlierCallRow, EventPostRow, EventRow, NoticeRow

#: Events of one transaction at most: others that write wait for it, a tenth of a second.
_EVENTS_AT_ONCE = 2000

#: Posts read together at most, and bytes of them, unless one alone has more.
_POSTS_AT_ONCE, _BYTES_AT_ONCE = 100, 1_000_000

#: How long a post stays whole that this program failed on.
_FAILED_LAST = timedelta(days=30)

#: How each provider is called where a reader's story names it.
_PROVIDERS = {"sendgrid": "SendGrid"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying did: posts, their events, those of no letter of ours, and posts that could not be read."""

    posts: int = 0
    events: int = 0
    strays: int = 0
    broken: int = 0


@dataclass(frozen=True, slots=True)
class _Post:
    """A post that waits, read."""

    id: int
    sender: str
    told: Told


class _Delivery(NamedTuple):
    """A delivery, under the name its reader has now, with its call and the state of its own, if it has one."""

    name: str
    batch: int
    state: str | None


class Events:
    """Events of all letters.

    Args:
        engine: The database.
        suppression_key: The key of the suppression list.
        soft_bounces: Editions in a row that a mailbox may turn away before it gets no more.
        site_url: Where our own pages are: clicks on them are told by page.
        limits: From which share of bounces or complaints on an edition holds itself while it is sent.
        holding: Told in its transaction that an edition holds itself: which, why, when.
    """

    def __init__(
        self, engine: Engine, suppression_key: bytes, soft_bounces: int = 5, *, site_url: str = "",
        limits: Limits = Limits(), holding: Halted = lambda *_: None,  # noqa: B008 - frozen
    ) -> None:  # fmt: skip
        self.engine, self._key, self._soft_bounces = engine, suppression_key, soft_bounces
        self._limits, self._holding = limits, holding
        self._read: Mapping[str, Callable[[bytes], Told]] = {"sendgrid": partial(read_sendgrid, site_url=site_url)}

    def keep(self, sender: str, body: bytes, now: datetime) -> None:
        """Keep a post as it came, in one statement: its provider waits for the answer."""
        row = {"sender": sender, "received_at": now, "body": body, "events": 0, "strays": 0, "reason": ""}
        with writing(self.engine) as session:
            session.connection().execute(_KEEP, row)

    def apply(self, now: datetime, stop: Stop | None = None) -> Applied:
        """Apply the posts that wait, oldest first, a few thousand events in each transaction.

        Any number may do so at once, and be killed at any moment: what was applied in part is applied again, which
        changes nothing. A post that cannot be applied is marked with the reason, and the others go on.

        Args:
            now: When.
            stop: Set to end it after the transaction under way.
        """
        done = Counter[str]()
        while not (stop and stop.is_set()) and (posts := self._waiting()):
            try:
                done += self._applied(posts, now)
            except (SQLAlchemyError, ValueError):  # not where the database is away, or was busy for too long
                for one in posts:
                    done += self._alone(one, now)
        return Applied(done["posts"], done["events"], done["strays"], done["broken"])

    def take(self, events: Iterable[Event], now: datetime, source: str) -> Applied:
        """Apply events that came another way than by posts, a few thousand in each transaction; `source` names it.

        Each proves its own letter only: what a mail server was handed letter by letter may have ended in the middle.
        """
        taken = strays = 0
        waiting = iter(events)
        while some := list(islice(waiting, _EVENTS_AT_ONCE)):
            with writing(self.engine) as session:
                one_at_a_time(session, "apply events")
                known = self._absorb(session, some, now, source, whole=False)
            taken, strays = taken + len(some), strays + known.count(False)
        return Applied(events=taken, strays=strays)

    def again(self) -> int:
        """Let posts wait once more that this program failed on: a newer one may not; returns how many."""
        failed = update(EventPostRow).where(*_FAILED).values(applied_at=None, reason="")
        with writing(self.engine) as session:
            return int(session.execute(failed).rowcount)  # type: ignore[attr-defined]

    def broken(self, since: datetime) -> list[tuple[int, datetime, str]]:
        """Give the posts since a moment that could not be applied: number, when it came, why."""
        mine = (col(EventPostRow.reason) != "", col(EventPostRow.received_at) >= since)
        columns = (col(EventPostRow.id), col(EventPostRow.received_at), col(EventPostRow.reason))
        with reading(self.engine) as session:
            return [(row[0], row[1], row[2]) for row in session.execute(select(*columns).where(*mine).order_by("id"))]

    def waiting_since(self) -> datetime | None:
        """Tell since when the oldest post waits to be applied, None when none does."""
        oldest = select(func.min(col(EventPostRow.received_at))).where(col(EventPostRow.applied_at).is_(None))
        with reading(self.engine) as session:
            return session.execute(oldest).scalar()

    def last_applied(self) -> datetime | None:
        """Tell when a post was last applied, None when none ever was."""
        with reading(self.engine) as session:
            return session.execute(select(func.max(col(EventPostRow.applied_at)))).scalar()

    def tidy(self, now: datetime, retention: timedelta) -> None:
        """Forget posts that were applied, and events of letters outside the editions, that are old enough.

        What a post holds that could not be applied goes sooner: there are addresses in it.
        """
        before, kept_since = now - retention, now - min(retention, _FAILED_LAST)
        failed = select(col(EventPostRow.id)).where(*_FAILED, col(EventPostRow.applied_at) < kept_since)
        applied = select(col(EventPostRow.id)).where(col(EventPostRow.applied_at) < before)
        letters = select(*_EVENT_KEY).where(col(EventRow.week).startswith(LETTER), col(EventRow.at) < before)
        bit_by_bit(self.engine, partial(_blank, failed), 100)  # a post may have a megabyte
        bit_by_bit(self.engine, partial(_delete, applied, [col(EventPostRow.id)]))
        bit_by_bit(self.engine, partial(_delete, letters, _EVENT_KEY))

    def unname(self, now: datetime, retention: timedelta) -> None:
        """Forget who opened and clicked what in editions that are old enough; their numbers stay."""
        unname(self.engine, self._key, now - retention)

    def _waiting(self) -> list[_Post]:
        """Read the oldest posts that wait."""
        with reading(self.engine) as session:
            sizes = session.execute(_SIZES).all()
            upto = [one.id for one, sum_ in zip(sizes, accumulate(one.size for one in sizes), strict=True)
                    if sum_ <= _BYTES_AT_ONCE] or [one.id for one in sizes[:1]]  # fmt: skip
            rows = session.execute(_BODIES, {"ids": upto}).all()
        return [_Post(row.id, row.sender, self._told(row.sender, row.body)) for row in rows]

    def _told(self, sender: str, body: bytes) -> Told:
        read = self._read.get(sender)
        return read(body) if read else Told([], 0, f"no provider is called {sender!r}")

    def _applied(self, posts: Sequence[_Post], now: datetime) -> Counter[str]:
        """Apply posts and mark them; in the same transaction as their last events."""
        of = [(post, event) for post in posts for event in post.told.events]
        strays = Counter({post.id: post.told.strays for post in posts})
        slices = list(in_chunks(of, _EVENTS_AT_ONCE)) or [[]]
        for number, some in enumerate(slices, 1):
            with writing(self.engine) as session:
                one_at_a_time(session, "apply events")
                for provider in {post.sender for post, _ in some}:
                    mine = [(post, event) for post, event in some if post.sender == provider]
                    known = self._absorb(session, [event for _, event in mine], now, _PROVIDERS[provider], whole=True)
                    strays.update(post.id for (post, _), is_known in zip(mine, known, strict=True) if not is_known)
                if number == len(slices):
                    return self._mark(session, posts, strays, now)
        return Counter()

    def _mark(self, session: Session, posts: Sequence[_Post], strays: Mapping[int, int], now: datetime) -> Counter[str]:
        done = Counter[str]()
        for one in posts:
            events = len(one.told.events) + one.told.strays
            values = {"id_": one.id, "now": now, "events": events, "strays": strays[one.id], "reason": one.told.broken}
            if session.connection().execute(_MARK, values).rowcount:  # else another process was faster
                done.update(posts=1, events=events, strays=strays[one.id], broken=bool(one.told.broken))
        return done

    def _alone(self, post: _Post, now: datetime) -> Counter[str]:
        """Apply one post of those that failed together; one that fails by itself is marked, and its body stays."""
        try:
            return self._applied([post], now)
        except (SQLAlchemyError, ValueError) as error:
            why = f"the program failed: {type(error).__name__}; `verdicts reconcile` tries it again"
            _log.error("a post of events cannot be applied, its number is %d: %s", post.id, why)
            with writing(self.engine) as session:
                session.connection().execute(_FAIL, {"id_": post.id, "now": now, "reason": why})
            return Counter(posts=1, broken=1)

    def _absorb(
        self, session: Session, events: Sequence[Event], now: datetime, source: str, *, whole: bool
    ) -> list[bool]:
        """Keep events and let happen what follows from them; tells of each whether it is of a letter of ours.

        With `whole`, a call was taken whole or not at all: one event proves all of its letters.
        """
        keys = sorted({one.key for one in events})
        weeks = _weeks(session, keys)
        letters = _letters(session, [key for key in keys if key not in weeks])
        placed = [_placed(one, weeks, letters) for one in events]
        soft = keep_still(session, self._key, [one for one in placed if one is not None])
        wanted: dict[str, set[str]] = defaultdict(set)
        for one in placed:
            if one is not None and not one.week.startswith(LETTER):
                wanted[one.week].add(one.subscriber_id)
        found = {week: self._found(session, week, ids) for week, ids in sorted(wanted.items())}
        named = [one and _named(one, found.get(one.week)) for one in placed]
        own = [one for one in named if one is not None]
        if whole:
            prove(session, weeks.keys() & {one.key for one in own}, now)
        for week, deliveries in found.items():
            _went_out(session, week, deliveries.values(), _DOUBTFUL if whole else (*_DOUBTFUL, "claimed"))
        _prove_letters(session, [one.key for one in own if one.week.startswith(LETTER)], now)
        count(session, [one for one in own if not one.week.startswith(LETTER)])
        _store(session, own)
        follow(session, self._key, own, source)
        wear_out(session, soft, self._soft_bounces)
        for week in sorted({one.week for one in own if one.kind in _BAD}):
            hold(session, week, self._limits, now, self._holding)
        return [one is not None for one in named]

    def _found(self, session: Session, week: str, ids: set[str]) -> dict[str, _Delivery]:
        """Find the deliveries of an edition to some readers; who has none is left out."""
        there = _deliveries(session, week, ids)
        gone = {one: nobody(self._key, week, one) for one in ids - there.keys()}
        erased = _deliveries(session, week, set(gone.values()))
        return there | {one: erased[name] for one, name in gone.items() if name in erased}


#: What may hold an edition.
_BAD = ("soft bounce", "hard bounce", "complaint")

#: Calls that a letter may have gone out with though nobody knows, or though it is to go out once more.
_DOUBTFUL = ("unknown", "given_up", "planned")


def _weeks(session: Session, keys: Sequence[str]) -> dict[str, str]:
    """Give the editions that calls belong to, and let their batches stand until the transaction ends."""
    found: dict[str, str] = {}
    for some in in_chunks(keys):
        for statement in (_BATCHES, _EARLIER):
            found |= {row.key: row.week for row in session.connection().execute(statement, {"keys": some})}
    return {key: found[key] for key in keys if key in found}


def _letters(session: Session, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Give, by key, each letter outside the editions as a week and its reader's id, "" where it has none."""
    return {
        row.key: (f"{LETTER}{row.id}", row.subscriber_id)
        for some in in_chunks(keys)
        for row in session.connection().execute(_LETTERS, {"keys": some})
    }


def _placed(one: Event, weeks: Mapping[str, str], letters: Mapping[str, tuple[str, str]]) -> Event | None:
    """Say which edition or letter an event is of; None for one of no letter of ours."""
    if (week := weeks.get(one.key)) is not None:
        return one.of(week)
    letter, whose = letters.get(one.key, ("", ""))
    return one.of(letter) if letter and one.subscriber_id == (whose or letter) else None


def _named(one: Event, deliveries: Mapping[str, _Delivery] | None) -> Event | None:
    """Give an event the name its reader has now; one outside the editions keeps it."""
    if deliveries is None:
        return one
    mine = deliveries.get(one.subscriber_id)
    if mine is None or mine.name == one.subscriber_id:
        return mine and one
    return replace(one, subscriber_id=mine.name, reason="")


def _deliveries(session: Session, week: str, names: set[str]) -> dict[str, _Delivery]:
    """Give the deliveries of an edition that stand under some names."""
    return {
        row.subscriber_id: _Delivery(*row)
        for some in in_chunks(sorted(names))
        for row in session.connection().execute(_THERE, {"of": week, "ids": some})
    }


def _went_out(session: Session, week: str, deliveries: Iterable[_Delivery], states: Sequence[str]) -> None:
    """Take for accepted what has events though its own outcome, or that of its call, is another."""
    calls = set(session.connection().execute(_CALLS, {"of": week, "states": states}).scalars())
    doubtful = [
        one.name
        for one in deliveries
        if one.state in {"unknown", "given_up"} or (one.state is None and one.batch in calls)
    ]
    for some in in_chunks(sorted(doubtful)):
        session.connection().execute(_WENT_OUT, {"of": week, "ids": some})


def _prove_letters(session: Session, keys: Sequence[str], now: datetime) -> None:
    for some in in_chunks(sorted(set(keys))):
        session.connection().execute(_PROVE_LETTERS, {"keys": some, "now": now})


def _store(session: Session, events: Sequence[Event]) -> None:
    """Keep of each kind what happened first; that a call was taken is told by its batch."""
    rows = [
        {"week": one.week, "whose": one.subscriber_id, "kind": one.kind, "about": one.about, "at": one.at,
         "reason": one.reason}
        for one in events
        if one.kind != "processed"
    ]  # fmt: skip
    if rows:
        session.connection().execute(_STORE, rows)


_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)

_KEEP = insert(EventPostRow)
_SIZES = (
    select(col(EventPostRow.id), func.length(col(EventPostRow.body)).label("size"))
    .where(col(EventPostRow.applied_at).is_(None))
    .order_by(col(EventPostRow.id))
    .limit(_POSTS_AT_ONCE)
)
_BODIES = (
    select(col(EventPostRow.id), col(EventPostRow.sender), col(EventPostRow.body))
    .where(col(EventPostRow.id).in_(_IDS), col(EventPostRow.applied_at).is_(None))
    .order_by(col(EventPostRow.id))
)
_EVENT_KEY = [col(EventRow.week), col(EventRow.subscriber_id), col(EventRow.kind), col(EventRow.about)]


def _blank(which: Select[Any], session: Session, most: int) -> int:
    """Empty so many posts at most; returns how many."""
    some = session.execute(which.limit(most)).scalars().all()
    for ids in in_chunks(some):
        session.execute(update(EventPostRow).where(col(EventPostRow.id).in_(ids)).values(body=b""))
    return len(some)


def _delete(which: Select[Any], key: list[Any], session: Session, most: int) -> int:
    """Delete so many rows of `key`'s table at most; returns how many."""
    some = session.execute(which.limit(most)).all()
    for keys in in_chunks(some, 200):
        session.execute(delete(key[0].class_).where(tuple_(*key).in_([tuple(one) for one in keys])))
    return len(some)


_FAILED = (col(EventPostRow.applied_at).is_not(None), func.length(col(EventPostRow.body)) > 0)
_UNMARKED = (col(EventPostRow.id) == bindparam("id_"), col(EventPostRow.applied_at).is_(None))
_FAIL = update(EventPostRow).where(*_UNMARKED).values(applied_at=bindparam("now"), reason=bindparam("reason"))
_MARK = (
    update(EventPostRow)
    .where(*_UNMARKED)
    .values(
        applied_at=bindparam("now"), reason=bindparam("reason"), body=b"", events=bindparam("events"),
        strays=bindparam("strays"),
    )
)  # fmt: skip
_BATCHES = (
    select(col(BatchRow.week), col(BatchRow.key))
    .where(col(BatchRow.key).in_(_KEYS))
    .order_by(col(BatchRow.week), col(BatchRow.number))
    .with_for_update()
)
_EARLIER = (
    select(col(EarlierCallRow.week), col(EarlierCallRow.key))
    .join(BatchRow, and_(*(getattr(BatchRow, one) == getattr(EarlierCallRow, one) for one in ("week", "number"))))
    .where(col(EarlierCallRow.key).in_(_KEYS))
    .order_by(col(BatchRow.week), col(BatchRow.number))
    .with_for_update(of=BatchRow)
)
_LETTERS = (
    select(col(NoticeRow.id), col(NoticeRow.key), col(NoticeRow.subscriber_id))
    .where(col(NoticeRow.key).in_(_KEYS))
    .order_by(col(NoticeRow.id))
    .with_for_update()
)
# One recipient a letter: that it was seen is all there is to know, also while its process still waits.
_PROVE_LETTERS = (
    update(NoticeRow)
    .where(col(NoticeRow.key).in_(_KEYS), col(NoticeRow.state).in_(("claimed", "unknown")))
    .values(state="accepted", reason="seen by an event", settled_at=bindparam("now", type_=UtcDateTime()))
)
# No bound name may be a column's where that is updated.
_MINE = (col(DeliveryRow.week) == bindparam("of"), col(DeliveryRow.subscriber_id).in_(_IDS))
_THERE = (  # whoever is erased meanwhile waits, and then takes these events along
    select(col(DeliveryRow.subscriber_id), col(DeliveryRow.batch), col(DeliveryRow.state))
    .where(*_MINE)
    .order_by(col(DeliveryRow.subscriber_id))
    .with_for_update(read=True, key_share=True)
)
_CALLS = select(col(BatchRow.number)).where(
    col(BatchRow.week) == bindparam("of"), col(BatchRow.state).in_(bindparam("states", expanding=True))
)
_WENT_OUT = update(DeliveryRow).where(*_MINE).values(state="accepted", reason="seen by an event")
_STORE = text(
    "INSERT INTO events (week, subscriber_id, kind, about, at, reason)"
    " VALUES (:week, :whose, :kind, :about, :at, :reason)"
    " ON CONFLICT (week, subscriber_id, kind, about) DO UPDATE SET at = excluded.at, reason = excluded.reason"
    " WHERE excluded.at < events.at OR (excluded.at = events.at AND excluded.reason < events.reason)"
).bindparams(bindparam("at", type_=UtcDateTime()))

"""How an edition goes out, for who watches: how fast, whose calls are under way, who was refused or is in doubt."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Select, and_, func, select
from sqlmodel import Session, col

from digest.database import reading
from digest.model import Counts
from subscribers.batches import in_state
from subscribers.claiming import abandoned
from subscribers.counted import counts_of
from subscribers.pacing import Pace, Rest, kept_back
from subscribers.tables import BatchRow, DeliveryRow, SubscriberRow

#: The time by which it is said how fast letters leave.
_LATELY = timedelta(minutes=1)


#: A reader's address, "" where they were erased since.
_EMAIL = func.coalesce(col(SubscriberRow.email), "")


#: An order for which nothing has to be looked through that is not shown.
_IN_ORDER = (col(DeliveryRow.batch), col(DeliveryRow.subscriber_id))


@dataclass(frozen=True, slots=True)
class Hand:
    """A call under way, and the process that makes it; `gone` says that this is not there any more."""

    batch: int
    readers: int
    claimed_by: str
    claimed_at: datetime
    gone: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How an edition goes out at a moment.

    `a_second` are the letters that found their outcome lately, None where none did. `rest` is why no letter may leave
    just now; `retry` when those that were put off are tried again, and why, where nothing else is left to try.
    """

    counts: Counts
    a_second: float | None
    hands: tuple[Hand, ...]
    rest: Rest | None
    retry: Rest | None

    @property
    def left_s(self) -> float | None:
        """The seconds it still takes if it goes on so, None where that cannot be said."""
        return self.counts.waiting / self.a_second if self.a_second and self.counts.waiting else None

    @property
    def busy(self) -> bool:
        """Tell whether a process that lives makes calls."""
        return any(not one.gone for one in self.hands)


@dataclass(frozen=True, slots=True)
class Refused:
    """A reader whom the sender would not take; the address is "" where they were erased since."""

    email: str
    reason: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Readers of one call of whom nobody knows whether it reached them: how many, and some by address."""

    key: str
    reason: str
    claimed_at: datetime
    readers: int
    names: tuple[str, ...]


def progress(engine: Engine, week: str, now: datetime, pace: Pace) -> Progress:
    """Tell how an edition goes out."""
    with reading(engine) as session:
        claimed = select(
            col(BatchRow.number), col(BatchRow.size), col(BatchRow.claimed_by), col(BatchRow.claimed_at)
        ).where(in_state(week, "claimed"))
        hands = tuple(
            Hand(number, size, by, at, abandoned(by, at, now)) for number, size, by, at in session.execute(claimed)
        )
        return Progress(
            counts_of(session, week), _a_second(session, week, now), hands, kept_back(session, pace, now),
            _retry(session, week, now),
        )  # fmt: skip


def _a_second(session: Session, week: str, now: datetime) -> float | None:
    lately = and_(
        col(BatchRow.week) == week,
        col(BatchRow.state).in_(("accepted", "refused")),
        col(BatchRow.settled_at) > now - _LATELY,
    )
    size, since = session.execute(
        select(func.sum(col(BatchRow.size)), func.min(col(BatchRow.claimed_at))).where(lately)
    ).one()
    took = (now - max(since, now - _LATELY)).total_seconds() if since else 0.0
    return int(size) / took if took > 0 else None


def _retry(session: Session, week: str, now: datetime) -> Rest | None:
    """Give when the next call that was put off is due, where none is due now."""
    waits = select(col(BatchRow.due_at), col(BatchRow.reason)).where(in_state(week, "planned"))
    row = session.execute(waits.order_by(col(BatchRow.due_at)).limit(1)).first()
    return Rest(row.reason or "they were put off", row.due_at) if row and row.due_at > now else None


def refused(engine: Engine, week: str, most: int) -> list[Refused]:
    """Name readers whom the sender refused, batch by batch, at most so many."""
    apart = and_(col(DeliveryRow.week) == week, col(DeliveryRow.state) == "refused")
    named = _with_address(_EMAIL, col(DeliveryRow.reason)).where(apart)
    with reading(engine) as session:
        return [Refused(*row) for row in session.execute(named.order_by(*_IN_ORDER).limit(most))]


def in_doubt(engine: Engine, week: str, names: int) -> list[InDoubt]:
    """Give the calls of an edition that are in doubt, whole or for some of their readers, the oldest first.

    Of each call at most so many readers are named.
    """
    with reading(engine) as session:
        whole = select(col(BatchRow.number), col(BatchRow.key), col(BatchRow.reason), col(BatchRow.claimed_at)).where(
            in_state(week, "unknown")
        )
        found = [
            InDoubt(key, reason, at, *_readers(session, week, number, names))
            for number, key, reason, at in session.execute(whole).all()
        ]
        return sorted([*found, *_alone(session, week, names)], key=lambda one: one.claimed_at)


def _readers(session: Session, week: str, number: int, names: int) -> tuple[int, tuple[str, ...]]:
    """Count the readers that share the outcome of their batch, and name some."""
    theirs = and_(col(DeliveryRow.week) == week, col(DeliveryRow.batch) == number, col(DeliveryRow.state).is_(None))
    many = session.execute(select(func.count()).select_from(DeliveryRow).where(theirs)).scalar_one()
    named = _with_address(_EMAIL).where(theirs)
    return many, tuple(session.execute(named.order_by(col(DeliveryRow.subscriber_id)).limit(names)).scalars())


def _alone(session: Session, week: str, names: int) -> list[InDoubt]:
    """Give the readers in doubt whose batch has an outcome, by call and reason."""
    its = and_(col(BatchRow.week) == col(DeliveryRow.week), col(BatchRow.number) == col(DeliveryRow.batch))
    asked = _with_address(col(BatchRow.key), col(DeliveryRow.reason), col(BatchRow.claimed_at), _EMAIL)
    rows = asked.join(BatchRow, its).where(col(DeliveryRow.week) == week, col(DeliveryRow.state) == "unknown")
    calls: defaultdict[tuple[str, str, datetime], list[str]] = defaultdict(list)
    for key, reason, at, email in session.execute(rows.order_by(*_IN_ORDER)):
        calls[key, reason, at].append(email)
    return [InDoubt(*call, len(whom), tuple(sorted(whom)[:names])) for call, whom in calls.items()]


def _with_address(*columns: Any) -> Select[Any]:
    """Ask of deliveries, with their readers where these are still there."""
    whose = col(SubscriberRow.id) == col(DeliveryRow.subscriber_id)
    return select(*columns).select_from(DeliveryRow).outerjoin(SubscriberRow, whose)

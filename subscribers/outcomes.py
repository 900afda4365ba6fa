"""What became of an edition's letters after they were accepted, each letter counted once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from subscribers.tables import EventRow

#: Ends that are worse than being delivered, worst last: what came last in time does not matter, for events come in any
#: order and a mailbox may turn a letter away hours after its server took it.
_WORSE = ("dropped", "soft bounce", "hard bounce", "complaint")


@dataclass(frozen=True, slots=True)
class Told:
    """Letters by the worst that was told of each; `dropped` by the provider itself, `deferred` so far."""

    delivered: int = 0
    deferred: int = 0
    dropped: int = 0
    soft: int = 0
    hard: int = 0
    complained: int = 0

    @property
    def outcomes(self) -> int:
        """Letters that came to an end at a mailbox: delivered or turned away."""
        return self.delivered + self.soft + self.hard + self.complained


def told_of(session: Session, week: str, *, deferred: bool = True) -> Told:
    """Count an edition's letters by what events told of them; without `deferred` that is left at 0."""
    connection, mine = session.connection(), {"week": week}
    ended = [connection.execute(one, mine).one() for one in _ENDED]
    delivered = connection.execute(_DELIVERED, mine).scalar_one() - sum(also for _, also in ended)
    waiting = connection.execute(_DEFERRED, mine).scalar_one() if deferred else 0
    return Told(delivered, waiting, *(count for count, _ in ended))


_other = aliased(EventRow)


def _is(kind: str) -> ColumnElement[bool]:
    return and_(col(EventRow.week) == bindparam("week"), col(EventRow.kind) == kind)


def _with(*kinds: str) -> ColumnElement[bool]:
    """The same letter has another event of these kinds."""
    same = and_(col(_other.week) == bindparam("week"), col(_other.subscriber_id) == col(EventRow.subscriber_id))
    return exists().where(same, col(_other.kind).in_(kinds))


def _ended(rank: int) -> Select[tuple[int, int]]:
    """How many letters came to no worse end than this, and how many of those were delivered as well.

    One kind after the other: with several at once, SQLite would rather read all of an edition's events.
    """
    whose = col(EventRow.subscriber_id)
    also = case((_with("delivered"), whose))
    counts = select(func.count(whose.distinct()), func.count(also.distinct())).where(_is(_WORSE[rank]))
    return counts.where(~_with(*_WORSE[rank + 1 :])) if _WORSE[rank + 1 :] else counts


_ENDED = [_ended(rank) for rank in range(len(_WORSE))]

_DELIVERED = select(func.count()).select_from(EventRow).where(_is("delivered"))

_DEFERRED = select(func.count()).select_from(EventRow).where(_is("deferred"), ~_with("delivered", *_WORSE))

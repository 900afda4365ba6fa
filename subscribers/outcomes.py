"""What became of an edition's letters after they were accepted, each letter counted once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, and_, bindparam, case, exists, func, select
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


def told_of(session: Session, week: str) -> Told:
    """Count an edition's letters by what events told of them."""
    connection, mine = session.connection(), {"week": week}
    found = {worst: (count, also) for worst, count, also in connection.execute(_BAD, mine)}
    dropped, soft, hard, complained = (found.get(rank, (0, 0))[0] for rank in range(len(_WORSE)))
    delivered = connection.execute(_DELIVERED, mine).scalar_one() - sum(also for _, also in found.values())
    return Told(delivered, connection.execute(_DEFERRED, mine).scalar_one(), dropped, soft, hard, complained)


def _is(kind: str) -> Select[tuple[int]]:
    mine = and_(col(EventRow.week) == bindparam("week"), col(EventRow.kind) == kind)
    return select(func.count()).select_from(EventRow).where(mine)


_other = aliased(EventRow)

_ends = (
    select(
        col(EventRow.subscriber_id).label("whose"),
        func.max(case(*((col(EventRow.kind) == kind, rank) for rank, kind in enumerate(_WORSE)))).label("worst"),
    )
    .where(col(EventRow.week) == bindparam("week"), col(EventRow.kind).in_(_WORSE))
    .group_by(col(EventRow.subscriber_id))
    .subquery()
)

#: How many came to each bad end, and how many of those were delivered as well.
_BAD = (
    select(_ends.c.worst, func.count(), func.count(col(_other.week)))
    .select_from(_ends)
    .outerjoin(
        _other,
        and_(
            col(_other.week) == bindparam("week"), col(_other.subscriber_id) == _ends.c.whose,
            col(_other.kind) == "delivered", col(_other.about) == "",
        ),
    )
    .group_by(_ends.c.worst)
)  # fmt: skip

_DELIVERED = _is("delivered")

_DEFERRED = _is("deferred").where(
    ~exists().where(
        col(_other.week) == bindparam("week"), col(_other.subscriber_id) == col(EventRow.subscriber_id),
        col(_other.kind).in_((*_WORSE, "delivered")),
    )
)  # fmt: skip

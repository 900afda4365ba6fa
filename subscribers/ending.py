"""Whether an edition is over, whether it may still be taken back, and how a person ends one that cannot go on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, and_, delete, exists, func, or_, select, update
from sqlmodel import Session, col

from digest.database import in_chunks, reading, writing
from digest.tables import EditionRow
from subscribers.tables import BatchRow, DeliveryRow, EarlierCallRow

#: What no delivery is that nobody can have: it went out, or it may have.
_MAY_BE_THERE = ("accepted", "unknown", "given_up")


def over(session: Session, week: str) -> bool:
    """Tell whether every delivery of a week that was planned has its outcome; so it stays, once it is."""
    going = col(BatchRow.state).in_(("planned", "claimed", "unknown"))
    return not _any(session, week, going, ("unknown",))


def why_not_back(session: Session, week: str) -> str:
    """Say why an edition cannot be taken back, "" while nothing of it left, and nothing may have left.

    A call that was in doubt once may have left, also where it was planned again since.
    """
    claimed = exists().where(col(BatchRow.week) == week, col(BatchRow.state) == "claimed")
    if session.execute(select(claimed)).scalar_one():
        return f"a call of it is under way, or in doubt: see `verdicts reconcile {week}`"
    of_it = and_(col(EarlierCallRow.week) == week, col(EarlierCallRow.number) == col(BatchRow.number))
    left = or_(col(BatchRow.state).in_(_MAY_BE_THERE), exists().where(of_it))
    if not _any(session, week, left, _MAY_BE_THERE):
        return ""
    return f"some readers have it, or may have it; `verdicts reconcile {week} --give-up` ends it without the others"


def take_back(session: Session, week: str) -> str:
    """Forget whom an edition was planned for while nothing of it can have left; else change nothing and say why not."""
    mine = col(BatchRow.week) == week
    # Not waiting for who claims or records just now: they may wait for the edition, which the caller has locked.
    free = session.execute(select(col(BatchRow.number)).where(mine).with_for_update(skip_locked=True)).all()
    if len(free) < session.execute(select(func.count()).select_from(BatchRow).where(mine)).scalar_one():
        return "a call of it is under way"
    if why := why_not_back(session, week):
        return why
    session.execute(delete(DeliveryRow).where(col(DeliveryRow.week) == week))
    session.execute(delete(BatchRow).where(mine))
    return ""


def may_be_taken_back(engine: Engine, week: str) -> bool:
    """Tell whether `take_back` would do it now."""
    with reading(engine) as session:
        return not why_not_back(session, week)


def waiting(engine: Engine, week: str) -> int:
    """Count the deliveries of a week that no call was made for yet, or that wait for another."""
    planned = and_(col(BatchRow.week) == week, col(BatchRow.state) == "planned")
    theirs = and_(col(DeliveryRow.week) == col(BatchRow.week), col(DeliveryRow.batch) == col(BatchRow.number))
    counted = select(func.count()).select_from(DeliveryRow).join(BatchRow, theirs).where(planned, _follows())
    with reading(engine) as session:
        return int(session.execute(counted).scalar_one())


def give_up_waiting(engine: Engine, week: str, now: datetime, by: str) -> int:
    """End by a person's word what waits of an edition that is held while it is sent; returns how many deliveries."""
    with writing(engine) as session:
        held = and_(col(EditionRow.week) == week, col(EditionRow.state) == "sending", col(EditionRow.held).is_not(None))
        if session.execute(select(col(EditionRow.week)).where(held).with_for_update()).first() is None:
            return 0
        planned = select(col(BatchRow.number)).where(col(BatchRow.week) == week, col(BatchRow.state) == "planned")
        numbers = session.execute(planned.with_for_update(skip_locked=True)).scalars().all()
        values = {"state": "given_up", "reason": f"given up by {by}", "settled_at": now}
        count = 0
        for some in in_chunks(numbers):
            theirs = and_(col(DeliveryRow.week) == week, col(DeliveryRow.batch).in_(some), _follows())
            count += session.execute(select(func.count()).select_from(DeliveryRow).where(theirs)).scalar_one()
            which = and_(col(BatchRow.week) == week, col(BatchRow.number).in_(some))
            session.execute(update(BatchRow).where(which).values(**values))
        return count


def _any(session: Session, week: str, batch: ColumnElement[bool], alone: Collection[str]) -> bool:
    """Tell whether a delivery stands so: with its batch, or in one of these states on its own."""
    its = and_(col(DeliveryRow.week) == week, col(DeliveryRow.batch) == col(BatchRow.number), _follows())
    together = exists().where(col(BatchRow.week) == week, batch, exists().where(its))
    apart = exists().where(col(DeliveryRow.week) == week, col(DeliveryRow.state).in_(alone))
    return bool(session.execute(select(or_(together, apart))).scalar_one())


def _follows() -> ColumnElement[bool]:
    """A delivery stands as its batch does."""
    return col(DeliveryRow.state).is_(None)

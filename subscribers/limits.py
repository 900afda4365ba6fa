"""Count what strangers may do only so often, in the database: a restart or a second process does not forget it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, delete
from sqlmodel import Session, col

from digest.database import inserting
from subscribers.tables import LimitRow

#: Limits count for at most this long; after it their rows say nothing.
LONGEST = timedelta(days=1)


def allowed(session: Session, what: str, most: int, per: timedelta, now: datetime) -> bool:
    """Count one more of `what` and tell whether it is within `most` in the time `per`, which begins with the first.

    One statement, part of the caller's transaction: of many at once exactly `most` are allowed.
    """
    table = LimitRow.__table__.c  # type: ignore[attr-defined]
    over = table.since <= now - per
    counting = (
        inserting(session, LimitRow)
        .values(what=what, since=now, count=1)
        .on_conflict_do_update(
            index_elements=["what"],
            set_={"since": case((over, now), else_=table.since), "count": case((over, 1), else_=table.count + 1)},
        )
        .returning(table.count)
    )
    return int(session.connection().execute(counting).scalar_one()) <= most


def forget_limits(session: Session, now: datetime) -> None:
    """Drop the counts that no limit looks at any more."""
    session.exec(delete(LimitRow).where(col(LimitRow.since) < now - LONGEST))

"""Count what strangers may do only so often, in the database: a restart or a second process does not forget it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case
from sqlmodel import Session

from digest.database import inserting
from subscribers.tables import LimitRow


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

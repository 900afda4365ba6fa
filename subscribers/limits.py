"""Count what strangers may do only so often, in the database: a restart or a second process does not forget it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, text
from sqlmodel import Session, col

from digest.database import UtcDateTime
from subscribers.tables import LimitRow

#: Limits count for at most this long; after it their rows say nothing.
LONGEST = timedelta(days=1)


def allowed(session: Session, what: str, most: int, per: timedelta, now: datetime) -> bool:
    """Count one more of `what` and tell whether it is within `most` in the time `per`, which begins with the first.

    One statement, part of the caller's transaction: of many at once exactly `most` are allowed.
    """
    moment = timedelta(microseconds=1)
    # A clock that was ahead for a while must not close a door for as long.
    values = {"what": what, "now": now, "edge": now - per + moment, "ahead": now + per}
    return int(session.connection().execute(_COUNTING, values).scalar_one()) <= most


def forget_limits(session: Session, now: datetime) -> None:
    """Drop the counts that no limit looks at any more."""
    over = (col(LimitRow.since) < now - LONGEST) | (col(LimitRow.since) > now + LONGEST)
    session.exec(delete(LimitRow).where(over))


# As text, because SQLAlchemy builds its own ON CONFLICT anew each time, which takes longer than all the rest.
_COUNTING = text(
    "INSERT INTO limits (what, since, count) VALUES (:what, :now, 1) ON CONFLICT (what) DO UPDATE SET"
    " since = CASE WHEN limits.since BETWEEN :edge AND :ahead THEN limits.since ELSE :now END,"
    " count = CASE WHEN limits.since BETWEEN :edge AND :ahead THEN limits.count + 1 ELSE 1 END RETURNING count"
).bindparams(*(bindparam(name, type_=UtcDateTime()) for name in ("now", "edge", "ahead")))

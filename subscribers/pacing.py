"""How many letters may leave when: an hour's and a day's share, and the rest a sender asks for, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from sqlalchemy import and_, bindparam, select, text, update
from sqlmodel import Session, col

from digest.database import UtcDateTime
from subscribers.tables import PaceRow


@dataclass(frozen=True, slots=True)
class Pace:
    """Letters of editions that may leave in an hour and in a day, each counted from its first; None: any number."""

    hour: int | None = None
    day: int | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """Why no letter may leave now, and until when; None: until a person acts."""

    why: str
    until: datetime | None


_LASTING = {"hour": timedelta(hours=1), "day": timedelta(days=1)}

#: A sender that asks for a longer rest than this is not believed: its clock or ours is wrong.
LONGEST_REST = timedelta(hours=24)


def resting(session: Session, now: datetime, account: str) -> Rest | None:
    """Give the rest that a sender asked for, while it lasts; it binds calls of the same account."""
    row = session.connection().execute(_PAUSE, {"account": account}).first()
    return Rest(row.reason, row.at) if row is not None and now < row.at <= now + LONGEST_REST else None


def rest(session: Session, until: datetime, why: str, now: datetime, account: str) -> None:
    """Let nothing leave through an account before a moment; a longer rest that it asked for stays."""
    ahead = now + LONGEST_REST
    said = {"until": min(until, ahead), "why": why, "ahead": ahead, "account": account}
    session.connection().execute(_RESTING, said)


def share(session: Session, pace: Pace, now: datetime) -> float | Rest:
    """Say how many letters may leave now, and lock that until the transaction ends."""
    limits = {name: most for name in _LASTING if (most := getattr(pace, name)) is not None}
    if not limits:
        return inf
    for name in sorted(limits):
        session.connection().execute(_BEGUN, {"name": name, "now": now})
    free: list[float] = []
    for row in session.execute(_ROWS.with_for_update(), {"names": sorted(limits)}):
        over = row.at + _LASTING[row.name]
        # One that begins later than now was begun by another hand a moment ago, unless a clock was far ahead.
        if now >= over or row.at > now + _LASTING[row.name]:
            session.execute(update(PaceRow).where(col(PaceRow.name) == row.name).values(at=now, count=0))
            free.append(limits[row.name])
        elif row.count >= limits[row.name]:
            return _used_up(row.name, limits[row.name], row.at)
        else:
            free.append(limits[row.name] - row.count)
    return min(free)


def kept_back(session: Session, pace: Pace, now: datetime) -> Rest | None:
    """Say, for who only watches, why no letter may leave just now: a sender asked for it, or the pace is used up."""
    for row in session.execute(_ALL):
        most = getattr(pace, row.name, None)
        if row.name == "pause" and now < row.at <= now + LONGEST_REST:
            return Rest(row.reason, row.at)
        if most is not None and row.count >= most and now < row.at + _LASTING[row.name]:
            return _used_up(row.name, most, row.at)
    return None


def _used_up(name: str, most: int, since: datetime) -> Rest:
    return Rest(f"{most} letters in {_article(name)} is the pace settings allow", since + _LASTING[name])


def take(session: Session, letters: int) -> None:
    """Count letters that leave now; the caller holds their share."""
    session.execute(update(PaceRow).where(_COUNTED).values(count=col(PaceRow.count) + letters))


def give_back(session: Session, letters: int, claimed_at: datetime) -> None:
    """Count no more what did not leave after all, where the hour and the day it was taken from still run."""
    session.execute(_ROWS.with_for_update(), {"names": sorted(_LASTING)})  # in the one order in which all lock them
    fewer = col(PaceRow.count) - letters
    theirs = and_(_COUNTED, col(PaceRow.at) <= claimed_at, fewer >= 0)
    session.execute(update(PaceRow).where(theirs).values(count=fewer))


def _article(name: str) -> str:
    return {"hour": "an hour", "day": "a day"}[name]


_COUNTED = col(PaceRow.name).in_(tuple(_LASTING))
_PAUSE = select(col(PaceRow.at), col(PaceRow.reason)).where(
    col(PaceRow.name) == "pause", col(PaceRow.account) == bindparam("account")
)
_ROWS = (
    select(col(PaceRow.name), col(PaceRow.at), col(PaceRow.count), col(PaceRow.reason))
    .where(col(PaceRow.name).in_(bindparam("names", expanding=True)))
    .order_by(col(PaceRow.name))
)
_ALL = select(col(PaceRow.name), col(PaceRow.at), col(PaceRow.count), col(PaceRow.reason)).order_by(col(PaceRow.name))
_BEGUN = text(
    "INSERT INTO pace (name, at, count, account, reason) VALUES (:name, :now, 0, '', '') ON CONFLICT (name) DO NOTHING"
).bindparams(bindparam("now", type_=UtcDateTime()))
_RESTING = text(
    "INSERT INTO pace (name, at, count, account, reason) VALUES ('pause', :until, 0, :account, :why)"
    " ON CONFLICT (name) DO UPDATE SET at = :until, account = :account, reason = :why"
    " WHERE NOT (pace.account = :account AND pace.at BETWEEN :until AND :ahead)"
).bindparams(bindparam("until", type_=UtcDateTime()), bindparam("ahead", type_=UtcDateTime()))

"""How many letters may leave when: an hour's and a day's share, and the rest a sender asks for, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from sqlalchemy import bindparam, select, text, update
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


def resting(session: Session, now: datetime) -> Rest | None:
    """Give the rest that the sender asked for, while it lasts."""
    row = session.execute(_ROWS, {"names": ["pause"]}).first()
    return Rest(row.reason, row.at) if row is not None and now < row.at <= now + LONGEST_REST else None


def rest(session: Session, until: datetime, why: str, now: datetime) -> None:
    """Let nothing leave before a moment; a longer rest that was asked for stays."""
    ahead = now + LONGEST_REST
    session.connection().execute(_RESTING, {"until": min(until, ahead), "why": why, "ahead": ahead})


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
        if not row.at <= now < over:
            session.execute(update(PaceRow).where(col(PaceRow.name) == row.name).values(at=now, count=0))
            free.append(limits[row.name])
        elif row.count >= limits[row.name]:
            return Rest(f"{limits[row.name]} letters in {_article(row.name)} is the pace settings allow", over)
        else:
            free.append(limits[row.name] - row.count)
    return min(free)


def take(session: Session, letters: int) -> None:
    """Count letters that leave now; with a number below 0, those that did not leave after all."""
    counted = col(PaceRow.name).in_(tuple(_LASTING))
    more = col(PaceRow.count) + letters
    session.execute(update(PaceRow).where(counted, more >= 0).values(count=more))


def _article(name: str) -> str:
    return {"hour": "an hour", "day": "a day"}[name]


_ROWS = (
    select(col(PaceRow.name), col(PaceRow.at), col(PaceRow.count), col(PaceRow.reason))
    .where(col(PaceRow.name).in_(bindparam("names", expanding=True)))
    .order_by(col(PaceRow.name))
)
_BEGUN = text(
    "INSERT INTO pace (name, at, count, reason) VALUES (:name, :now, 0, '') ON CONFLICT (name) DO NOTHING"
).bindparams(bindparam("now", type_=UtcDateTime()))
_RESTING = text(
    "INSERT INTO pace (name, at, count, reason) VALUES ('pause', :until, 0, :why) ON CONFLICT (name) DO UPDATE SET"
    " reason = CASE WHEN pace.at BETWEEN :until AND :ahead THEN pace.reason ELSE :why END,"
    " at = CASE WHEN pace.at BETWEEN :until AND :ahead THEN pace.at ELSE :until END"
).bindparams(bindparam("until", type_=UtcDateTime()), bindparam("ahead", type_=UtcDateTime()))

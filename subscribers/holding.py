"""Stop an edition by itself while it is sent, when too many of its letters bounce or are complained about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import log2

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from digest.database import insert_ignore
from digest.tables import EditionRow
from subscribers.ledger import Halted
from subscribers.outcomes import Outcomes, told_of
from subscribers.tables import BatchRow, EventRow

#: Outcomes, and bounces or complaints, below which a share says nothing. With these, one edition in thirty holds itself
#: by chance that really comes to half a limit of bounces, or to a third of one of complaints; with half as many one in
#: six.
_FEWEST, _FEWEST_BAD = 100, 5


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares of an edition's outcomes from which on it holds itself."""

    bounces_percent: int = 10
    complaints_per_mille: int = 3


def hold(session: Session, week: str, limits: Limits, now: datetime, tell: Halted) -> None:
    """Hold an edition that is being sent if its outcomes pass a limit, and tell so.

    Once a person has released it, it holds itself again when the share has doubled.
    """
    sending = (col(EditionRow.week) == week, col(EditionRow.state) == "sending", col(EditionRow.held).is_(None))
    if session.execute(select(col(EditionRow.week)).where(*sending).with_for_update()).first() is None:
        return
    told = told_of(session, week)
    for name, level, reason in too_many(told, limits, _of(session, week, told)):
        mark = {"week": week, "subscriber_id": "", "kind": "held", "at": now, "reason": reason}
        upto = [mark | {"about": f"{name} {one}"} for one in range(level + 1)]  # it was as bad as any of these before
        if insert_ignore(session, EventRow, upto):
            session.execute(update(EditionRow).where(*sending).values(held=reason))
            tell(session, week, reason, now)
            return


def too_many(told: Outcomes, limits: Limits, total: int) -> list[tuple[str, int, str]]:
    """Say which limits are passed of so many letters, complaints first: of what, how often doubled, and in words."""
    if total < _FEWEST:
        return []
    counted = (
        ("complaints", told.complained, limits.complaints_per_mille / 1000, "complained about"),
        ("bounces", told.turned_away, limits.bounces_percent / 100, "turned away"),
    )
    return [
        (name, int(log2(bad / total / most)), f"{bad} of {total} letters were {said}; the limit is {_share(most)}")
        for name, bad, most, said in counted
        if bad >= _FEWEST_BAD and bad / total >= most
    ]


def _of(session: Session, week: str, told: Outcomes) -> int:
    """Of how many letters bounces and complaints are a share; where nobody tells of the others, of all that went."""
    if told.delivered:
        return told.ended
    went = select(func.sum(col(BatchRow.size))).where(col(BatchRow.week) == week, col(BatchRow.state) == "accepted")
    return max(told.ended, int(session.execute(went).scalar() or 0))


def _share(most: float) -> str:
    return f"{most:.0%}" if most >= 0.01 else f"{most * 1000:g} in a thousand"

"""Stop an edition by itself while it is sent, when too many of its letters bounce or are complained about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import log2

from sqlalchemy import select, update
from sqlmodel import Session, col

from digest.database import insert_ignore
from digest.tables import EditionRow
from subscribers.ledger import Halted
from subscribers.outcomes import Told, told_of
from subscribers.tables import EventRow

#: Outcomes, bounces and complaints below which a share says nothing.
_FEWEST, _FEWEST_BOUNCES, _FEWEST_COMPLAINTS = 50, 3, 2


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
    for name, level, reason in too_many(told_of(session, week, deferred=False), limits):
        mark = {"week": week, "subscriber_id": "", "kind": "held", "about": f"{name} {level}", "at": now}
        if insert_ignore(session, EventRow, [{**mark, "reason": reason}]):
            session.execute(update(EditionRow).where(*sending).values(held=reason))
            tell(session, week, reason, now)
            return


def too_many(told: Told, limits: Limits) -> list[tuple[str, int, str]]:
    """Say which limits are passed, complaints first: of what, how often doubled, and in words."""
    if (total := told.outcomes) < _FEWEST:
        return []
    bounced = told.hard + told.soft
    counted = (
        ("complaints", told.complained, _FEWEST_COMPLAINTS, limits.complaints_per_mille / 1000, "complained about"),
        ("bounces", bounced, _FEWEST_BOUNCES, limits.bounces_percent / 100, "turned away"),
    )
    return [
        (name, int(log2(count / total / most)), f"{count} of {total} letters were {said}; the limit is {_share(most)}")
        for name, count, fewest, most, said in counted
        if count >= fewest and count / total >= most
    ]


def _share(most: float) -> str:
    return f"{most:.0%}" if most >= 0.01 else f"{most * 1000:g} in a thousand"

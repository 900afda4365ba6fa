"""How the deliveries of editions stand, of many at once: quick also where each went to a million readers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Date, Engine, and_, func, select, type_coerce
from sqlmodel import Session, col

from digest.database import in_chunks, reading
from digest.model import Counts
from subscribers.erasing import ERASED, LEFT
from subscribers.outcomes import Outcomes, told_of, told_of_each
from subscribers.tables import BatchRow, ConsentRow, DeliveryRow, EventRow

#: How a consent is called that brought somebody onto the list.
_JOINED = ("confirmed", "imported as confirmed", "came back")

_SETTLED = ("accepted", "refused", "dropped", "unknown", "given_up")


@dataclass(frozen=True, slots=True)
class Came:
    """What an edition came to: its deliveries by outcome, what was told of its letters, and when it was begun."""

    week: str
    counts: Counts
    told: Outcomes
    begun: datetime


def came_to(engine: Engine, weeks: Collection[str]) -> list[Came]:
    """Say what those of some editions came to that were begun, oldest first."""
    with reading(engine) as session:
        states, begun = _states(session, weeks)
        told = told_of_each(session, begun)
    return [Came(week, _counts(states[week], told[week]), told[week], at) for week, at in sorted(begun.items())]


def counts_of(session: Session, week: str) -> Counts:
    """Count an edition's deliveries by outcome, from the batches and from the few rows that differ from theirs."""
    states, _ = _states(session, [week])
    return _counts(states[week], told_of(session, week))


def in_doubt(engine: Engine) -> int:
    """Count the letters of all editions of which nobody knows whether they went out, without looking at each letter."""
    batches = select(col(BatchRow.week)).where(col(BatchRow.state) == "unknown")
    alone = select(col(DeliveryRow.week)).where(col(DeliveryRow.state) == "unknown")
    with reading(engine) as session:
        weeks = set(session.execute(batches.union(alone)).scalars())
        return sum(states["unknown"] for states in _states(session, weeks)[0].values())


def _states(session: Session, weeks: Collection[str]) -> tuple[dict[str, Counter[str]], dict[str, datetime]]:
    """Count deliveries by state, and say when each edition was begun that was."""
    found, begun = {week: Counter[str]() for week in weeks}, dict[str, datetime]()
    for some in in_chunks(sorted(weeks)):
        sizes = (
            select(col(BatchRow.week), col(BatchRow.state), func.sum(col(BatchRow.size)), func.min(BatchRow.planned_at))
            .where(col(BatchRow.week).in_(some))
            .group_by(col(BatchRow.week), col(BatchRow.state))
        )
        for week, state, size, at in session.execute(sizes):
            found[week][state] += int(size)
            begun[week] = min(at, begun.get(week, at))
        theirs = and_(col(DeliveryRow.week) == col(BatchRow.week), col(DeliveryRow.batch) == col(BatchRow.number))
        apart = (
            select(col(DeliveryRow.week), col(BatchRow.state), col(DeliveryRow.state), func.count())
            .join(BatchRow, theirs)
            .where(col(DeliveryRow.week).in_(some), col(DeliveryRow.state).is_not(None))
            .group_by(col(DeliveryRow.week), col(BatchRow.state), col(DeliveryRow.state))
        )
        for week, batch_state, state, count in session.execute(apart):
            found[week][batch_state] -= count
            found[week][state] += count
    return found, begun


def _counts(states: Counter[str], told: Outcomes) -> Counts:
    return Counts(
        planned=sum(states.values()), **{name: states[name] for name in _SETTLED},
        delivered=told.delivered, bounced=told.bounced, complained=told.complained,
    )  # fmt: skip


def moved_by_day(engine: Engine) -> dict[date, tuple[int, int]]:
    """Count by day, UTC, who joined the list and who left it, also those who were erased since.

    It looks through every consent: with a million readers that takes seconds.
    """
    day = type_coerce(func.date(col(ConsentRow.at)), Date)
    left = col(ConsentRow.what).in_(LEFT)
    many = func.count(col(ConsentRow.subscriber_id).distinct())
    consents = select(day, left, many).where(col(ConsentRow.what).in_((*_JOINED, *LEFT))).group_by(day, left)
    gone_on = type_coerce(func.date(col(EventRow.at)), Date)
    erased = (
        select(gone_on, func.count(col(EventRow.subscriber_id).distinct()))
        .where(col(EventRow.week) == ERASED, col(EventRow.kind).in_(LEFT))
        .group_by(gone_on)
    )
    joined, gone = Counter[date](), Counter[date]()
    with reading(engine) as session:
        for at, is_left, count in session.execute(consents):
            (gone if is_left else joined)[at] += count
        for at, count in session.execute(erased):
            gone[at] += count
    return {at: (joined[at], gone[at]) for at in sorted(joined.keys() | gone.keys())}

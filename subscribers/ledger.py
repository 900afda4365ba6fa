"""What was sent to whom: deliveries planned in one statement, batches claimed before the first byte leaves."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, Select, and_, case, func, insert, literal, or_, select, update
from sqlmodel import Session, col

from digest.database import UtcDateTime, reading, writing
from digest.model import Counts
from digest.tables import EditionRow
from subscribers.addressing import MAX_BATCH, Recipient
from subscribers.audience import why_not
from subscribers.tables import BatchRow, DeliveryRow, SubscriberRow


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch that is ours to send, committed under a fresh key; `recipients` are those who may still receive it."""

    week: str
    number: int
    key: str
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a sender that has no outcome yet: claimed by `claimed_by`, or unknown."""

    number: int
    key: str
    state: str
    claimed_by: str
    claimed_at: datetime | None


#: Told in its transaction that a sender halted an edition: of which week, why, and when.
Halted = Callable[[Session, str, str, datetime], None]


class Ledger:
    """The deliveries of all editions."""

    def __init__(self, engine: Engine, halted: Halted = lambda *_: None) -> None:
        self.engine, self._halted = engine, halted

    def plan(self, week: str, now: datetime, size: int = MAX_BATCH) -> int:
        """Freeze the audience into deliveries and batches, once; returns how many are planned in all.

        One statement takes everyone who may receive the edition now; whoever joins later waits for the next one.
        """
        with writing(self.engine) as session:
            # Two processes may plan at once: on PostgreSQL the second waits here, and then finds all of it planned.
            session.execute(select(col(EditionRow.week)).where(col(EditionRow.week) == week).with_for_update())
            if planned := session.execute(_count(week)).scalar_one():
                return int(planned)
            place = func.row_number().over(order_by=col(SubscriberRow.id)) - 1
            chosen = select(literal(week), col(SubscriberRow.id), place // size + 1, literal("")).where(
                why_not(now).is_(None)
            )
            session.execute(insert(DeliveryRow).from_select(["week", "subscriber_id", "batch", "reason"], chosen))
            one = (literal(week), col(DeliveryRow.batch), literal("planned"), func.count())
            batches = (
                select(*one, literal(now, UtcDateTime()), literal(""), literal(""))
                .where(col(DeliveryRow.week) == week)
                .group_by(col(DeliveryRow.batch))
            )
            columns = ["week", "number", "state", "size", "planned_at", "reason", "claimed_by"]
            session.execute(insert(BatchRow).from_select(columns, batches))
            return int(session.execute(_count(week)).scalar_one())

    def claim(self, week: str, claimed_by: str, now: datetime, token: Callable[[str], str]) -> Claim | None:
        """Take the next planned batch, committed under a fresh key; None when none is planned.

        Whoever left or was suppressed since planning is dropped here, inside the claim.
        """
        with writing(self.engine) as session:
            waiting = select(col(BatchRow.number)).where(_is(week, "planned")).order_by(col(BatchRow.number)).limit(1)
            number = session.execute(waiting.with_for_update(skip_locked=True)).scalar()
            if number is None:
                return None
            key = secrets.token_hex(12)
            values = {"state": "claimed", "key": key, "claimed_at": now, "claimed_by": claimed_by}
            session.execute(update(BatchRow).where(_one(week, number)).values(**values))
            self._drop(session, week, number, now)
            rows = session.execute(_recipients(week, number)).all()
        recipients = tuple(Recipient(row.id, row.email, row.name, token(row.id)) for row in rows)
        return Claim(week, number, key, recipients)

    @staticmethod
    def _drop(session: Session, week: str, number: int, now: datetime) -> None:
        erased = col(SubscriberRow.id).is_(None)
        barred = (
            select(col(DeliveryRow.subscriber_id), case((erased, "erased"), else_=why_not(now)).label("reason"))
            .outerjoin(SubscriberRow, col(SubscriberRow.id) == col(DeliveryRow.subscriber_id))
            .where(_open(week, number), or_(erased, why_not(now).is_not(None)))
        )
        for subscriber_id, reason in session.execute(barred).all():
            mine = and_(col(DeliveryRow.week) == week, col(DeliveryRow.subscriber_id) == subscriber_id)
            session.execute(update(DeliveryRow).where(mine).values(state="dropped", reason=reason))

    def record(self, claim: Claim | Call, week: str, outcome: str, now: datetime, reason: str = "") -> None:
        """Write down what became of a call: accepted, refused, unknown, or planned again (then its key is gone)."""
        with writing(self.engine) as session:
            _record(session, claim, week, outcome, now, reason)

    def halt(self, claim: Claim, week: str, now: datetime, reason: str) -> None:
        """Plan a call again that found no sender to take it, and tell so: nothing goes out until a person acts."""
        with writing(self.engine) as session:
            _record(session, claim, week, "planned", now, reason)
            self._halted(session, week, reason, now)

    def unsettled(self, week: str) -> list[Call]:
        """Give the calls without an outcome, by number: claimed and unknown ones."""
        statement = (
            select(
                col(BatchRow.number),
                col(BatchRow.key),
                col(BatchRow.state),
                col(BatchRow.claimed_by),
                col(BatchRow.claimed_at),
            )
            .where(col(BatchRow.week) == week, col(BatchRow.state).in_(("claimed", "unknown")))
            .order_by(col(BatchRow.number))
        )
        with reading(self.engine) as session:
            return [Call(*row) for row in session.execute(statement).all()]

    def counts(self, week: str) -> Counts:
        """Count an edition's deliveries by outcome, from the batches and from the few rows that differ from theirs."""
        with reading(self.engine) as session:
            sizes = session.execute(
                select(col(BatchRow.state), func.sum(col(BatchRow.size)))
                .where(col(BatchRow.week) == week)
                .group_by(col(BatchRow.state))
            ).all()
            exceptions = session.execute(
                select(col(BatchRow.state), col(DeliveryRow.state), func.count())
                .join(
                    DeliveryRow,
                    and_(col(DeliveryRow.week) == col(BatchRow.week), col(DeliveryRow.batch) == col(BatchRow.number)),
                )
                .where(col(BatchRow.week) == week, col(DeliveryRow.state).is_not(None))
                .group_by(col(BatchRow.state), col(DeliveryRow.state))
            ).all()
        found: dict[str, int] = {}
        for state, size in sizes:
            found[state] = found.get(state, 0) + int(size)
        for batch_state, state, count in exceptions:
            found[batch_state] -= count
            found[state] = found.get(state, 0) + count
        kept = {name: found.get(name, 0) for name in ("accepted", "refused", "dropped", "unknown", "given_up")}
        return Counts(planned=sum(found.values()), **kept)

    def unknown_total(self) -> int:
        """Count the deliveries of all editions that nobody knows the outcome of."""
        theirs = and_(col(DeliveryRow.week) == col(BatchRow.week), col(DeliveryRow.batch) == col(BatchRow.number))
        statement = (
            select(func.count())
            .select_from(BatchRow)
            .join(DeliveryRow, theirs)
            .where(col(BatchRow.state) == "unknown", col(DeliveryRow.state).is_(None))
        )
        with reading(self.engine) as session:
            return int(session.execute(statement).scalar_one())


def _record(session: Session, claim: Claim | Call, week: str, outcome: str, now: datetime, reason: str) -> None:
    values: dict[str, object] = {"state": outcome, "reason": reason, "settled_at": now}
    if outcome == "planned":
        values |= {"key": None, "claimed_at": None, "settled_at": None}
    mine = and_(_one(week, claim.number), col(BatchRow.key) == claim.key)
    session.execute(update(BatchRow).where(mine).values(**values))


def _count(week: str) -> Select[tuple[int]]:
    return select(func.count()).select_from(DeliveryRow).where(col(DeliveryRow.week) == week)


def _is(week: str, state: str) -> ColumnElement[bool]:
    return and_(col(BatchRow.week) == week, col(BatchRow.state) == state)


def _one(week: str, number: int) -> ColumnElement[bool]:
    return and_(col(BatchRow.week) == week, col(BatchRow.number) == number)


def _open(week: str, number: int) -> ColumnElement[bool]:
    mine = and_(col(DeliveryRow.week) == week, col(DeliveryRow.batch) == number)
    return and_(mine, col(DeliveryRow.state).is_(None))


def _recipients(week: str, number: int) -> Select[tuple[str, str, str]]:
    return (
        select(col(SubscriberRow.id), col(SubscriberRow.email), col(SubscriberRow.name))
        .join(DeliveryRow, col(DeliveryRow.subscriber_id) == col(SubscriberRow.id))
        .where(_open(week, number))
        .order_by(col(SubscriberRow.id))
    )

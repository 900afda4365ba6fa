"""Who receives an edition and, for everyone else, why not: as counts and by name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Engine, Select, and_, case, exists, func, literal, null, or_
from sqlmodel import Session, col, select

from digest.database import reading
from subscribers.tables import BatchRow, DeliveryRow, SubscriberRow, SuppressionRow

#: What stands where there is no reason against.
RECEIVES = "receives"

#: An edition that is planned goes to nobody new.
JOINED_LATER = "joined after planning"

#: Every reason there is; a dropped delivery also says why, as in "dropped: left".
REASONS = (
    RECEIVES, "unconfirmed", "paused", "suppressed", "left", JOINED_LATER, "dropped", "refused", "unknown", "given up",
)  # fmt: skip

#: What became of deliveries whose reader is gone for good; they are counted, but have no name any more.
ERASED = "erased"

#: Rows fetched at a time while a list is read out.
_AT_ONCE = 1000


class Standing(NamedTuple):
    """One subscriber, and whether they receive an edition ("receives") or why not."""

    email: str
    state: str
    why: str
    paused_until: datetime | None


def why_not(now: datetime | BindParameter[datetime]) -> ColumnElement[str]:
    """Say, as a column, why a subscriber may not receive an edition at a moment; NULL for who may.

    Planning, the check inside a claim and the counts for people all ask this one expression.
    """
    suppressed = exists().where(SuppressionRow.address_hash == SubscriberRow.address_hash)  # type: ignore[arg-type]
    return case(
        (suppressed, "suppressed"),
        (col(SubscriberRow.state) == "unsubscribed", "left"),
        (col(SubscriberRow.state) == "unconfirmed", "unconfirmed"),
        (and_(col(SubscriberRow.paused_until).is_not(None), col(SubscriberRow.paused_until) > now), "paused"),
        else_=null(),
    )


def counts(engine: Engine, now: datetime, week: str | None = None) -> dict[str, int]:
    """Count who receives an edition and, for everyone else, why not.

    With a week that is planned already: what became of its deliveries, and why everyone else has none. Else: an edition
    that would be planned now.
    """
    with reading(engine) as session:
        why = _why(session, now, week)
        if week is None:
            rows = select(why, func.count()).select_from(SubscriberRow).group_by(why)
            return {row[0]: row[1] for row in session.execute(rows)}
        found = session.execute(
            _beside(select(why, func.count(), func.count(col(DeliveryRow.week))), week).group_by(why)
        ).all()
        planned = select(func.count()).select_from(DeliveryRow).where(col(DeliveryRow.week) == week)
        erased = session.execute(planned).scalar_one() - sum(row[2] for row in found)
    return {row[0]: row[1] for row in found} | ({ERASED: erased} if erased else {})


def listed(
    engine: Engine, now: datetime, *, week: str | None = None, why: str | None = None, state: str | None = None
) -> Iterator[Standing]:
    """Give every subscriber by name, ordered by address, a few at a time.

    Args:
        engine: The database.
        now: When an edition is or would be sent.
        week: As in `counts`.
        why: Only those with this one of REASONS; "dropped" stands for all that begin with it.
        state: Only those in this state.
    """
    with reading(engine) as session:
        reason = _why(session, now, week)
        columns = (col(SubscriberRow.email), col(SubscriberRow.state), reason, col(SubscriberRow.paused_until))
        statement = select(*columns).select_from(SubscriberRow) if week is None else _beside(select(*columns), week)
        statement = statement.order_by(by_address(engine))
        if why is not None:
            statement = statement.where(or_(reason == why, reason.like(f"{why}: %")))
        if state is not None:
            statement = statement.where(col(SubscriberRow.state) == state)
        for row in session.execute(statement.execution_options(yield_per=_AT_ONCE)):
            yield Standing(*row)


def reason_against(engine: Engine, subscriber_id: str, now: datetime) -> str:
    """Say why a subscriber would get no edition at a moment; "" for who would, or who is not there."""
    asked = select(why_not(now)).where(SubscriberRow.id == subscriber_id)
    with reading(engine) as session:
        return session.exec(asked).first() or ""


def paused(engine: Engine, now: datetime) -> int:
    """Count the confirmed readers who rest at a moment."""
    resting = and_(col(SubscriberRow.state) == "confirmed", col(SubscriberRow.paused_until) > now)
    with reading(engine) as session:
        return session.exec(select(func.count()).select_from(SubscriberRow).where(resting)).one()


def by_address(engine: Engine) -> ColumnElement[str]:
    """Order subscribers by address, alike on every database and in every language."""
    return col(SubscriberRow.folded).collate("C" if engine.dialect.name == "postgresql" else "BINARY")


def _why(session: Session, now: datetime, week: str | None) -> ColumnElement[str]:
    planned_at = session.exec(select(func.min(BatchRow.planned_at)).where(BatchRow.week == week)).one()
    if planned_at is None:
        return func.coalesce(why_not(now), RECEIVES)
    rested = case((col(SubscriberRow.paused_until) > planned_at, "paused"), else_=JOINED_LATER)
    state = func.coalesce(col(DeliveryRow.state), col(BatchRow.state))
    return case(
        (col(DeliveryRow.week).is_(None), func.coalesce(why_not(now), rested)),
        (state == "planned", func.coalesce(why_not(now), RECEIVES)),  # who left meanwhile is dropped inside the claim
        (state.in_(("claimed", "accepted")), RECEIVES),
        (state == "dropped", literal("dropped: ").concat(col(DeliveryRow.reason))),
        else_=func.replace(state, "_", " "),
    )


def _beside(statement: Select[Any], week: str) -> Select[Any]:
    """Put each subscriber's delivery of a week and its batch, if any, beside them."""
    mine = and_(col(DeliveryRow.week) == week, col(DeliveryRow.subscriber_id) == col(SubscriberRow.id))
    its = and_(col(BatchRow.week) == col(DeliveryRow.week), col(BatchRow.number) == col(DeliveryRow.batch))
    return statement.select_from(SubscriberRow).outerjoin(DeliveryRow, mine).outerjoin(BatchRow, its)

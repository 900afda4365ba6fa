"""Who receives an edition and, for everyone else, why not."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Engine, and_, case, exists, func, null
from sqlmodel import col, select

from digest.database import reading
from subscribers.tables import SubscriberRow, SuppressionRow


def counts(engine: Engine, now: datetime) -> dict[str, int]:
    """Count who would get an edition planned now ("receives") and, for everyone else, why not."""
    reason = func.coalesce(why_not(now), "receives")
    with reading(engine) as session:
        return dict(session.exec(select(reason, func.count()).select_from(SubscriberRow).group_by(reason)).all())


def why_not(now: datetime) -> ColumnElement[str]:
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

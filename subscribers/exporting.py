"""Readers out: everyone with the state they are in and where they came from."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine, func
from sqlmodel import col, select

from digest.database import reading
from subscribers.audience import by_address
from subscribers.importing import plain
from subscribers.tables import ConsentRow, SubscriberRow

#: Rows fetched at a time.
_AT_ONCE = 1000

#: Where readers came from of whom nothing says it.
_UNKNOWN = "unknown"


def rows_of(engine: Engine, state: str | None = None) -> Iterator[tuple[str, str, str, str, str]]:
    """Give email, name, state, confirmed_at (ISO 8601, UTC) and source, ordered by address, a few at a time.

    The source is that of the first consent. An import takes all of it in again, but for who is suppressed there.

    Args:
        engine: The database.
        state: Only those in this state.
    """
    first = select(ConsentRow.source).where(col(ConsentRow.subscriber_id) == col(SubscriberRow.id))
    # By `id` alone PostgreSQL would walk through all consents in that order, for each reader anew.
    source = func.coalesce(first.order_by(col(ConsentRow.at), col(ConsentRow.id)).limit(1).scalar_subquery(), "")
    columns = (SubscriberRow.email, SubscriberRow.name, SubscriberRow.state, SubscriberRow.confirmed_at, source)
    statement = select(*columns).order_by(by_address(engine))  # type: ignore[call-overload]
    if state is not None:
        statement = statement.where(col(SubscriberRow.state) == state)
    with reading(engine) as session:
        for email, name, its_state, at, origin in session.execute(statement.execution_options(yield_per=_AT_ONCE)):
            yield email, plain(name), its_state, at.isoformat() if at else "", plain(origin) or _UNKNOWN

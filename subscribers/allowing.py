"""Lift the suppression of an address, where an operator may."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import col, select

from digest.database import writing
from digest.errors import SettingsError
from subscribers.addressing import address_hash, fold
from subscribers.tables import HARMFUL, ConsentRow, SubscriberRow, SuppressionRow


def allow(engine: Engine, key: bytes, email: str, *, why: str, who: str, now: datetime) -> str:
    """Lift a hard bounce or a complaint, and write down who did so and why; returns which it was.

    The proof stands with the subscriber, or under the address's hash where nobody subscribes with it.

    Raises:
        SettingsError: It is no address, is not suppressed, or asked itself not to be mailed.
    """
    try:
        folded = fold(email)
    except ValueError as error:
        raise SettingsError(f"EMAIL: {error}") from error
    hashed = address_hash(folded, key)
    with writing(engine) as session:
        found = session.get(SuppressionRow, hashed, with_for_update=True)
        if found is None:
            raise SettingsError("EMAIL: this address is not suppressed; nothing was changed")
        if found.why not in HARMFUL:
            raise SettingsError(
                f"EMAIL: this address is suppressed by {found.why} of {found.at:%d %B %Y}; only the person can lift"
                f" that, by signing up and confirming anew; allowed here: {' or '.join(HARMFUL)}"
            )
        mine = select(SubscriberRow.id).where(col(SubscriberRow.address_hash) == hashed)
        subscriber = session.exec(mine).one_or_none() or hashed
        session.add(ConsentRow(subscriber_id=subscriber, what="allowed", at=now, source=f"{who}: {why}"))
        session.delete(found)
        return found.why

"""What stays of a reader who is erased: numbers under names that lead to nobody."""

from __future__ import annotations

import hmac
import secrets

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from digest.database import insert_ignore
from subscribers.tables import ConsentRow, EventRow, VoteRow

#: Where what is only counted has its week.
ERASED = "erased"

#: How a consent is called that took leave, by a reader's own word or by a provider's.
LEFT = ("left", "complained")


def nobody(key: bytes, week: str, subscriber_id: str) -> str:
    """Name who got an edition once they are gone: the same each time, and in each edition another.

    Events may come for days. Only with the key of the suppression list can it be told whose a known id's name is.
    """
    return f"erased-{hmac.digest(key, f'{week}:{subscriber_id}'.encode(), 'sha256').hex()[:16]}"


def keep_numbers(session: Session, key: bytes, subscriber_id: str) -> None:
    """Keep what an edition counts of a reader who is about to go, without a trace to them.

    What happened to their letters goes on under the name of each delivery, without reasons. Each vote is kept under a
    name of its own, so that nobody can see which belong together; their farewells share one, as who leaves and
    complains is counted once.
    """
    mine = col(EventRow.subscriber_id) == subscriber_id
    session.execute(delete(EventRow).where(mine, col(EventRow.week).startswith("letter-")))
    for week in session.execute(select(col(EventRow.week)).where(mine).distinct()).scalars().all():
        gone = {"subscriber_id": nobody(key, week, subscriber_id), "reason": ""}
        session.execute(update(EventRow).where(mine, col(EventRow.week) == week).values(**gone))
    votes = select(col(VoteRow.tool), col(VoteRow.at)).where(col(VoteRow.subscriber_id) == subscriber_id)
    farewells = select(col(ConsentRow.what), col(ConsentRow.at)).where(
        col(ConsentRow.subscriber_id) == subscriber_id, col(ConsentRow.what).in_(LEFT)
    )
    kept = [(secrets.token_hex(8), "vote", tool, at) for tool, at in session.execute(votes)]
    name = secrets.token_hex(8)
    kept += [(name, what, str(number), at) for number, (what, at) in enumerate(session.execute(farewells))]
    rows = [
        {"week": ERASED, "subscriber_id": whose, "kind": kind, "about": about, "at": at, "reason": ""}
        for whose, kind, about, at in kept
    ]
    insert_ignore(session, EventRow, rows)

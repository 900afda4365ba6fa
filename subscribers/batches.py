"""What becomes of batches and their deliveries, in the caller's transaction: claimed, settled, parted, proven."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlmodel import Session, col

from digest.database import UtcDateTime, in_chunks
from digest.tables import EditionRow
from subscribers.audience import why_not
from subscribers.senders import Receipt
from subscribers.tables import BatchRow, DeliveryRow, EarlierCallRow, SubscriberRow

#: How often a reader's letter is tried whom the sender will not take for now, and how long it waits in between: first,
#: and at most; twice as long each time. In all some five hours, as long as most mail servers keep a stranger waiting.
MOST_TRIES, _SHORTEST, LONGEST_WAIT = 10, timedelta(minutes=1), timedelta(hours=1)

#: A reader of a batch: id, address, name, and why they may not receive it, if so.
_Addressed = tuple[str, str, str, str | None]


def prove(session: Session, keys: Collection[str], now: datetime) -> int:
    """Take calls for accepted of which something was seen afterwards, whatever was thought of them; how many.

    A call is accepted or refused whole. One whose process still waits for the answer is left to it, and remembered.
    """
    earlier = and_(E.key.in_(keys), E.week == col(BatchRow.week), E.number == col(BatchRow.number))
    told = or_(col(BatchRow.key).in_(keys), exists().where(earlier))
    session.execute(update(BatchRow).where(told, col(BatchRow.seen_at).is_(None)).values(seen_at=now))
    doubtful = col(BatchRow.state).in_(("unknown", "given_up", "planned"))
    values = {"state": "accepted", "reason": SEEN, "settled_at": now}
    return int(session.execute(update(BatchRow).where(told, doubtful).values(**values)).rowcount)  # type: ignore[attr-defined]


#: Why a call counts as accepted that nobody knew about.
SEEN = "seen by an event"


def in_state(week: str, state: str) -> ColumnElement[bool]:
    """Batches of an edition in a state."""
    return and_(col(BatchRow.week) == week, col(BatchRow.state) == state)


def one_of(week: str, number: int) -> ColumnElement[bool]:
    """One batch of an edition."""
    return and_(col(BatchRow.week) == week, col(BatchRow.number) == number)


def unsettled_in(week: str, number: int) -> ColumnElement[bool]:
    """Deliveries of a batch that stand as it does."""
    mine = and_(col(DeliveryRow.week) == week, col(DeliveryRow.batch) == number)
    return and_(mine, col(DeliveryRow.state).is_(None))


# What each call does is written down here once: to build a statement anew takes longer than to run it.
BATCHES = BatchRow.metadata.tables["batches"]
B = BATCHES.c
EARLIER = EarlierCallRow.metadata.tables["earlier_calls"]
E = EARLIER.c

#: The next batch that is due. One that waits longer than any does was put off by a clock that was ahead.
_DUE = (
    select(B.number)
    .where(
        B.week == bindparam("of"), B.state == "planned",
        or_(B.due_at <= bindparam("now"), B.due_at > bindparam("late")),
    )
    .order_by(B.number)
    .limit(1)
    .with_for_update(skip_locked=True)
)  # fmt: skip
CLAIMED = (
    update(BATCHES)
    .where(B.week == bindparam("of"), B.number == _DUE.scalar_subquery())
    .values(
        state="claimed", key=bindparam("under"), claimed_at=bindparam("now"), claimed_by=bindparam("by"),
        account=bindparam("account"), attempts=B.attempts + 1,
    )
    .returning(B.week, B.number, B.size)
)  # fmt: skip

#: A call whose outcome is not known yet.
_MINE = and_(
    B.week == bindparam("of"), B.number == bindparam("which"), B.key == bindparam("under"),
    B.state.in_(("claimed", "unknown")),
)  # fmt: skip
SEEN_AT = select(B.seen_at).where(_MINE).with_for_update()
SETTLED = (
    update(BATCHES)
    .where(_MINE)
    .values(
        state=bindparam("now"), reason=bindparam("why"), settled_at=bindparam("at"),
        message_id=func.coalesce(func.nullif(bindparam("named"), ""), B.message_id),
    )
)  # fmt: skip
_FREE = {"state": "planned", "key": None, "claimed_at": None, "claimed_by": "", "settled_at": None}

#: Planned again by the process that claimed it: nothing left, so it was no try.
NO_TRY = update(BATCHES).where(_MINE).values(_FREE | {"reason": bindparam("why"), "attempts": B.attempts - 1})
AGAIN = update(BATCHES).where(_MINE).values(_FREE | {"reason": bindparam("why")})

#: Of other calls in doubt an event may still tell.
REMEMBER = insert(EARLIER).from_select(["key", "week", "number"], select(B.key, B.week, B.number).where(_MINE))


#: The readers of a batch who have no outcome of their own, and why they may not receive it now. Not sorted here: SQLite
#: would read all of an edition in the order of ids instead of one batch.
ADDRESSED: Select[Any] = (
    select(
        col(DeliveryRow.subscriber_id).label("id"), col(SubscriberRow.email), col(SubscriberRow.name),
        why_not(bindparam("now", type_=UtcDateTime())).label("why"),
    )
    .outerjoin(SubscriberRow, col(SubscriberRow.id) == col(DeliveryRow.subscriber_id))
    .where(
        col(DeliveryRow.week) == bindparam("week"), col(DeliveryRow.batch) == bindparam("number"),
        col(DeliveryRow.state).is_(None),
    )
)  # fmt: skip


#: The same as one text: SQLite's driver lets other threads of ours run before each row, and waits for them after it;
#: PostgreSQL's takes longer to read a thousand rows than the database to find them.
_ROWS = ADDRESSED.subquery().c
_AS_TEXT: Mapping[str, Select[Any]] = {
    "sqlite": select(func.json_group_array(func.json_array(*_ROWS))),
    "postgresql": select(cast(func.coalesce(func.json_agg(func.json_build_array(*_ROWS)), text("'[]'::json")), Text)),
}


def addressed(session: Session, which: Mapping[str, object]) -> Sequence[_Addressed]:
    """Give the readers of a batch: id, address, name, and why they may not receive it now; all None for the erased."""
    connection = session.connection()
    rows: list[_Addressed] = orjson.loads(connection.execute(_AS_TEXT[connection.dialect.name], which).scalar_one())
    return rows


def sift(session: Session, week: str, rows: Sequence[_Addressed]) -> list[_Addressed]:
    """Drop who may not receive a batch any more; gives the others, by id."""
    barred = {id_: why or "erased" for id_, email, _, why in rows if why or email is None}
    set_apart(session, week, barred, "dropped")
    return sorted((row for row in rows if row[0] not in barred) if barred else rows, key=itemgetter(0))


def set_apart(session: Session, week: str, why: Mapping[str, str], state: str, was: str | None = None) -> None:
    """Give single deliveries a state of their own, where they have none, or that one, until now."""
    for subscriber_id, reason in why.items():
        mine = and_(col(DeliveryRow.week) == week, col(DeliveryRow.subscriber_id) == subscriber_id)
        before = col(DeliveryRow.state).is_(None) if was is None else col(DeliveryRow.state) == was
        session.execute(update(DeliveryRow).where(mine, before).values(state=state, reason=reason))


def part_ways(session: Session, week: str, number: int, receipt: Receipt, now: datetime) -> None:
    """Let the recipients that a receipt names go their own ways."""
    attempts = session.execute(select(col(BatchRow.attempts)).where(one_of(week, number))).scalar_one()
    refused, later = dict(receipt.refused), receipt.later
    if attempts >= MOST_TRIES and (any(later.values()) or not refused):  # else each try gets further: others were named
        refused |= {one: f"{why} (tried {attempts} times)" for one, why in later.items()}
        later = {}
    set_apart(session, week, refused, "refused")
    set_apart(session, week, receipt.unknown, "unknown")
    if later:
        why = next((reason for reason in later.values() if reason), "")
        wait = min(_SHORTEST * 2 ** (attempts - 1), LONGEST_WAIT) if why else timedelta()
        move(session, week, number, list(later), now + wait, attempts, why)


def part(session: Session, batch: Row[tuple[str, int, int]], keep: int, now: datetime) -> None:
    """Leave so many deliveries in a batch, and plan the others as a batch of their own."""
    mine = unsettled_in(batch.week, batch.number)
    whose = session.execute(select(col(DeliveryRow.subscriber_id)).where(mine)).scalars().all()
    move(session, batch.week, batch.number, sorted(whose)[keep:], now, 0, "")


def move(
    session: Session, week: str, number: int, whose: Sequence[str], due_at: datetime, attempts: int, reason: str
) -> None:
    """Plan some deliveries of a batch as a new one; who was erased meanwhile stays where they are."""
    # Batches are numbered one at a time: two that part batches at once would take the same number.
    session.execute(select(col(EditionRow.week)).where(col(EditionRow.week) == week).with_for_update())
    new = session.execute(select(func.max(col(BatchRow.number))).where(col(BatchRow.week) == week)).scalar_one() + 1
    moved = 0
    for some in in_chunks(whose):
        mine = and_(col(DeliveryRow.batch) == number, col(DeliveryRow.subscriber_id).in_(some))
        moving = update(DeliveryRow).where(col(DeliveryRow.week) == week, mine)
        moved += session.execute(moving.values(batch=new, state=None, reason="")).rowcount  # type: ignore[attr-defined]
    if not moved:
        return
    planned_at = session.execute(select(col(BatchRow.planned_at)).where(one_of(week, number))).scalar_one()
    session.execute(
        insert(BatchRow).values(
            week=week, number=new, state="planned", size=moved, planned_at=planned_at, due_at=due_at,
            attempts=attempts, reason=reason,
        )
    )  # fmt: skip
    session.execute(update(BatchRow).where(one_of(week, number)).values(size=col(BatchRow.size) - moved))
    earlier = select(E.key, E.week, literal(new)).where(E.week == week, E.number == number)
    session.execute(insert(EARLIER).from_select(["key", "week", "number"], earlier))

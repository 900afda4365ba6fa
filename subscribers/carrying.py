"""Carry over into a restored database who was forgotten, suppressed or left since: nobody comes back with a backup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, bindparam, select, update
from sqlmodel import Session, col

from digest.database import in_chunks, inserting, reading, writing
from subscribers.accounts import Accounts
from subscribers.addressing import address_hash
from subscribers.joining import prove
from subscribers.origins import NOWHERE
from subscribers.tables import SubscriberRow, SuppressionRow

#: Rows read from one database at once, and written to the other in one transaction.
_AT_ONCE = 5000

_SOURCE = "known from the database before it was restored"


@dataclass(frozen=True, slots=True)
class Carried:
    """What was carried over: readers erased, addresses suppressed, readers who had left; and suppressions lost.

    `lost` counts suppressed addresses that nobody can tell apart under the restored key: they are no reader's.
    """

    erased: int = 0
    suppressed: int = 0
    left: int = 0
    lost: int = 0


def carry_over(before: Engine, restored: Engine, key_before: bytes, key: bytes, now: datetime) -> Carried:
    """Let what readers and providers said since the backup hold in the restored database, too.

    Args:
        before: The database at hand, which the restored one replaces.
        restored: The restored one, at this program's version.
        key_before: The key of the suppression list at hand.
        key: That of the restored one.
        now: When.
    """
    same_key = key_before == key
    suppressed = _suppressions(before, restored) if same_key else 0
    erased, more = _readers(before, restored, key_before, key, now)
    lost = 0 if same_key else max(0, _suppressed(before) - more - erased)
    return Carried(erased, suppressed + (0 if same_key else more), _left(before, restored, now), lost)


def _suppressed(engine: Engine) -> int:
    return sum(1 for _ in _read(engine, select(col(SuppressionRow.address_hash)), col(SuppressionRow.address_hash)))


def _read(engine: Engine, statement: Any, key: Any) -> Iterator[Any]:
    """Read rows in the order of their key, some in each transaction."""
    after = ""
    while True:
        with reading(engine) as session:
            rows = session.execute(statement.where(key > after).order_by(key).limit(_AT_ONCE)).all()
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1][0]


def _chunks(engine: Engine, statement: Any, key: Any) -> Iterator[list[Any]]:
    some = list[Any]()
    for row in _read(engine, statement, key):
        some.append(row)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _suppressions(before: Engine, restored: Engine) -> int:
    """Take over every suppressed address; what is known at hand is the newer word. Returns how many changed."""
    changed = 0
    for some in _chunks(before, _SUPPRESSIONS, col(SuppressionRow.address_hash)):
        changed += _suppress(restored, [row._asdict() for row in some])
    return changed


def _suppress(restored: Engine, rows: list[dict[str, Any]]) -> int:
    with writing(restored) as session:
        known = {
            row.address_hash: row._asdict()
            for some in in_chunks([one["address_hash"] for one in rows])
            for row in session.execute(_SUPPRESSIONS.where(col(SuppressionRow.address_hash).in_(some)))
        }
        if new := [one for one in rows if known.get(one["address_hash"]) != one]:
            statement = inserting(session, SuppressionRow)
            newer = {name: statement.excluded[name] for name in ("why", "at", "soft")}
            upsert = statement.on_conflict_do_update(index_elements=["address_hash"], set_=newer)
            session.connection().execute(upsert, new)
    return len(new)


def _readers(before: Engine, restored: Engine, key_before: bytes, key: bytes, now: datetime) -> tuple[int, int]:
    """Look each restored reader up at hand; returns how many were erased there, and how many are suppressed there."""
    accounts, suppressed = Accounts(restored, key), 0
    gone = list[str]()
    columns = select(col(SubscriberRow.id), col(SubscriberRow.folded), col(SubscriberRow.address_hash))
    for some in _chunks(restored, columns, col(SubscriberRow.id)):
        theirs = {address_hash(row.folded, key_before): row for row in some}
        with reading(before) as session:
            why = _why(session, list(theirs))
            newer = _newer(session, {row.folded: row.id for row in some})
        gone += [theirs[hashed].id for hashed, row in why.items() if row["why"] == "erasure"] + newer
        others = [
            row | {"address_hash": theirs[hashed].address_hash}
            for hashed, row in why.items() if row["why"] != "erasure"
        ]  # fmt: skip
        _suppress(restored, others)
        suppressed += len(others)
    return sum(accounts.erase(one, now) for one in gone), suppressed


def _why(session: Session, hashes: list[str]) -> dict[str, dict[str, Any]]:
    return {
        row.address_hash: row._asdict()
        for some in in_chunks(hashes)
        for row in session.execute(_SUPPRESSIONS.where(col(SuppressionRow.address_hash).in_(some)))
    }


def _newer(session: Session, owners: dict[str, str]) -> list[str]:
    """Give restored readers whose address is another reader's at hand: they were erased, and signed up anew."""
    columns = select(col(SubscriberRow.folded), col(SubscriberRow.id))
    return [
        owners[row.folded]
        for some in in_chunks(list(owners))
        for row in session.execute(columns.where(col(SubscriberRow.folded).in_(some)))
        if owners[row.folded] != row.id
    ]


def _left(before: Engine, restored: Engine, now: datetime) -> int:
    """Let those have left who did, as long as they are the same reader."""
    left = 0
    columns = select(col(SubscriberRow.id)).where(col(SubscriberRow.state) == "unsubscribed")
    for some in _chunks(before, columns, col(SubscriberRow.id)):
        with writing(restored) as session:
            for ids in in_chunks([row.id for row in some]):
                still = session.execute(_STILL, {"some": ids}).scalars().all()
                session.execute(_LEAVE, {"some": list(still)})
                for one in still:
                    prove(session, one, "left", now, _SOURCE, NOWHERE)
                left += len(still)
    return left


_SUPPRESSIONS = select(
    col(SuppressionRow.address_hash), col(SuppressionRow.why), col(SuppressionRow.at), col(SuppressionRow.soft)
)
_SOME = col(SubscriberRow.id).in_(bindparam("some", expanding=True))
_STILL = select(col(SubscriberRow.id)).where(_SOME, col(SubscriberRow.state) != "unsubscribed")
_LEAVE = update(SubscriberRow).where(_SOME).values(state="unsubscribed")

"""Take in readers from elsewhere: addresses with their states and the proof that they asked."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from digest.database import insert_ignore, writing
from subscribers.addressing import address_hash, fold
from subscribers.links import ID_LENGTH
from subscribers.tables import ConsentRow, SubscriberRow, SuppressionRow

STATES = ("unconfirmed", "confirmed", "unsubscribed")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One row of an import that was not taken. `line` counts from 1, the header being line 1."""

    line: int
    email: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; `left_out` is in file order."""

    added: int
    known: int
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    email: str
    folded: str
    hash: str
    name: str
    state: str
    confirmed_at: datetime | None
    source: str


def take_in(
    engine: Engine,
    key: bytes,
    rows: Iterable[tuple[int, Mapping[str, str | None]]],
    now: datetime,
    *,
    source: str,
) -> Imported:
    """Import numbered rows with the columns email, name, state, confirmed_at and source.

    Nobody is revived: an address that is suppressed or has left is left out, as is what is no address. An address
    that is already known stays as it is.
    """
    added = known = 0
    left_out: list[LeftOut] = []
    numbered = iter(rows)
    while some := list(islice(numbered, 1000)):
        good = [row for line, values in some if (row := _read(key, line, values, source, left_out))]
        with writing(engine) as session:
            fresh = list(_sift(session, good, left_out))
            known += len(good) - len(fresh)
            added += _add(session, fresh, now)
    known -= sum(one.reason in _KEPT_OUT for one in left_out)
    return Imported(added, known, tuple(sorted(left_out, key=lambda one: one.line)))


def _read(key: bytes, line: int, values: Mapping[str, str | None], source: str, left_out: list[LeftOut]) -> _Row | None:
    email = (values.get("email") or "").strip()
    try:
        folded = fold(email)
        state, confirmed_at = _standing(values)
    except ValueError as error:
        left_out.append(LeftOut(line, email, str(error)))
        return None
    name, origin = _plain(values.get("name") or ""), _plain(values.get("source") or source)
    return _Row(line, email, folded, address_hash(folded, key), name, state, confirmed_at, origin)


_KEPT_OUT = ("suppressed", "has left")


def _sift(session: Session, rows: list[_Row], left_out: list[LeftOut]) -> Iterator[_Row]:
    """Keep the rows nobody has yet; those that must not come back are left out with the reason."""
    hashes = [row.hash for row in rows]
    suppressed = set(
        session.exec(select(SuppressionRow.address_hash).where(col(SuppressionRow.address_hash).in_(hashes)))
    )
    states = dict(
        session.exec(
            select(SubscriberRow.address_hash, SubscriberRow.state).where(col(SubscriberRow.address_hash).in_(hashes))
        ).all()
    )
    for row in rows:
        if row.hash in suppressed:
            left_out.append(LeftOut(row.line, row.email, _KEPT_OUT[0]))
        elif states.get(row.hash) == "unsubscribed" and row.state != "unsubscribed":
            left_out.append(LeftOut(row.line, row.email, _KEPT_OUT[1]))
        elif row.hash not in states:
            states[row.hash] = row.state
            yield row


def _add(session: Session, rows: list[_Row], now: datetime) -> int:
    ids = {row.folded: secrets.token_hex(ID_LENGTH // 2) for row in rows}
    added = insert_ignore(
        session,
        SubscriberRow,
        [
            {
                "id": ids[row.folded], "email": row.email, "folded": row.folded, "address_hash": row.hash,
                "name": row.name, "state": row.state, "created_at": now, "confirmed_at": row.confirmed_at,
                "paused_until": None,
            }
            for row in rows
        ],
    )  # fmt: skip
    insert_ignore(
        session,
        ConsentRow,
        [
            {"subscriber_id": ids[row.folded], "what": f"imported as {row.state}", "at": row.confirmed_at or now,
             "source": row.source}
            for row in rows
        ],
    )  # fmt: skip
    return added


def _standing(values: Mapping[str, str | None]) -> tuple[str, datetime | None]:
    """Read a row's state and since when it is confirmed."""
    state = (values.get("state") or "unconfirmed").strip()
    confirmed_at = _moment(values.get("confirmed_at"))
    if state not in STATES:
        raise ValueError(f"state {state!r}; allowed: {', '.join(STATES)}")
    if state == "confirmed" and confirmed_at is None:
        raise ValueError("confirmed without a confirmed_at: there is no proof that they asked")
    return state, confirmed_at


def _moment(text: str | None) -> datetime | None:
    if not (text or "").strip():
        return None
    try:
        found = datetime.fromisoformat(str(text).strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"confirmed_at {text!r}; allowed: a day or time such as 2026-03-01T09:30:00Z") from error


def _plain(text: str) -> str:
    """Join words by one space and drop control characters: PostgreSQL refuses NUL, and with it the whole import."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())

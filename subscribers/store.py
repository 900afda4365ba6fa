"""Who reads: addresses and their states, consent, suppression and votes."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy import ColumnElement, Engine, and_, bindparam, case, exists, func, null, update
from sqlmodel import Session, col, select

from digest.database import in_chunks, insert_ignore, reading, writing
from digest.model import Call, Tally
from subscribers.addressing import address_hash, fold
from subscribers.links import ID_LENGTH
from subscribers.tables import ConsentRow, SubscriberRow, SuppressionRow, VoteRow

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
class Reader:
    """A subscriber as a page or a command shows them."""

    id: str
    email: str
    state: str
    paused_until: datetime | None


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


class Subscribers:
    """The readers. Every method is one transaction, but for an import, which is one for every thousand rows."""

    def __init__(self, engine: Engine, suppression_key: bytes) -> None:
        self.engine, self._key = engine, suppression_key

    def take_in(self, rows: Iterable[tuple[int, Mapping[str, str | None]]], now: datetime, *, source: str) -> Imported:
        """Import numbered rows with the columns email, name, state, confirmed_at and source.

        Nobody is revived: an address that is suppressed or has left is left out, as is what is no address. An address
        that is already known stays as it is.
        """
        added = known = 0
        left_out: list[LeftOut] = []
        numbered = iter(rows)
        while some := list(islice(numbered, 1000)):
            good = [row for line, values in some if (row := self._read(line, values, source, left_out))]
            with writing(self.engine) as session:
                fresh = list(_sift(session, good, left_out))
                known += len(good) - len(fresh)
                added += _add(session, fresh, now)
        known -= sum(one.reason in _KEPT_OUT for one in left_out)
        return Imported(added, known, tuple(sorted(left_out, key=lambda one: one.line)))

    def _read(self, line: int, values: Mapping[str, str | None], source: str, left_out: list[LeftOut]) -> _Row | None:
        email = (values.get("email") or "").strip()
        try:
            folded = fold(email)
            state, confirmed_at = _standing(values)
        except ValueError as error:
            left_out.append(LeftOut(line, email, str(error)))
            return None
        name, origin = _plain(values.get("name") or ""), _plain(values.get("source") or source)
        return _Row(line, email, folded, address_hash(folded, self._key), name, state, confirmed_at, origin)

    def reader(self, subscriber_id: str) -> Reader | None:
        """Give one subscriber, None when there is none."""
        with reading(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id)
            return Reader(row.id, row.email, row.state, row.paused_until) if row else None

    def leave(self, subscriber_id: str, now: datetime, *, source: str) -> bool:
        """Unsubscribe; doing it again changes nothing. Returns False where there is no such subscriber."""
        return self._move(subscriber_id, ("confirmed", "unconfirmed"), "unsubscribed", "left", now, source)

    def come_back(self, subscriber_id: str, now: datetime, *, source: str) -> bool:
        """Undo leaving, for a reader who had confirmed and holds their own link; for others nothing changes."""
        return self._move(subscriber_id, ("unsubscribed",), "confirmed", "came back", now, source)

    def _move(
        self, subscriber_id: str, allowed: Collection[str], state: str, what: str, now: datetime, source: str
    ) -> bool:
        with writing(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id, with_for_update=True)
            proven = state != "confirmed" or (row is not None and row.confirmed_at is not None)
            if row is not None and row.state in allowed and proven:
                row.state = state
                session.add(row)
                session.add(ConsentRow(subscriber_id=row.id, what=what, at=now, source=source))
            return row is not None

    def pause(self, subscriber_id: str, until: datetime | None) -> None:
        """Let a reader rest until a moment, or go on at once."""
        statement = update(SubscriberRow).where(col(SubscriberRow.id) == subscriber_id).values(paused_until=until)
        with writing(self.engine) as session:
            session.exec(statement)

    def stats(self) -> dict[str, int]:
        """Count subscribers by state, and suppressed addresses."""
        with reading(self.engine) as session:
            counts = dict(session.exec(select(SubscriberRow.state, func.count()).group_by(SubscriberRow.state)).all())
            suppressed = session.exec(select(func.count()).select_from(SuppressionRow)).one()
        return {state: counts.get(state, 0) for state in ("confirmed", "unconfirmed", "unsubscribed")} | {
            "suppressed": suppressed
        }

    def audience(self, now: datetime) -> dict[str, int]:
        """Count who would get an edition planned now ("receives") and, for everyone else, why not."""
        reason = func.coalesce(why_not(now), "receives")
        with reading(self.engine) as session:
            return dict(session.exec(select(reason, func.count()).select_from(SubscriberRow).group_by(reason)).all())

    def vote(self, votes: Iterable[tuple[str, str, Call]], now: datetime) -> None:
        """Keep votes as (tool, subscriber id, call); the last one of a reader on a tool counts."""
        with writing(self.engine) as session:
            for tool, subscriber_id, call in votes:
                session.merge(VoteRow(tool=tool, subscriber_id=subscriber_id, call=call, at=now))

    def tallies(self, tools: Collection[str]) -> dict[str, Tally]:
        """Count the votes of tools; a tool without votes is left out."""
        with self.engine.connect() as connection:
            return {
                tool: Tally(ships, n)
                for some in in_chunks(sorted(tools))
                for tool, ships, n in connection.execute(_COUNTED, {"tools": some})
            }


#: Votes by tool, written once: pages ask this for every reader, and a session with a new statement takes five times as
#: long.
_COUNTED = (
    select(VoteRow.tool, func.sum(case((col(VoteRow.call) == "ship", 1), else_=0)), func.count())
    .where(col(VoteRow.tool).in_(bindparam("tools", expanding=True)))
    .group_by(VoteRow.tool)
)


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

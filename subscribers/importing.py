"""Take in readers from elsewhere: addresses with their states and the proof that they asked."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import Engine, Select, cast, func, update
from sqlalchemy import select as sql_select
from sqlmodel import Session, SQLModel, col, select

from digest.database import inserting, one_at_a_time, writing
from subscribers.addressing import address_hash, fold
from subscribers.links import ID_LENGTH
from subscribers.readercsv import Line
from subscribers.tables import ConsentRow, SubscriberRow, SuppressionRow

STATES = ("unconfirmed", "confirmed", "unsubscribed")

#: Rows of one transaction: with fewer, every page of the indexes is written more often; with more, others wait longer.
CHUNK = 20_000

#: Memory SQLite may use while importing, in KiB: with its 2 MiB it writes most pages of the indexes several times.
_CACHE_KIB = 64 * 1024


_READER = (
    "id", "email", "folded", "address_hash", "name", "state", "created_at", "confirmed_at", "moving_to",
)  # fmt: skip
_PROOF = ("subscriber_id", "what", "at", "source", "network", "wording", "wording_version")


class LeftOut(NamedTuple):
    """One row of an import that was not taken. `line` counts from 1, the header being line 1."""

    line: int
    email: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, in rows; an address that stands in the file twice is known the second time."""

    added: int
    known: int
    left_out: int


class _Row(NamedTuple):
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
    rows: Iterable[Line],
    now: datetime,
    *,
    source: str,
    leave_out: Callable[[LeftOut], object],
    progress: Callable[[], object] = lambda: None,
) -> Imported:
    """Import rows with the columns email, name, state, confirmed_at and source, some thousand in each transaction.

    Nobody is revived: an address that is suppressed or has left is left out, as is what is no address. An address
    that is already known stays as it is, so an import that was stopped is simply run again; but who has left by the
    file has left here too.

    Args:
        engine: The database.
        key: The key of the suppression list.
        rows: Any number; no more than a transaction's are held in memory.
        now: When those who bring no proof of their own count as imported.
        source: Where the rows come from, for those that do not say.
        leave_out: Told of each row that is not taken, in file order.
        progress: Told after each transaction.
    """
    added = known = left_out = 0
    unread = iter(rows)
    while some := [_read(one, key, source, now) for one in islice(unread, CHUNK)]:
        with writing(engine) as session:
            one_at_a_time(session, "import readers")  # two that insert in different orders could wait for each other
            if engine.dialect.name == "sqlite":
                session.connection().exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIB}")
            fresh, leaving, barred = _sift(session, some)
            new = _add(session, fresh, now)
            _let_leave(session, leaving, now)
        for one in barred:
            leave_out(one)
        added, left_out, known = added + new, left_out + len(barred), known + len(some) - len(barred) - new
        progress()
    return Imported(added, known, left_out)


def _read(row: Line, key: bytes, source: str, now: datetime) -> _Row | LeftOut:
    cells = row.cells
    email = (cells.get("email") or "").strip()
    if row.wrong:
        return LeftOut(row.number, email, row.wrong)
    try:
        folded = fold(email)
        state, confirmed_at = _standing(cells, now)
    except ValueError as error:
        return LeftOut(row.number, email, str(error))
    name, origin = plain(cells.get("name") or ""), plain(cells.get("source") or "") or source
    return _Row(row.number, email, folded, address_hash(folded, key), name, state, confirmed_at, origin)


def _sift(session: Session, rows: Sequence[_Row | LeftOut]) -> tuple[list[_Row], list[_Row], list[LeftOut]]:
    """Part the rows nobody has yet from those that say that a reader left, and from those left out with the reason."""
    hashes = [row.hash for row in rows if isinstance(row, _Row)]
    suppressed, states = _known(session, hashes)
    fresh: list[_Row] = []
    left_out: list[LeftOut] = []
    leaving: list[_Row] = []
    for row in rows:
        if isinstance(row, LeftOut):
            left_out.append(row)
        elif row.hash in suppressed:
            left_out.append(LeftOut(row.line, row.email, "suppressed"))
        elif states.get(row.hash) == "unsubscribed" and row.state != "unsubscribed":
            left_out.append(LeftOut(row.line, row.email, "has left"))
        elif row.hash not in states:
            states[row.hash] = row.state
            fresh.append(row)
        elif row.state == "unsubscribed" != states[row.hash]:
            states[row.hash] = row.state
            leaving.append(row)
    return fresh, leaving, left_out


def _known(session: Session, hashes: Sequence[str]) -> tuple[set[str], dict[str, str]]:
    """Look up which addresses are suppressed, and the states of those that are there."""
    there = _listed(session, hashes)
    barred = select(SuppressionRow.address_hash).where(col(SuppressionRow.address_hash).in_(there))
    known = select(SubscriberRow.address_hash, SubscriberRow.state).where(col(SubscriberRow.address_hash).in_(there))
    return set(session.exec(barred)), dict(session.exec(known).all())


def _listed(session: Session, values: Sequence[str]) -> Select[tuple[str]]:
    """Hand any number of values over as one parameter: binding each of them takes longer than looking it up."""
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import JSONB  # noqa: PLC0415 - costs start-up time, only here

        table = func.jsonb_array_elements_text(cast(list(values), JSONB)).table_valued("value")
    else:
        table = func.json_each(json.dumps(values)).table_valued("value")
    return sql_select(table.c.value)


def _add(session: Session, rows: Sequence[_Row], now: datetime) -> int:
    """Add readers with the proof that they asked; returns how many nobody else added meanwhile."""
    # In the order of their indexes: each page is then met once, not once for every row.
    ids = sorted(secrets.token_hex(ID_LENGTH // 2) for _ in rows)
    rows = sorted(rows, key=attrgetter("hash"))
    readers = [
        (one, row.email, row.folded, row.hash, row.name, row.state, now, row.confirmed_at, "")
        for one, row in zip(ids, rows, strict=True)
    ]
    added = _insert(session, SubscriberRow, _READER, readers)
    there = set(ids)
    if added < len(ids):  # an address that signed up meanwhile keeps its own id
        there = set(session.exec(select(SubscriberRow.id).where(col(SubscriberRow.id).in_(_listed(session, ids)))))
    proofs = [
        (one, f"imported as {row.state}", row.confirmed_at or now, row.source, "", "", "")
        for one, row in zip(ids, rows, strict=True)
        if one in there
    ]
    _insert(session, ConsentRow, _PROOF, proofs)
    return added


def _let_leave(session: Session, rows: Sequence[_Row], now: datetime) -> None:
    """Unsubscribe who has left by the file, with the proof of it."""
    if not rows:
        return
    sources = {row.hash: row.source for row in rows}
    mine = col(SubscriberRow.address_hash).in_(_listed(session, list(sources)))
    there = session.exec(select(SubscriberRow.id, SubscriberRow.address_hash).where(mine)).all()
    left = {"state": "unsubscribed", "asked_at": None, "moving_to": ""}
    session.exec(update(SubscriberRow).where(mine).values(**left))
    proofs = [(one, "left", now, sources[hashed], "", "", "") for one, hashed in there]
    _insert(session, ConsentRow, _PROOF, proofs)


def _insert(session: Session, table: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> int:
    """Insert the rows whose key is not there yet, given as cells in the order of `columns`; returns how many were new.

    The driver takes them as they are: binding each value through SQLAlchemy costs more than inserting them.
    """
    if not rows:
        return 0
    connection = session.connection()
    dialect = connection.dialect
    compiled = inserting(session, table).on_conflict_do_nothing().compile(dialect=dialect, column_keys=list(columns))
    kinds = table.metadata.tables[str(table.__tablename__)].c
    binders = [
        (place, cache(bind))
        for place, name in enumerate(columns)
        if (bind := kinds[name].type.dialect_impl(dialect).bind_processor(dialect))
    ]
    cells: list[Iterable[object]] = list(zip(*rows, strict=True))  # by column: one call binds all of it
    for place, bind in binders:
        cells[place] = map(bind, cells[place])
    by_row = zip(*cells, strict=True)
    bound = list(by_row) if compiled.positional else [dict(zip(columns, one, strict=True)) for one in by_row]
    return connection.exec_driver_sql(str(compiled), bound, execution_options={"preserve_rowcount": True}).rowcount


def _standing(values: Mapping[str, str | None], now: datetime) -> tuple[str, datetime | None]:
    """Read a row's state and since when it is confirmed; no proof can be of a later day."""
    state = (values.get("state") or "unconfirmed").strip()
    confirmed_at = _moment(values.get("confirmed_at"))
    if state not in STATES:
        raise ValueError(f"state {state[:80]!r}; allowed: {', '.join(STATES)}")
    if state == "confirmed" and confirmed_at is None:
        raise ValueError("confirmed without a confirmed_at: there is no proof that they asked")
    if confirmed_at is not None and confirmed_at > now + timedelta(days=1):
        raise ValueError(f"confirmed_at {confirmed_at:%Y-%m-%d} is in the future: that is no proof that they asked")
    return state, confirmed_at


def _moment(text: str | None) -> datetime | None:
    if not (text or "").strip():
        return None
    try:
        moment = datetime.fromisoformat(str(text).strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"confirmed_at {str(text)[:80]!r}; allowed: a day or time such as 2026-03-01T09:30:00Z"
        ) from error


def plain(text: str) -> str:
    """Join words by one space and drop control characters: PostgreSQL refuses NUL, and with it the whole import."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())

"""Take in readers from elsewhere: addresses with their states and the proof that they asked."""

from __future__ import annotations

import gc
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, repeat
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, cast, func, update
from sqlalchemy import select as sql_select
from sqlmodel import Session, SQLModel, col, select

from digest.database import inserting, one_at_a_time, writing
from subscribers.addressing import address_hash, fold
from subscribers.links import ID_LENGTH
from subscribers.readercsv import Line
from subscribers.tables import ConsentRow, SubscriberRow, SuppressionRow

STATES = ("unconfirmed", "confirmed", "unsubscribed")

#: What the proof of a reader says, by state.
_IMPORTED = {state: f"imported as {state}" for state in STATES}

#: Rows of one transaction: with fewer, every page of the indexes is written more often; with more, others wait longer.
CHUNK = 100_000

#: Characters of its names and sources at most: they may be long, and a transaction's rows are all held in memory.
_ROOM = 16_000_000

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
    while done := _take_some(engine, key, unread, now, source):
        count, new, barred = done
        for one in barred:
            leave_out(one)
        added, left_out, known = added + new, left_out + len(barred), known + count - len(barred) - new
        progress()
    return Imported(added, known, left_out)


def _take_some(
    engine: Engine, key: bytes, unread: Iterator[Line], now: datetime, source: str
) -> tuple[int, int, list[LeftOut]] | None:
    """Import what one transaction takes: how many rows that are, how many new, and which left out; None at the end.

    None of the rows outlives this: else those of two transactions would be in memory.
    """
    with _uncollected():
        rows = _read_some(unread, key, source, now)
        if not rows:
            return None
        with writing(engine) as session:
            one_at_a_time(session, "import readers")  # two that insert in different orders could wait for each other
            if engine.dialect.name == "sqlite":
                session.connection().exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIB}")
            fresh, leaving, barred = _sift(session, rows)
            new = _add(session, fresh, now)
            _let_leave(session, leaving, now)
        return len(rows), new, barred


@contextmanager
def _uncollected() -> Iterator[None]:
    """Put off the search for cycles: the rows of a transaction have none, and would be looked through many times."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _read_some(unread: Iterator[Line], key: bytes, source: str, now: datetime) -> list[_Row | LeftOut]:
    some: list[_Row | LeftOut] = []
    room, latest = _ROOM, now + timedelta(days=1)
    for row in islice(unread, CHUNK):
        one = _read(row, key, source, latest)
        some.append(one)
        room -= len(one.name) + len(one.source) if isinstance(one, _Row) else len(one.email) + len(one.reason)
        if room < 0:
            break
    return some


def _read(row: Line, key: bytes, source: str, latest: datetime) -> _Row | LeftOut:
    cells = row.cells
    email = (cells.get("email") or "").strip()
    if row.wrong:
        return LeftOut(row.number, email, row.wrong)
    try:
        folded = fold(email)
        state, confirmed_at = _standing(cells, latest)
    except ValueError as error:
        return LeftOut(row.number, email, str(error))
    name, origin = plain(cells.get("name") or ""), plain(cells.get("source") or "") or source
    return _Row(row.number, email, folded, address_hash(folded, key), name, state, confirmed_at, origin)


def _sift(session: Session, rows: Sequence[_Row | LeftOut]) -> tuple[list[_Row], list[_Row], list[LeftOut]]:
    """Part the rows nobody has yet from those that say that a reader left, and from those left out with the reason."""
    suppressed, states = _known(session, sorted(row.hash for row in rows if isinstance(row, _Row)))
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
    """Look up which addresses are suppressed, and the states of those that are there; quickest in sorted order."""
    one = _each(session, hashes)
    barred = select(SuppressionRow.address_hash).where(col(SuppressionRow.address_hash) == one)
    known = select(SubscriberRow.address_hash, SubscriberRow.state).where(col(SubscriberRow.address_hash) == one)
    return set(session.exec(barred)), dict(session.exec(known).all())


def _each(session: Session, values: Sequence[str]) -> ColumnElement[str]:
    """Hand any number of values over as one parameter: binding each of them takes longer than looking it up."""
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import JSONB  # noqa: PLC0415 - costs start-up time, only here

        return func.jsonb_array_elements_text(cast(values, JSONB)).table_valued("value").c.value
    return func.json_each(json.dumps(values)).table_valued("value").c.value


def _add(session: Session, rows: Sequence[_Row], now: datetime) -> int:
    """Add readers with the proof that they asked; returns how many nobody else added meanwhile."""
    if not rows:
        return 0
    # In the order of their indexes: each page is then met once, not once for every row.
    ids = _close_ids(len(rows))
    by_column = zip(*sorted(rows, key=attrgetter("hash")), strict=True)
    _, emails, folded, hashes, names, states, confirmed, sources = by_column
    kept, none = _kept(session), repeat("")
    imported_at = kept(now)
    moments = [kept(at) if at else None for at in confirmed]
    readers = zip(ids, emails, folded, hashes, names, states, repeat(imported_at), moments, none, strict=False)
    added = _insert(session, SubscriberRow, _READER, list(readers))
    asked, since = map(_IMPORTED.__getitem__, states), (at or imported_at for at in moments)
    proofs = list(zip(ids, asked, since, sources, none, none, none, strict=False))
    if added < len(ids):  # an address that signed up meanwhile keeps its own id
        there = set(session.exec(select(SubscriberRow.id).where(col(SubscriberRow.id) == _each(session, ids))))
        proofs = [proof for proof in proofs if proof[0] in there]
    _insert(session, ConsentRow, _PROOF, proofs)
    return added


def _close_ids(count: int) -> list[str]:
    """Draw random ids, sorted, that begin alike: a transaction then writes few pages of their indexes, not all."""
    size = ID_LENGTH - 2
    common, drawn = secrets.token_hex(1), secrets.token_hex(count * size // 2)
    return sorted(common + drawn[start : start + size] for start in range(0, len(drawn), size))


def _let_leave(session: Session, rows: Sequence[_Row], now: datetime) -> None:
    """Unsubscribe who has left by the file, with the proof of it."""
    if not rows:
        return
    sources = {row.hash: row.source for row in rows}
    mine = col(SubscriberRow.address_hash).in_(sql_select(_each(session, list(sources))))
    there = session.exec(select(SubscriberRow.id, SubscriberRow.address_hash).where(mine)).all()
    left = {"state": "unsubscribed", "asked_at": None, "moving_to": ""}
    session.exec(update(SubscriberRow).where(mine).values(**left))
    at = _kept(session)(now)
    proofs = [(one, "left", at, sources[hashed], "", "", "") for one, hashed in there]
    _insert(session, ConsentRow, _PROOF, proofs)


def _kept(session: Session) -> Callable[[datetime], object]:
    """Give what makes of a moment what the driver takes, on SQLite in a third of the time SQLAlchemy needs."""
    if session.get_bind().dialect.name == "postgresql":
        return lambda moment: moment.astimezone(UTC)
    return lambda moment: moment.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")


def _insert(session: Session, table: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> int:
    """Insert the rows whose key is not there yet, as cells in the order of `columns`; returns how many were new.

    The driver takes them as they are: binding each value through SQLAlchemy costs more than inserting them.
    """
    if not rows:
        return 0
    connection = session.connection()
    dialect = connection.dialect
    compiled = inserting(session, table).on_conflict_do_nothing().compile(dialect=dialect, column_keys=list(columns))
    bound = list(rows) if compiled.positional else [dict(zip(columns, one, strict=True)) for one in rows]
    return connection.exec_driver_sql(str(compiled), bound, execution_options={"preserve_rowcount": True}).rowcount


def _standing(values: Mapping[str, str | None], latest: datetime) -> tuple[str, datetime | None]:
    """Read a row's state and since when it is confirmed; no proof can be of a later day."""
    state = (values.get("state") or "unconfirmed").strip()
    confirmed_at = _moment(values.get("confirmed_at"))
    if state not in STATES:
        raise ValueError(f"state {state[:80]!r}; allowed: {', '.join(STATES)}")
    if state == "confirmed" and confirmed_at is None:
        raise ValueError("confirmed without a confirmed_at: there is no proof that they asked")
    if confirmed_at is not None and confirmed_at > latest:
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

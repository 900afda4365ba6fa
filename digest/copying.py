"""Copy the rows of tables from one database into another, of either kind, and compare the two row by row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Column, Connection, Engine, Integer, String, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from digest.database import explained
from digest.errors import DatabaseError

#: Rows held in memory at once; a table may have any number.
_AT_ONCE = 2000

#: How many rows that differ are named for each table.
_NAMED = 5

_Tick = Callable[[int], None]
_Row = tuple[Any, ...]
_Pair = tuple[_Row | None, _Row | None]


@dataclass(frozen=True, slots=True)
class Compared:
    """A table in two databases: how many rows are the same, how many are not, and the keys of the first of those."""

    table: str
    same: int
    differ: int
    first: tuple[str, ...]


@contextmanager
def at_one_moment(engine: Engine, *, locked: Sequence[Table] = ()) -> Iterator[Connection]:
    """Open a connection that reads all it reads as of one moment.

    Tables that are `locked` take no writer meanwhile: on SQLite that is the whole database.
    """
    options: dict[str, Any] = {"write": bool(locked)}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    with explained(engine), engine.execution_options(**options).connect() as connection, connection.begin():
        if locked and connection.dialect.name == "postgresql":
            names = ", ".join(_quoted(connection, table) for table in locked)
            connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))
        yield connection


def counted(connection: Connection, tables: Sequence[Table]) -> dict[str, int]:
    """Count the rows of each table."""
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one()) for table in tables
    }


def fill(source: Connection, target: Connection, tables: Sequence[Table], tick: _Tick = lambda _: None) -> None:
    """Copy every row of `tables`, which come before those that point to them, into tables without rows.

    On PostgreSQL, ids that the database gives go on after the highest one copied.

    Args:
        source: Where from.
        target: Where to, in a transaction of the caller's.
        tables: Which; the same in both.
        tick: Told how many rows more are copied.

    Raises:
        DatabaseError: A row cannot be kept there; the text names the table, and the row's key where it is known.
    """
    is_server = target.dialect.name == "postgresql"
    if not is_server:
        target.exec_driver_sql("PRAGMA defer_foreign_keys=ON")  # a launch may be merged into one that comes later
    for table in tables:
        rows = _rows(source, table)
        if is_server:
            _stream_in(target, table, rows, tick)
            _go_on_counting(target, table)
        else:
            _insert(target, table, rows, tick)


def compared(
    source: Connection, target: Connection, tables: Sequence[Table], tick: _Tick = lambda _: None
) -> list[Compared]:
    """Compare every value of every row, in the order of keys; `tick` is told how many rows more are compared."""
    return [_compared(source, target, table, tick) for table in tables]


def empty(connection: Connection, tables: Sequence[Table]) -> None:
    """Take every row out of these tables."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"TRUNCATE {', '.join(_quoted(connection, table) for table in tables)}"))
        return
    connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    for table in reversed(tables):
        connection.execute(table.delete())


def key_columns(table: Table) -> list[Column[Any]]:
    """Give the columns of a table's key, in their order."""
    return list(table.primary_key.columns)


def _quoted(connection: Connection, table: Table) -> str:
    return connection.dialect.identifier_preparer.format_table(table)


def _rows(connection: Connection, table: Table) -> Iterator[_Row]:
    """Read a table in the order of its key, which is that of bytes on both kinds of database."""
    plain = connection.dialect.name != "postgresql"
    order = [one if plain or not isinstance(one.type, String) else one.collate("C") for one in key_columns(table)]
    options = {"stream_results": True, "yield_per": _AT_ONCE}
    with connection.execute(select(*table.columns).order_by(*order), execution_options=options) as found:
        for some in found.partitions():
            yield from map(tuple, some)


def _insert(target: Connection, table: Table, rows: Iterator[_Row], tick: _Tick) -> None:
    names, statement = [column.name for column in table.columns], insert(table)
    while some := [dict(zip(names, row, strict=True)) for row in islice(rows, _AT_ONCE)]:
        try:
            target.execute(statement, some)
        except DBAPIError as error:
            raise DatabaseError(f"{table.name}: {_first_line(error.orig)}") from error
        tick(len(some))


def _stream_in(target: Connection, table: Table, rows: Iterator[_Row], tick: _Tick) -> None:
    """Write rows with COPY: an INSERT takes ten times as long."""
    import psycopg  # noqa: PLC0415 - only who works with PostgreSQL needs it

    packed = [number for number, column in enumerate(table.columns) if isinstance(column.type, JSON)]
    names = ", ".join(target.dialect.identifier_preparer.format_column(column) for column in table.columns)
    server = target.connection.driver_connection
    assert isinstance(server, psycopg.Connection)  # noqa: S101 - for the type checker
    row: _Row = ()
    try:
        with server.cursor() as cursor, cursor.copy(f"COPY {_quoted(target, table)} ({names}) FROM STDIN") as copy:
            while some := list(islice(rows, _AT_ONCE)):
                for row in some:
                    copy.write_row(_packed(row, packed))
                tick(len(some))
    except psycopg.DataError as error:  # before it is sent: a character that PostgreSQL has no place for
        where = f"{table.name}, {_named(table, row)}" if error.diag.sqlstate is None else table.name
        raise DatabaseError(f"{where}: {_first_line(error)}") from error
    except psycopg.Error as error:
        raise DatabaseError(f"{table.name}: {_first_line(error)}") from error


def _packed(row: _Row, packed: Sequence[int]) -> Sequence[Any]:
    if not packed:
        return row
    values = list(row)
    for number in packed:
        values[number] = json.dumps(values[number])
    return values


def _go_on_counting(target: Connection, table: Table) -> None:
    column = table.autoincrement_column
    if column is None or not isinstance(column.type, Integer):
        return
    highest = target.execute(select(func.max(column))).scalar()
    named = {"table": table.name, "column": column.name, "at": highest or 1, "used": highest is not None}
    target.execute(text("SELECT setval(pg_get_serial_sequence(:table, :column), :at, :used)"), named)


def _compared(source: Connection, target: Connection, table: Table, tick: _Tick) -> Compared:
    same, differ, first = 0, 0, list[str]()
    key = itemgetter(*(list(table.columns).index(column) for column in key_columns(table)))
    for number, (mine, theirs) in enumerate(_side_by_side(_rows(source, table), _rows(target, table), key), 1):
        if mine == theirs:
            same += 1
        else:
            differ += 1
            if len(first) < _NAMED:
                first.append(_named(table, mine or theirs or ()))
        if number % _AT_ONCE == 0:
            tick(_AT_ONCE)
    tick((same + differ) % _AT_ONCE)
    return Compared(table.name, same, differ, tuple(first))


def _side_by_side(mine: Iterator[_Row], theirs: Iterator[_Row], key: Callable[[_Row], Any]) -> Iterator[_Pair]:
    """Pair the rows of two tables by key, both in its order; None stands for a row that one of them lacks."""
    left, right = next(mine, None), next(theirs, None)
    while left is not None or right is not None:
        if right is None or (left is not None and key(left) < key(right)):
            yield left, None
            left = next(mine, None)
        elif left is None or key(right) < key(left):
            yield None, right
            right = next(theirs, None)
        else:
            yield left, right
            left, right = next(mine, None), next(theirs, None)


def _named(table: Table, row: _Row) -> str:
    names = [column.name for column in table.columns]
    return ", ".join(f"{column.name} {row[names.index(column.name)]!r}" for column in key_columns(table))


def _first_line(error: BaseException | None) -> str:
    # What comes after it quotes the values of the row.
    return str(error).strip().partition("\n")[0]

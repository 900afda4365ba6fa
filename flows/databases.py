"""Whole databases: every table of every room, one as a file of its own, and a move to another kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect
from sqlmodel import SQLModel

import digest.tables
import sources.tables
import subscribers.tables
from digest.copying import Compared, at_one_moment, compared, counted, empty, fill
from digest.database import BUSY_TIMEOUT_S, newest_version, open_engine, require_current, schema_version, upgrade
from digest.errors import DatabaseError, SettingsError
from flows.alone import alone, require_unused
from flows.progress import counting
from flows.services import Services

if TYPE_CHECKING:
    from sqlalchemy import Table


#: Every module with tables.
_ROOMS = (digest.tables, sources.tables, subscribers.tables)


@dataclass(frozen=True, slots=True)
class Moved:
    """A database in its new place: its address without a password, and what comparing every row said."""

    where: str
    tables: tuple[Compared, ...]


def every_table() -> Sequence[Table]:
    """Give the tables of all rooms, each after those that it points to."""
    return SQLModel.metadata.sorted_tables


def as_file(engine: Engine, path: Path) -> dict[str, int]:
    """Write a database as it is at one moment into a new SQLite file; returns the rows of each table.

    Others go on reading and writing meanwhile. What was deleted is not in it.

    Raises:
        DatabaseError: It cannot be read.
    """
    tables = every_table()
    if engine.dialect.name == "sqlite":
        _vacuumed(Path(str(engine.url.database)), path)
    copy = open_engine(f"sqlite:///{path}")
    try:
        if engine.dialect.name != "sqlite":
            upgrade(copy)
            with at_one_moment(engine) as source, copy.execution_options(write=True).begin() as target:
                total = sum(counted(source, tables).values())
                with counting("rows", total) as tick:
                    fill(source, target, tables, tick)
        with at_one_moment(copy) as connection:
            rows = counted(connection, tables)
        require_unused(copy)  # so that no log stands beside it
        return rows
    finally:
        copy.dispose()


def _vacuumed(database: Path, path: Path) -> None:
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(path),))
    except sqlite3.Error as error:
        raise DatabaseError(f"{database}: it cannot be read to its end: {error}; see `verdicts db check`") from error


def put_rows(source: Engine, target: Engine, *, replace: bool = False) -> tuple[Compared, ...]:
    """Copy every row into a database with the same tables, all or nothing, and compare every row; see `Compared`.

    Args:
        source: Where from; nobody can write there meanwhile.
        target: Where to.
        replace: Take out the rows that are there.

    Raises:
        DatabaseError: A row cannot be kept there, or is another there: nothing was changed.
    """
    tables = every_table()
    with at_one_moment(source, locked=tables) as old, at_one_moment(target, locked=tables) as new:
        if replace:
            empty(new, tables)
        total = sum(counted(old, tables).values())
        with counting("rows", total) as tick:
            fill(old, new, tables, tick)
        with counting("rows compared", total) as tick:
            found = tuple(compared(old, new, tables, tick))
        if wrong := [one for one in found if one.differ]:
            said = "; ".join(f"{one.table}: {one.differ} ({', '.join(one.first)})" for one in wrong)
            raise DatabaseError(f"rows are not the same after copying, so nothing was kept: {said}")
    return found


def rows_in(engine: Engine) -> Mapping[str, int]:
    """Count the rows of those of our tables that are there; none where there is no database."""
    if schema_version(engine) is None:
        return {}
    with at_one_moment(engine) as connection:
        there = set(inspect(connection).get_table_names())
        return counted(connection, [table for table in every_table() if table.name in there])


def move(services: Services, url: str) -> Moved:
    """Copy the home folder's database into another one, of either kind, and compare the two row by row.

    The old one stays as it is; what is used from then on is for the settings to say.

    Raises:
        SettingsError: The home folder is served, or `url` is no database address.
        DatabaseError: Another program has one of the two open, the new one has rows, or a row cannot be kept there:
            nothing was changed.
    """
    target = open_engine(url)
    where = target.url.render_as_string(hide_password=True)
    try:
        with alone(services.settings.home):
            source = services.engine
            if _is_same(source, target):
                raise SettingsError(f"{where}: that is where the database is; allowed: another one, without rows")
            ready_for_rows(target)
            require_unused(source)
            return Moved(where, put_rows(source, target))
    finally:
        target.dispose()


def _is_same(one: Engine, other: Engine) -> bool:
    if one.dialect.name == other.dialect.name == "sqlite":
        return Path(str(one.url.database)).resolve() == Path(str(other.url.database)).resolve()
    return one.url == other.url


def ready_for_rows(target: Engine) -> None:
    """Make the tables of a database where it has none; it must have no rows, and nobody else may use it.

    Raises:
        DatabaseError: It has rows, is another program's, or is newer than this program.
    """
    where = target.url.render_as_string(hide_password=True)
    if (found := schema_version(target)) is not None and found > newest_version():
        require_current(target)
    if some := {name: count for name, count in rows_in(target).items() if count}:
        said = ", ".join(f"{name} {count:,}" for name, count in list(some.items())[:5])
        raise DatabaseError(f"{where}: there are rows already ({said}); nothing was changed: name an empty database")
    require_unused(target)
    upgrade(target)

"""Open the database, read and write it in short transactions, and keep its tables at this program's version."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, TypeDecorator, create_engine, event, inspect, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import Pool
from sqlmodel import DateTime, Session, SQLModel

from digest.errors import DatabaseError, Overtaken, SettingsError

_T = TypeVar("_T")

MIGRATIONS = Path(__file__).parent / "migrations"

#: How long a writer waits for another one before it gives up.
BUSY_TIMEOUT_S = 30


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, aware on both sides; SQLite itself would hand back naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Refuse a naive time: it would mean a different moment on each machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Give the moment back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def open_engine(url: str, patience_s: float | None = None) -> Engine:
    """Make an engine for SQLite (write-ahead log, one writer at a time) or PostgreSQL; nothing is opened yet.

    Args:
        url: The database's address.
        patience_s: How long a writer waits for another program's, else BUSY_TIMEOUT_S.

    Raises:
        SettingsError: `url` is no database address, or of another kind of database.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # not chained: ValueError, for a port that is no number, quotes the address
        raise SettingsError(
            "database_url is no database address; allowed: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
        ) from None
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        # Parameters hold addresses and tokens: a failed statement must not print them.
        server = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(server, hide_parameters=True, pool_pre_ping=True)
        event.listen(engine, "handle_error", _hide_detail)
        return engine
    if kind != "sqlite":
        raise SettingsError(f"database_url: found {kind!r}; allowed: sqlite, postgresql")
    # Writers take turns, so the connection used last serves them all; each other one would read its pages anew.
    pool = {} if parsed.database in {None, "", ":memory:"} else {"pool_use_lifo": True}  # memory has one connection
    patience_s = BUSY_TIMEOUT_S if patience_s is None else patience_s
    engine = create_engine(parsed, hide_parameters=True, connect_args={"timeout": patience_s}, **pool)
    # A writer that finds the database busy sleeps and looks again; threads of one process need not: they take turns.
    engine = engine.execution_options(turns=threading.RLock(), patience_s=patience_s)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _hide_detail(context: ExceptionContext) -> None:
    # The server's DETAIL line quotes the values of the row that broke a rule; the first line names the rule only.
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (str(error.args[0]).partition("\n")[0],)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions start late and commit before DDL; ours are explicit (see _begin_sqlite).
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")  # else what was erased stays in the file, where no query looks


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns from reading to writing fails at once when another writer was faster.
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a session on one consistent view; nothing written in it is kept.

    Within `as_one` it sees what was written there so far.
    """
    if (connection := _joined(engine)) is not None:
        with explained(), _part_of(connection) as session:
            yield session
        return
    if engine.dialect.name == "postgresql":  # by default each of its statements sees what was committed meanwhile
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with explained(engine), Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Open a session that commits at the end, or changes nothing on an error.

    On SQLite it holds the write lock from its first statement on. Within `as_one` it is kept when that is.
    """
    if (connection := _joined(engine)) is not None:
        with explained(), _part_of(connection) as session, session.begin():
            yield session
        return
    with (
        engine.get_execution_options().get("turns", nullcontext()),
        explained(engine),
        Session(engine.execution_options(write=True), expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


#: The connection that everything in this thread's `as_one` uses, with the pool of the engine it is of.
_AS_ONE: ContextVar[tuple[Pool, Connection] | None] = ContextVar("as_one", default=None)


@contextmanager
def as_one(engine: Engine) -> Iterator[Session]:
    """Make one transaction of all that this thread reads and writes within; an error takes all of it back.

    On PostgreSQL all of it sees the database as it was at its first statement, and what somebody else changes meanwhile
    ends it with `Overtaken`.
    """
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with (
        engine.get_execution_options().get("turns", nullcontext()),
        explained(engine),
        engine.execution_options(write=True).connect() as connection,
        connection.begin(),
    ):
        before = _AS_ONE.set((engine.pool, connection))
        try:
            with _part_of(connection) as session, session.begin():
                yield session
        finally:
            _AS_ONE.reset(before)


def _joined(engine: Engine) -> Connection | None:
    pool, connection = _AS_ONE.get() or (None, None)
    return connection if pool is engine.pool else None


def _part_of(connection: Connection) -> Session:
    return Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)


@contextmanager
def explained(engine: Engine | None = None) -> Iterator[None]:
    """Turn what a database cannot do just now into an error that says so."""
    try:
        yield
    except OperationalError as error:
        patience_s = engine.get_execution_options().get("patience_s", BUSY_TIMEOUT_S) if engine else BUSY_TIMEOUT_S
        overtaken = getattr(error.orig, "sqlstate", "") in _OVERTAKEN
        raise (Overtaken if overtaken else DatabaseError)(_explain(error, patience_s)) from error


#: What PostgreSQL says where another transaction was faster: serialization failure, deadlock.
_OVERTAKEN = {"40001", "40P01"}


def _explain(error: DBAPIError, patience_s: float = BUSY_TIMEOUT_S) -> str:
    said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
    if getattr(error.orig, "sqlstate", "") in _OVERTAKEN:
        return "somebody else changed the same at the same moment; nothing was changed: try again"
    if "locked" in said:
        return f"the database is locked: another program has been writing for {patience_s} s; try again"
    return f"the database cannot be used: {said}"


def one_at_a_time(session: Session, what: str) -> None:
    """Let other transactions that do `what` wait until this one ends; on SQLite a writer is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": what})


def inserting(session: Session, table: type[SQLModel]) -> Any:
    """Start an INSERT that can say what to do about keys that are there already, on either database."""
    from sqlalchemy.dialects import postgresql, sqlite  # noqa: PLC0415 - only here, and each costs start-up time

    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return insert(table.metadata.tables[str(table.__tablename__)])


def insert_ignore(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose key is not there yet, on either database; returns how many were new.

    All rows have the same columns. One statement is compiled for all of them: with every value in it it takes ten times
    as long.
    """
    if not rows:
        return 0
    statement = inserting(session, table).on_conflict_do_nothing()
    options = {"preserve_rowcount": True}
    return session.connection().execute(statement, [dict(row) for row in rows], execution_options=options).rowcount


def settle_file(engine: Engine) -> bool:
    """Bring what was written into SQLite's file and empty the log beside it, where erased rows are still in clear.

    Returns whether all of it is: not while another program reads. PostgreSQL does so itself.
    """
    if engine.dialect.name != "sqlite":
        return True
    with explained(engine), engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - for the type checker
        busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def bit_by_bit(engine: Engine, some: Callable[[Session, int], int], at_once: int = 1000) -> int:
    """Do work of any size in small transactions, with rests in which others write; returns what it all came to.

    Args:
        engine: The database.
        some: Does the next so many at most within a transaction, and gives how many it did; fewer are the last.
        at_once: How many.
    """
    done = 0
    while True:
        began = monotonic()
        with writing(engine) as session:
            count = some(session, at_once)
        done += count
        if count < at_once:
            return done
        sleep(min(max(0.005, monotonic() - began), 1.0))  # a writer that waits looks again only now and then


def in_chunks(values: Sequence[_T], size: int = 500) -> Iterator[Sequence[_T]]:
    """Cut values into pieces that one statement can bind on either database."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def newest_version() -> str:
    """Name the schema version this program was written for, such as "0001"."""
    return max(file.name.split("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def schema_version(engine: Engine) -> str | None:
    """Read the version of the database's tables; None when it has none of ours.

    Raises:
        DatabaseError: It cannot be opened.
    """
    path = engine.url.database
    if engine.dialect.name == "sqlite" and path and path != ":memory:" and not Path(path).exists():
        return None
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise DatabaseError(f"{where}: {_explain(error)}") from error


def require_current(engine: Engine) -> None:
    """Make sure the database's tables are those this program knows.

    Raises:
        DatabaseError: It is missing, older or newer; the text says what to do.
    """
    where = engine.url.render_as_string(hide_password=True)
    found, needed = schema_version(engine), newest_version()
    if found is None:
        raise DatabaseError(f"{where}: no database there yet; run `verdicts init`")
    if found > needed:
        raise DatabaseError(
            f"{where}: made by a newer version of this program (tables {found}, this program knows {needed});"
            " nothing was changed: update the program"
        )
    if found < needed:
        raise DatabaseError(f"{where}: tables are at {found}, this program needs {needed}; run `verdicts db upgrade`")


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the tables to this program's version in one transaction; returns the version before and after.

    Raises:
        DatabaseError: The database is newer than this program, or cannot be used.
    """
    before, after = schema_version(engine), newest_version()
    if before and before >= after:
        if before > after:
            require_current(engine)
        return before, before
    from alembic import command  # noqa: PLC0415 - a third of a second that only upgrades pay
    from alembic.config import Config  # noqa: PLC0415

    if before is None:
        _make_private(engine)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with explained(), engine.execution_options(write=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7234005)"))  # two upgrades at once: one waits
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, after


def _make_private(engine: Engine) -> None:
    """Make SQLite's file where there is none, for its owner's eyes only: addresses are in it. Its log follows it."""
    path = engine.url.database
    if engine.dialect.name == "sqlite" and path and path != ":memory:":
        with suppress(OSError):  # what is wrong with the place is told when SQLite opens it
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))

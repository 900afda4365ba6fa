"""One process at a time for a home folder, and for its database while that is put in another's place."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from digest.database import explained
from digest.errors import DatabaseError, SettingsError


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the home folder's lock; the kernel gives it back however the process ends.

    Raises:
        SettingsError: Another process serves this home folder.
    """
    with (home / "serve.lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(f"{home} is served already; stop that process first, or use another --home") from error
        yield


def require_unused(engine: Engine) -> None:
    """Make sure that no other program has the database open, such as a desk; a file then holds all of it.

    Raises:
        DatabaseError: One has, or the database cannot be used.
    """
    engine.dispose()
    said = "the database is open in another program ({}); stop it first, nothing was changed"
    if engine.dialect.name == "postgresql":
        with explained(engine), engine.connect() as connection:
            if others := connection.execute(_OTHERS).scalar_one():
                raise DatabaseError(said.format(f"{others} connections"))
        engine.dispose()
    elif (path := Path(str(engine.url.database))).exists():
        try:
            with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode=DELETE").fetchall()  # only the last one may
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise DatabaseError(said.format("a desk, or a command")) from error
            raise DatabaseError(f"{path}: the database cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise DatabaseError(f"{path}: the database cannot be used: {error}") from error


_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)

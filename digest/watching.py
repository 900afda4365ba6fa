"""Tell whether anything was committed to a database since one last looked, without reading what."""

from __future__ import annotations

import sqlite3
import threading

from sqlalchemy import Engine, text

from digest.database import explained


class Watch:
    """One look at the state of a database after another; any thread may ask.

    A state is kept in mind and compared with the next one: where both are equal, every query gives what it gave.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._lock = engine, threading.Lock()
        self._own: sqlite3.Connection | None = None

    def state(self) -> object:
        """Give what is another after each commit, of this program or any other; equal to nothing where that is unknown.

        Raises:
            DatabaseError: The database cannot be asked.
        """
        with explained(self._engine):
            if self._engine.dialect.name == "postgresql":
                with self._engine.connect() as connection:
                    # Two equal snapshots see the same transactions; one that writes has a number and moves it.
                    return connection.execute(text("SELECT CAST(txid_current_snapshot() AS TEXT)")).scalar_one()
            path = self._engine.url.database
            if path in {None, "", ":memory:"}:
                return object()  # nobody else can ask it
            try:
                return self._version(str(path))
            except sqlite3.Error:  # what is asked next says what is wrong with it
                return object()

    def _version(self, path: str) -> object:
        with self._lock:
            if self._own is None:
                self._own = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            # Another number whenever another connection committed; this one never does. Source: SQLite, pragmas.
            return self._own.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            if self._own is not None:
                self._own.close()
                self._own = None

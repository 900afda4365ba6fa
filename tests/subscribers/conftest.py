"""Databases for many small tests: made once, emptied after each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlmodel import SQLModel

from digest.database import open_engine, upgrade


@pytest.fixture(scope="session")
def sqlite_kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from _opened(f"sqlite:///{tmp_path_factory.mktemp('kept') / 'verdicts.db'}")


@pytest.fixture(scope="session")
def postgresql_kept(postgres_server: str) -> Iterator[Engine]:
    server = make_url(postgres_server).set(drivername="postgresql+psycopg")
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE kept"))
    yield from _opened(server.set(database="kept").render_as_string(hide_password=False))
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE kept WITH (FORCE)"))
    admin.dispose()


def _opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An up-to-date database without rows, once on SQLite and once on PostgreSQL."""
    kept: Engine = request.getfixturevalue(f"{request.param}_kept")
    yield kept
    with kept.execution_options(write=True).begin() as connection:
        for table in reversed(SQLModel.metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """Where letters go; it is not there yet."""
    return tmp_path / "outbox"

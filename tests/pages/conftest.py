"""What the tests of pages share: a place to visit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from digest.database import open_engine, upgrade
from tests.pages.places import Place, furnish, serve


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a SQLite database with one reader and one edition: making it costs more than most tests do."""
    file = tmp_path_factory.mktemp("pages") / "verdicts.db"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    furnish(engine)
    engine.dispose()
    return file.read_bytes()


@pytest.fixture(scope="session")
def looked_at(furnished: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place for all tests that only look: to make one costs more than looking does."""
    with _place(furnished, tmp_path_factory.mktemp("looked-at")) as made:
        yield made


@pytest.fixture
def place(request: pytest.FixtureRequest, furnished: bytes, tmp_path: Path) -> Iterator[Place]:
    """A place of the test's own, unless it only looks."""
    if request.node.get_closest_marker("only_looks"):
        shared: Place = request.getfixturevalue("looked_at")
        with closing(sqlite3.connect(shared.engine.url.database or "")) as watching:
            before = watching.execute("PRAGMA data_version").fetchall()
            yield shared
            assert watching.execute("PRAGMA data_version").fetchall() == before, "it is marked only_looks, and wrote"
        return
    with _place(furnished, tmp_path) as made:
        yield made


@contextmanager
def _place(furnished: bytes, folder: Path) -> Iterator[Place]:
    (folder / "verdicts.db").write_bytes(furnished)
    engine = open_engine(f"sqlite:///{folder / 'verdicts.db'}")
    yield serve(engine)
    engine.dispose()

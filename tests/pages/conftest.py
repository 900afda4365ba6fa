"""What the tests of pages share: a place to visit."""

from __future__ import annotations

from collections.abc import Iterator
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


@pytest.fixture
def place(furnished: bytes, tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "verdicts.db").write_bytes(furnished)
    engine = open_engine(f"sqlite:///{tmp_path / 'verdicts.db'}")
    yield serve(engine)
    engine.dispose()

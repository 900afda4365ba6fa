"""What the tests of pages share: a place to visit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.database import open_engine, upgrade
from tests.pages.places import Place, serve


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of an empty SQLite database."""
    file = tmp_path_factory.mktemp("pages") / "verdicts.db"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    engine.dispose()
    return file.read_bytes()


@pytest.fixture
def place(migrated: bytes, tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "verdicts.db").write_bytes(migrated)
    engine = open_engine(f"sqlite:///{tmp_path / 'verdicts.db'}")
    yield serve(engine)
    engine.dispose()

"""What the tests of readers and deliveries share."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine


@pytest.fixture
def engine(shared_engine: Engine) -> Engine:
    """An up-to-date database without rows on SQLite and on PostgreSQL: none of these tests changes tables."""
    return shared_engine


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """Where letters go; it is not there yet."""
    return tmp_path / "outbox"

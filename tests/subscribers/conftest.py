"""What the tests of readers and deliveries share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from subscribers.senders.smtp import Smtp
from tests.smtpd import Post
from tests.subscribers.mailing import Started, serving


@pytest.fixture
def engine(shared_engine: Engine) -> Engine:
    """An up-to-date database without rows on SQLite and on PostgreSQL: none of these tests changes tables."""
    return shared_engine


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """Where letters go; it is not there yet."""
    return tmp_path / "outbox"


@pytest.fixture
def started() -> Iterator[Started]:
    """Starts a mail server that behaves as told, and gives a sender for it."""
    with ExitStack() as running:

        def start(readers: Mapping[str, str] | None = None, **others: Any) -> tuple[Smtp, Post]:
            post = Post(readers=dict(readers or {}))
            return running.enter_context(serving(post, **others)), post

        yield start

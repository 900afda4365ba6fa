"""Real processes deliver to a real outbox, together or killed in the middle: every reader has exactly one letter."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from sqlalchemy import Engine

from digest.model import Counts
from subscribers.ledger import Ledger
from tests.processes import ended, start
from tests.subscribers.readers import WEEK, approve, join
from tests.subscribers.worker import work

READERS, SIZE = 900, 6


@pytest.fixture
def prepared(engine: Engine) -> Engine:
    join(engine, READERS)
    approve(engine)
    return engine


def delivering(engine: Engine, outbox: Path) -> ForkServerProcess:
    return start(work, engine.url.render_as_string(hide_password=False), outbox, SIZE)


def readers_in(outbox: Path) -> Iterator[str]:
    """The reader of every letter that lies anywhere in the outbox, hidden folders too."""
    return (file.name.rpartition("-")[0] for file in outbox.rglob("*.eml"))


def everyone_has_one_letter(engine: Engine, outbox: Path) -> None:
    found = Counter(readers_in(outbox))
    assert found == Counter(f"reader{number}@example.org" for number in range(READERS))
    assert Ledger(engine).counts(WEEK) == Counts(planned=READERS, accepted=READERS)


def folders(outbox: Path) -> int:
    return len(list(outbox.glob(f"{WEEK}/[!.]*")))


def half_written(outbox: Path) -> bool:
    try:
        return any(True for _ in outbox.glob(f"{WEEK}/.*.part/*.eml"))
    except FileNotFoundError:  # it was whole a moment later
        return False


def test_two_processes_at_once_send_to_each_reader_once(prepared: Engine, outbox: Path) -> None:
    both = [delivering(prepared, outbox) for _ in range(2)]

    assert [ended(process) for process in both] == [0, 0]
    everyone_has_one_letter(prepared, outbox)


def test_a_process_killed_in_the_middle_costs_nobody_a_letter(prepared: Engine, outbox: Path) -> None:
    before = 0
    for _ in range(3):
        process = delivering(prepared, outbox)
        while not (folders(outbox) > before + 2 and half_written(outbox)) and process.exitcode is None:
            time.sleep(0.001)
        process.kill()
        assert ended(process) == -signal.SIGKILL
        before = folders(outbox)

    assert 0 < before < READERS // SIZE
    work(prepared.url.render_as_string(hide_password=False), outbox, SIZE)
    everyone_has_one_letter(prepared, outbox)

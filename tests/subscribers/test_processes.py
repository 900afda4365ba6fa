"""Real processes deliver to a real outbox, together or killed in the middle: every reader has exactly one letter."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from digest.model import Counts
from subscribers.ledger import Ledger
from tests.subscribers.readers import WEEK, approve, join
from tests.subscribers.worker import work

ROOT = Path(__file__).parent.parent.parent

READERS, SIZE = 120, 6


@pytest.fixture
def prepared(engine: Engine) -> Engine:
    join(engine, READERS)
    approve(engine)
    return engine


def start(engine: Engine, outbox: Path) -> subprocess.Popen[bytes]:
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.subscribers.worker", url, str(outbox), str(SIZE)]
    return subprocess.Popen(command, cwd=ROOT)


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
    return any(True for _ in outbox.glob(f"{WEEK}/.*.part/*.eml"))


def test_two_processes_at_once_send_to_each_reader_once(prepared: Engine, outbox: Path) -> None:
    both = [start(prepared, outbox) for _ in range(2)]

    assert [process.wait(timeout=60) for process in both] == [0, 0]
    everyone_has_one_letter(prepared, outbox)


def test_a_process_killed_in_the_middle_costs_nobody_a_letter(prepared: Engine, outbox: Path) -> None:
    before = 0
    for _ in range(3):
        process = start(prepared, outbox)
        while not (folders(outbox) > before + 2 and half_written(outbox)) and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        assert process.wait(timeout=10) == -signal.SIGKILL
        before = folders(outbox)

    assert 0 < before < READERS // SIZE
    work(prepared.url.render_as_string(hide_password=False), outbox, SIZE)
    everyone_has_one_letter(prepared, outbox)

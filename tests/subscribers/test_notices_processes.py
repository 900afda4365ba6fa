"""Real processes send the same queue to a real outbox, together or killed in the middle: every letter is there once."""

from __future__ import annotations

import signal
from collections import Counter
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from sqlalchemy import Engine

from digest.database import writing
from subscribers.notices import STATES, Notices, queue
from subscribers.senders.outbox import Outbox
from tests.examples import NOW
from tests.processes import ended, start
from tests.subscribers.poster import Killed, work
from tests.subscribers.readers import SUPPRESSION_KEY

LETTERS = 40


@pytest.fixture
def queued(engine: Engine) -> Engine:
    with writing(engine) as session:
        for number in range(LETTERS):
            queue(session, "alarm", NOW, email=f"operator{number}@example.org")
    return engine


def address(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def posting(engine: Engine, sender: Outbox) -> ForkServerProcess:
    return start(work, address(engine), sender)


def everyone_has_one_letter(engine: Engine, outbox: Path) -> None:
    found = Counter(file.name.partition("-letter-")[0] for file in outbox.rglob("*.eml"))
    assert found == Counter(f"operator{number}@example.org" for number in range(LETTERS))
    assert Notices(engine, SUPPRESSION_KEY).counts() == dict.fromkeys(STATES, 0) | {"accepted": LETTERS}


def test_two_processes_at_once_send_no_letter_twice(queued: Engine, outbox: Path) -> None:
    both = [posting(queued, Outbox(outbox)) for _ in range(2)]

    assert [ended(process) for process in both] == [0, 0]
    everyone_has_one_letter(queued, outbox)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_killed_while_it_sends_costs_nobody_a_letter(queued: Engine, outbox: Path, moment: str) -> None:
    """Before: claimed but not sent. After: sent but not recorded."""
    for number in (1, 7):
        assert ended(posting(queued, Killed(outbox, moment, number))) == -signal.SIGKILL
        assert Notices(queued, SUPPRESSION_KEY).counts()["claimed"] == 1

    work(address(queued), Outbox(outbox))
    everyone_has_one_letter(queued, outbox)

"""Real processes apply events together, or are killed in the middle: it comes to the same as if one had done it all."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from subscribers.ledger import Ledger
from tests.subscribers.providers import SENT, events_of, happened, posts, send, suppressed, told
from tests.subscribers.readers import WEEK, join, states

ROOT = Path(__file__).parent.parent.parent

READERS, POSTS, EVENTS = 200, 16, 1500

pytestmark = pytest.mark.slow


#: Several processes and thousands of events take seconds on each.
each_database = pytest.mark.parametrize(
    "shared_engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)], indirect=True
)


@pytest.fixture
def told_of(engine: Engine) -> dict[str, int]:
    """Many posts about one edition wait: each reader's letter is delivered, some bounce, some are complained about."""
    readers = join(engine, READERS)
    key, chance, kept = send(engine), random.Random(11), events_of(engine)  # noqa: S311 - the same each time
    letters = {one: chance.choices(("delivered", "bounce", "spamreport"), (90, 7, 3))[0] for one in readers}
    for number in range(POSTS):
        some = [chance.choice(readers) for _ in range(EVENTS if number % 8 == 0 else 40)]
        happens = [told(key, one, letters[one], chance.randint(1, 60)) for one in some]
        kept.keep("sendgrid", json.dumps(happens).encode(), SENT)
    last = [told(key, one, letters[one], 1) for one in readers]
    kept.keep("sendgrid", json.dumps(last).encode(), SENT)
    return {kind: list(letters.values()).count(kind) for kind in ("delivered", "bounce", "spamreport")}


def start(engine: Engine) -> subprocess.Popen[bytes]:
    url = engine.url.render_as_string(hide_password=False)
    return subprocess.Popen([sys.executable, "-m", "tests.subscribers.applier", url], cwd=ROOT)


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM event_posts WHERE applied_at IS NULL")).scalar_one())


def kept(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM events")).scalar_one())


def everything_was_applied_once(engine: Engine, expected: dict[str, int]) -> None:
    counts = Ledger(engine).counts(WEEK)
    assert (counts.delivered, counts.bounced, counts.complained) == tuple(expected.values())
    assert {at for *_, at in happened(engine)} == {1.0}
    assert len(suppressed(engine)) == expected["bounce"] + expected["spamreport"]
    assert list(states(engine).values()).count("unsubscribed") == expected["spamreport"]
    assert len(posts(engine)) == POSTS + 1
    assert {(strays, reason, body) for _, strays, reason, body in posts(engine)} == {(0, "", b"")}


@each_database
def test_processes_killed_in_the_middle_leave_nothing_half_done(engine: Engine, told_of: dict[str, int]) -> None:
    cut_short = 0
    while waiting(engine):
        before, process = (waiting(engine), kept(engine)), start(engine)
        while (waiting(engine), kept(engine)) == before and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        cut_short += process.wait(timeout=10) == -signal.SIGKILL

    assert cut_short >= 2
    everything_was_applied_once(engine, told_of)


@each_database
def test_two_processes_at_once_apply_each_event_once(engine: Engine, told_of: dict[str, int]) -> None:
    both = [start(engine) for _ in range(2)]

    assert [process.wait(timeout=60) for process in both] == [0, 0]
    everything_was_applied_once(engine, told_of)

"""Whoever asks a program to end leaves nobody in doubt: calls under way are finished, and what came of them is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlmodel import Session, select

from digest.editions import Editions
from flows.services import Services, open_services
from flows.stopping import REQUESTS, gently, handled, interrupted
from subscribers.tables import BatchRow
from tests import sendgrid
from tests.examples import NOW
from tests.subscribers.readers import WEEK, approve, join

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_to_end_is_heard_and_breaks_nothing_off(
    request_: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    before = [signal.getsignal(one) for one in REQUESTS]
    with gently(then_end=False) as stop:
        assert not stop.is_set()
        signal.raise_signal(request_)
        signal.raise_signal(request_)
        assert stop.is_set()
    assert [signal.getsignal(one) for one in REQUESTS] == before
    assert capfd.readouterr().err.count("calls that are under way end first") == 2


def test_afterwards_a_request_does_what_it_does_otherwise() -> None:
    done: list[str] = []

    def work() -> None:
        with interrupted():
            with gently():
                signal.raise_signal(signal.SIGTERM)
                done.append("the call")
            done.append("what comes after it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the call"]


def test_the_end_is_not_broken_off_by_a_second_request() -> None:
    done: list[str] = []

    def work() -> None:
        with interrupted():
            try:
                signal.raise_signal(signal.SIGHUP)
            finally:
                signal.raise_signal(signal.SIGINT)
                done.append("the end")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the end"]


def test_a_request_that_was_switched_off_stays_so() -> None:
    """As by nohup: a terminal that closes is no reason to end then."""
    heard: list[int] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled(heard.append):
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heard == [signal.SIGTERM]


# The commands


@pytest.fixture
def home(home: Path) -> Path:
    """A home with an edition that was begun, for ten readers."""
    toml = 'from_email = "digest@example.org"\npostal_address = "1 Street"\nsite_url = "https://verdicts.example.org"\n'
    (home / "verdicts.toml").write_text(toml)
    (home / "feeds.toml").write_text("# Nothing to poll.\n")
    with open_services(home, NOW, create=True, environment={}) as services:
        join(services.engine, 10)
        approve(services.engine)
        Editions(services.engine).start_sending(WEEK)
    return home


#: The command, with two readers in a call.
_IN_TWOS = """
from flows.cli import main
from subscribers.senders.sendgrid import SendGrid
SendGrid.size = 2
main()
"""


@contextmanager
def in_two_calls(home: Path, folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], sendgrid.Running]]:
    """Run a command that sends two readers in a call, until two calls are under way."""
    command = [sys.executable, "-c", _IN_TWOS, *words, "--home", str(home)]
    with sendgrid.running(folder) as standin, open_services(home, NOW, environment={}) as services:
        standin.control(odds={"slow": 1.0}, slow_s=1.5)
        environment = os.environ | standin.environment() | {"VERDICTS_SEND_CONNECTIONS": "2"}
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            until = time.monotonic() + 60
            while [one.state for one in services.ledger.unsettled()] != ["claimed", "claimed"]:
                assert (process.poll(), time.monotonic() < until) == (None, True)
                time.sleep(0.02)
            yield process, standin


def states(services: Services) -> list[str]:
    with Session(services.engine) as session:
        return sorted(session.exec(select(BatchRow.state).where(BatchRow.week == WEEK)))


@pytest.mark.parametrize(
    ("words", "requests"),
    [
        pytest.param(("send", WEEK), [signal.SIGINT] * 3, id="send, Ctrl-C thrice"),
        pytest.param(("send", WEEK), [signal.SIGHUP], id="send, the terminal closes", marks=pytest.mark.thorough),
        pytest.param(
            ("run", "--week", WEEK, "--now", "2026-11-17T09:05Z"), [signal.SIGTERM], id="run, a service manager",
            marks=pytest.mark.thorough,
        ),
    ],
)  # fmt: skip
def test_calls_under_way_end_and_no_other_begins(
    home: Path, tmp_path: Path, words: tuple[str, ...], requests: list[signal.Signals]
) -> None:
    with in_two_calls(home, tmp_path / "sendgrid", *words) as (process, standin):
        for one in requests:
            process.send_signal(one)
            time.sleep(0.1)
        out, err = process.communicate(timeout=60)
        assert len(standin.inboxes()) == 4
    assert process.returncode == 130, err
    assert err.splitlines()[0].startswith("verdicts: calls that are under way end first")
    assert err.splitlines()[-1] == "verdicts: stopped"
    assert "Traceback" not in err
    if words[0] == "send":
        stopped = f"it was asked to end; `verdicts send {WEEK}` goes on"
        assert out == f"{WEEK} is sending: 4 accepted, 6 waiting ({stopped})\n"
    with open_services(home, NOW, environment={}) as services:
        assert states(services) == ["accepted", "accepted", "planned", "planned", "planned"]

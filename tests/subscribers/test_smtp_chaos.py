"""The real `verdicts send` over SMTP, several at once and killed at any moment: nobody twice, nobody lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from digest.editions import Editions
from subscribers.ledger import Ledger
from subscribers.letters import delivery_of
from subscribers.tables import BatchRow, DeliveryRow, SubscriberRow
from tests.subscribers.readers import WEEK, approve, join

ROOT = Path(__file__).parent.parent.parent

READERS = 300

#: How often what goes wrong; together one letter in eight.
CHANCES = {
    "knows no such reader": 0.02, "puts off": 0.01, "hangs up at RCPT": 0.02, "puts DATA off": 0.01,
    "hangs up in the letter": 0.02, "puts the letter off": 0.01, "closes for the night": 0.01,
    "hangs up before it takes": 0.02, "loses the answer": 0.02,
}  # fmt: skip


@contextmanager
def mail_server(folder: Path, port: int, seed: int) -> Iterator[None]:
    """Run a mail server as a process of its own."""
    folder.mkdir()
    (folder / "ledger.jsonl").touch()
    (folder / "plan.json").write_text(json.dumps({"chances": CHANCES, "seed": seed, "delay_s": 0.001}))
    command = [sys.executable, "-m", "tests.smtpd", str(folder), str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield
        server.stdin.close()


def taken(folder: Path) -> list[tuple[str, str]]:
    """To whom the mail server has a letter, and the letter's id."""
    lines = (folder / "ledger.jsonl").read_text().splitlines()
    return [(one["to"], one["id"]) for one in map(json.loads, lines)]


def start(engine: Engine, home: Path, port: int, *words: str) -> subprocess.Popen[bytes]:
    """Begin `verdicts send` as a process of its own."""
    environment = os.environ | {
        "VERDICTS_DATABASE_URL": engine.url.render_as_string(hide_password=False), "VERDICTS_SENDER": "smtp",
        "VERDICTS_FROM_EMAIL": "digest@example.org", "VERDICTS_SEND_CONNECTIONS": "2", "VERDICTS_SEND_TIMEOUT_S": "5",
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_TLS": "none",
    }  # fmt: skip
    command = [sys.executable, "-c", "from flows.cli import main; main()", "send", WEEK, "--home", str(home), *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def killed_in_the_middle(processes: list[subprocess.Popen[bytes]], folder: Path, letters: int) -> bool:
    """Kill processes once so many more letters were taken; tells whether one was still at it."""
    enough = len(taken(folder)) + letters
    while len(taken(folder)) < enough and any(one.poll() is None for one in processes):
        time.sleep(0.002)
    for one in processes:
        one.kill()
    return -signal.SIGKILL in [one.wait(timeout=10) for one in processes]


def states(engine: Engine) -> dict[str, tuple[str, str, str | None]]:
    """State, subscriber id and key of the call, by address."""
    state = func.coalesce(col(DeliveryRow.state), col(BatchRow.state))
    statement = (
        select(col(SubscriberRow.email), state, col(DeliveryRow.subscriber_id), col(BatchRow.key))
        .join(DeliveryRow, col(DeliveryRow.subscriber_id) == col(SubscriberRow.id))
        .join(
            BatchRow, (col(BatchRow.week) == col(DeliveryRow.week)) & (col(BatchRow.number) == col(DeliveryRow.batch))
        )
        .where(col(DeliveryRow.week) == WEEK)
    )
    with Session(engine) as session:
        return {email: (found, one, key) for email, found, one, key in session.execute(statement)}


@pytest.mark.slow
def test_killed_and_together_and_with_a_server_that_misbehaves_nobody_gets_two_and_nobody_vanishes(
    engine: Engine, home: Path, tmp_path: Path, free_port: int
) -> None:
    dice = Random(7)  # noqa: S311 - the same moments each time
    join(engine, READERS)
    approve(engine)
    Editions(engine).start_sending(WEEK)
    folder = tmp_path / "smtpd"
    with mail_server(folder, free_port, seed=11):
        kills = [
            killed_in_the_middle(
                [start(engine, home, free_port) for _ in range(together)], folder, dice.randrange(5, 40)
            )
            for together in (1, 2)
        ]
        assert any(kills)
        for round_ in range(1, 12):
            if not Ledger(engine).counts(WEEK).waiting:
                break
            later = datetime.now(UTC) + timedelta(hours=round_)  # by then whoever was put off is tried again
            start(engine, home, free_port, "--now", later.isoformat()).wait(timeout=60)
    everybody_is_accounted_for(engine, folder)


def everybody_is_accounted_for(engine: Engine, folder: Path) -> None:
    """Hold what the database says against what the mail server took."""
    letters, found = taken(folder), states(engine)

    def having(*wanted: str) -> set[str]:
        return {one for one, (state, *_) in found.items() if state in wanted}

    everyone = {f"reader{number}@example.org" for number in range(READERS)}

    assert [who for who, copies in Counter(to for to, _ in letters).items() if copies > 1] == []
    assert having("accepted", "unknown", "refused") == everyone == set(found)
    assert having("accepted") <= {to for to, _ in letters}
    assert {to for to, _ in letters} <= having("accepted", "unknown")
    assert {one.email for one in Ledger(engine).unknown(WEEK)} == having("unknown")
    assert len(having("accepted")) > READERS // 3
    for to, message_id in letters:
        if to in having("accepted"):
            assert delivery_of(message_id) == (WEEK, *found[to][1:])

"""`verdicts desk`, run as a person does: where it listens, what it says, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.commands import verdicts
from tests.flows.test_start import loaded_after

#: From the command to the printed address, on a machine that does other things too.
_STARTS_IN_S = 20.0


@contextmanager
def running(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the desk in a process of its own; gives its address with the key."""
    command = (
        sys.executable,
        "-c",
        "from flows.cli import main; main()",
        "desk",
        "--no-open",
        "--home",
        str(home),
        *words,
    )
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().rpartition(" ")[2].strip()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_desk_ends_cleanly_also_while_a_page_listens(sampled: Path, number: signal.Signals) -> None:
    with running(sampled, "--port", "0") as (process, address):
        assert address.startswith("http://127.0.0.1:")
        with httpx.Client(follow_redirects=True) as client:
            assert client.get(address).status_code == 200
            with client.stream("GET", f"{address.partition('/?')[0]}/live") as stream:
                assert next(stream.iter_lines()) == "event: changed"
                began = time.monotonic()
                process.send_signal(number)
                said, wrong = process.communicate(timeout=15)
    assert (process.returncode, said.splitlines()[-1], wrong) == (0, "stopped", "")
    assert time.monotonic() - began < 8


def test_a_desk_is_open_to_this_machine_only(sampled: Path) -> None:
    with running(sampled, "--port", "0") as (_, address):
        port = int(address.partition("/?")[0].rpartition(":")[2])
        others = {str(one[4][0]) for one in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}
        for host in others - {"127.0.0.1", "127.0.1.1"}:
            with closing(socket.socket()) as knocking:
                knocking.settimeout(2)
                assert knocking.connect_ex((host, port)) != 0, host


def test_a_port_that_is_taken_is_said_with_what_to_do(sampled: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = verdicts("desk", "--no-open", "--port", str(taken.getsockname()[1]), home=sampled)
    assert ran.status == 2
    assert "is it open already? Else choose another --port" in ran.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])  # noqa: S104 - it is refused
def test_another_host_wants_a_password(sampled: Path, host: str) -> None:
    ran = verdicts("desk", "--no-open", "--host", host, home=sampled)
    assert (ran.status, len(ran.err.splitlines())) == (2, 1)
    assert "VERDICTS_DESK_PASSWORD" in ran.err


def test_a_password_that_is_too_short_is_refused_without_being_told(
    sampled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERDICTS_DESK_PASSWORD", "hunter2")
    ran = verdicts("desk", "--no-open", home=sampled)
    assert ran.status == 2
    assert "found 7 characters; allowed: at least 12" in ran.err
    assert "hunter2" not in ran.err


def test_a_home_without_a_database_is_told_what_to_do(home: Path) -> None:
    ran = verdicts("desk", "--no-open", home=home)
    assert ran.status == 2
    assert "run `verdicts init`" in ran.err


def test_the_desk_imports_no_prefect() -> None:
    assert "prefect" not in loaded_after("import flows.desk.serving, flows.commands.desk")


def test_the_demo_ends_at_the_desk_with_a_digest_to_approve(tmp_path: Path) -> None:
    command = (
        sys.executable,
        "-c",
        "from flows.cli import main; main()",
        "demo",
        "--open",
        "--home",
        str(tmp_path / "home"),
    )
    # Instead of a browser: a program that notes what it is to open.
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    environment = {**os.environ, "BROWSER": str(browser)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, cwd=Path(__file__).parents[2]
    ) as process:
        try:
            page = httpx.get(_noted(tmp_path / "opened"), follow_redirects=True)
            process.terminate()
            said, _ = process.communicate(timeout=15)
        finally:
            process.kill()
    assert page.status_code == 200
    assert ">Approve " in page.text
    assert "it waits for an editor" in said
    assert not list((tmp_path / "home").glob("outbox/**/*.eml"))


def _noted(file: Path) -> str:
    """Wait for what is noted in a file."""
    deadline = time.monotonic() + _STARTS_IN_S
    while time.monotonic() < deadline:
        if file.exists() and (text := file.read_text().strip()):
            return text
        time.sleep(0.1)
    raise AssertionError("no browser was opened")

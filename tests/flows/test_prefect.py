"""The flows, run by a real Prefect: recorded, with the same end as the plain steps."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from digest.database import writing
from digest.weeks import week_of
from flows.demo import SAMPLES
from flows.services import open_services
from subscribers.notices import queue
from tests import sendgrid
from tests.commands import verdicts
from tests.prefects import ask, deployments, due_an_hour_ago, serve_apart

CRONS = {
    "gather": "0 * * * *", "compose": "0 6 * * 1", "send": "0 9 * * 2", "reconcile": "*/15 * * * *",
    "housekeep": "30 3 * * *",
}  # fmt: skip

DUE = "2026-11-17T09:05:00+00:00"


@pytest.fixture
def ready(home: Path) -> Path:
    (home / "verdicts.toml").write_text('postal_address = "1 Sample Street"\nfrom_email = "verdicts@example.org"\n')
    (home / "feeds.toml").write_text("# Nothing to poll.\n")
    assert verdicts("init", home=home).status == 0
    assert verdicts("panel", "import", SAMPLES / "reviews", "--now", "2026-11-15T12:00Z", home=home).status == 0
    assert verdicts("subscribers", "import", SAMPLES / "subscribers.csv", home=home).status == 0
    return home


#: Runs `verdicts run --prefect` in a fresh process, then asks the same Prefect what it has recorded.
_RECORDED = """
import asyncio, sys
from tests.commands import verdicts
ran = verdicts("run", "--prefect", "--json", "--now", sys.argv[2], "--home", sys.argv[1])
from prefect import get_client
async def names():
    async with get_client() as client:
        flows = [one for one in await client.read_flow_runs() if one.name == "weekly-2026-W47"]
        tasks = [one for one in await client.read_task_runs() if one.flow_run_id == flows[0].id]
        done = sorted((one.name.rsplit("-", 1)[0], one.state_name, one.cache_key) for one in tasks)
        return [(one.name, one.state_name) for one in flows], done
import json
print(json.dumps({"status": ran.status, "steps": ran.document, "recorded": asyncio.run(names())}))
"""


@pytest.mark.slow
def test_prefect_keeps_schedules_and_records_the_week(ready: Path, free_port: int, tmp_path: Path) -> None:
    """One test, because Prefect makes its database at its first start, which is what takes time."""
    another = shutil.copytree(ready, tmp_path / "another")  # serving brings the real week to where it should be
    _serve_keeps_pages_and_schedules_until_it_is_told_to_stop(ready, free_port)
    _the_week_runs_as_a_recorded_flow(another, ready / "prefect")


def _serve_keeps_pages_and_schedules_until_it_is_told_to_stop(ready: Path, free_port: int) -> None:
    _queue_letter(ready)
    with serve_apart(ready, free_port) as serving:
        try:
            assert serving.stdout is not None
            said = [serving.stdout.readline() for _ in range(3)]
            assert said[1] == f"public pages: http://127.0.0.1:{free_port}\n", said
            with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/", timeout=5) as page:
                assert b"AI Tool Verdicts" in page.read()
            _wait_for_letter(ready)
            second = verdicts("serve", "--port", str(free_port + 1), home=ready)
            assert (second.status, "served already" in second.err) == (2, True)
            assert said[2].startswith("schedules: http://127.0.0.1:"), said
            api = said[2].removeprefix("schedules: ").strip() + "/api"
            found = deployments(api)
            crons = {name: one["schedules"][0]["schedule"]["cron"] for name, one in found.items() if one["schedules"]}
            assert crons == CRONS
            # An hour is too long for a test: what the schedules will ask for is asked for now.
            for name in ("gather", "reconcile", "housekeep"):
                ask(api, f"/deployments/{found[name]['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
            for name in ("gather", "reconcile", "housekeep", f"weekly-{_this_week()}"):
                _wait_for_run(api, name)
            assert {one["key"] for one in ask(api, "/artifacts/filter")} >= {f"digest-{_this_week().lower()}"}
            assert len(ask(api, "/automations/filter")) == 2
        finally:
            serving.send_signal(signal.SIGTERM)
            rest = serving.communicate(timeout=60)[0]
    assert (serving.returncode, rest.splitlines()[-1]) == (0, "stopped"), rest
    _is_one_line_for_each_event((ready / "log").read_text())
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{api}/health", timeout=5)


def _this_week() -> str:
    return week_of(datetime.now(UTC), ZoneInfo("UTC"))


def _is_one_line_for_each_event(log: str) -> None:
    lines = log.splitlines()
    assert [one for one in lines if not re.match(r"time=\S+Z level=\w+ logger=\S+ ", one)] == []
    assert any("logger=prefect.flow_runs run=gather" in one for one in lines), log
    assert "@" not in log


@pytest.mark.slow
def test_calls_of_a_flow_run_end_before_serve_does(ready: Path, free_port: int, tmp_path: Path) -> None:
    """Prefect by itself kills its flow runs: who was in a call would be in doubt.

    Nobody served when the edition was due: it goes out as soon as somebody does.
    """
    with (ready / "verdicts.toml").open("a") as file:
        file.write(f'{due_an_hour_ago()}site_url = "https://verdicts.example.org"\nreply_to = "editor@example.org"\n')
    for words in (("compose",), ("edition", "approve")):
        assert verdicts(*words, home=ready).status == 0
    with sendgrid.running(tmp_path / "sendgrid") as standin:
        standin.control(odds={"slow": 1.0}, slow_s=4)
        with serve_apart(ready, free_port, standin.environment()) as serving:
            process = _claiming(ready)
            assert process != str(serving.pid)
            serving.send_signal(signal.SIGTERM)
            rest = serving.communicate(timeout=90)[0]
        assert (serving.returncode, rest.splitlines()[-1]) == (0, "stopped"), rest
        with open_services(ready) as services:
            week = services.editions.all(limit=1)[0].week
            assert services.ledger.unsettled() == []
            assert services.ledger.counts(week).accepted == len(standin.inboxes()) == 3
    assert not Path(f"/proc/{process}").exists()


def _claiming(home: Path) -> str:
    """Wait until a call is under way; gives the id of the process that makes it."""
    deadline = time.monotonic() + 120
    with open_services(home) as services:
        while not (calls := services.ledger.unsettled()):
            assert time.monotonic() < deadline, "nothing was ever sent"
            time.sleep(0.1)
    return calls[0].claimed_by.split(":")[1]


def _the_week_runs_as_a_recorded_flow(ready: Path, prefect: Path) -> None:
    environment = os.environ | {
        "PREFECT_HOME": str(prefect),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PYTHONPATH": ".",
    }
    environment.pop("PREFECT_API_URL", None)
    ran = subprocess.run(
        [sys.executable, "-c", _RECORDED, str(ready), DUE],
        capture_output=True, text=True, check=False, env=environment, timeout=170,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["status"] == 0
    assert [one["step"] for one in told["steps"]] == ["events", "gather", "compose", "check", "send", "notices"]
    assert "is sent: 3 accepted" in told["steps"][-2]["said"]
    flows, tasks = told["recorded"]
    assert [state for _, state in flows] == ["Completed"]
    assert tasks == [[name, "Completed", None] for name in ("check", "compose", "events", "gather", "notices", "send")]
    assert len(list((ready / "outbox" / "2026-W47").rglob("*.eml"))) == 3
    assert "Traceback" not in ran.stderr


def _queue_letter(home: Path) -> None:
    said = {"title": "A test", "happened": "Nothing.", "means": "", "steps": [], "at": "2026-11-16T06:00:00+00:00"}
    with open_services(home) as services, writing(services.engine) as session:
        queue(session, "alarm", services.clock(), email="operator@example.org", data=said)


def _wait_for_letter(home: Path) -> None:
    deadline = time.monotonic() + 20
    while not any((home / "outbox" / "notices").glob("[!.]*/operator@example.org-*.eml")):
        assert time.monotonic() < deadline, "the letter never came"
        time.sleep(0.1)


def _wait_for_run(api: str, name: str) -> None:
    """Wait until a flow has run once: a process takes some seconds to start."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        runs = ask(api, "/flow_runs/filter")
        if any((one["name"], one["state_type"]) == (name, "COMPLETED") for one in runs):
            return
        time.sleep(0.5)
    raise AssertionError(f"{name} never ran: {runs}")

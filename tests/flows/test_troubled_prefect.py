"""A Prefect whose schedules come twice and too often, whose runs are killed, and which is deployed anew midway."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.weeks import week_of
from flows.services import Services, open_services
from tests import sendgrid
from tests.prefects import api_of, ask, awaited, deployments, make_due, serve_apart

READERS, CALLS = 60_000, 60

#: How long a call takes at first: each step finds the edition still on its way. And after which time its absence is
#: believed: a call whose process is dead goes on meanwhile.
_CALL_S, _SETTLE_S = 1.5, 4

#: Prefect plans new runs each minute by itself, and a hundred ahead.
_OFTEN = {
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "3", "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "3",
    "VERDICTS_SETTLE_S": str(_SETTLE_S),
}  # fmt: skip

#: What each of two schedules asks for, so often: more, and Prefect's own database on SQLite is locked all the time.
_ASKED, _EACH_S = ("send", "reconcile"), 10


@pytest.mark.slow
@pytest.mark.thorough
def test_whatever_prefect_does_the_week_has_one_edition_that_each_reader_gets_once(
    home: Path, free_port: int, tmp_path: Path
) -> None:
    make_due(home, READERS, "send_connections = 1\n")
    with sendgrid.running(tmp_path / "sendgrid") as standin, open_services(home, environment={}) as services:
        standin.control(odds={"slow": 1.0}, slow_s=_CALL_S)
        environment = standin.environment() | _OFTEN
        with _serving(home, free_port, environment) as serving:
            api = api_of(serving)
            _schedule_twice(api)
            killed = _claimer(services)
            os.kill(killed, signal.SIGKILL)
            awaited(lambda: bool(_ended(api, "CRASHED")), "word of the killed run")
            _claimer(services, beside=killed)
            first = _schedules(api)
            _stop(serving)
        assert services.editions.require(_week(services)).state == "sending"
        standin.control(odds={})  # quick from now on
        with _serving(home, free_port, environment) as serving:
            api = api_of(serving)
            awaited(lambda: not first & _schedules(api), "schedules of the new deployment, under other ids")
            _schedule_twice(api)
            awaited(lambda: services.editions.require(_week(services)).state == "sent", "the end of the edition")
            before = _ended(api, "COMPLETED").count(f"send-{_week(services)}")
            awaited(lambda: _ended(api, "COMPLETED").count(f"send-{_week(services)}") > before, "a run after the end")
            _stop(serving)
        assert [week for week, _ in services.editions.states()] == [_week(services)]
        assert services.ledger.counts(_week(services)).accepted == READERS
        assert standin.inboxes() == sorted(f"reader{number}@example.org" for number in range(READERS))
        assert len(standin.ledger()) == CALLS


@contextmanager
def _serving(home: Path, port: int, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`verdicts serve`, which ends also where the test fails."""
    with serve_apart(home, port, environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def _schedule_twice(api: str) -> None:
    """Give deployments a schedule of a few seconds, and the same once more."""
    found = deployments(api)
    often = {"active": True, "schedule": {"interval": _EACH_S, "anchor_date": datetime.now(UTC).isoformat()}}
    for flow in _ASKED:
        for _ in range(2):
            ask(api, f"/deployments/{found[flow]['id']}/schedules", [often])


def _schedules(api: str) -> set[str]:
    """The ids of their schedules."""
    found = deployments(api)
    return {str(one["id"]) for flow in _ASKED for one in found[flow]["schedules"]}


def _claimer(services: Services, beside: int = 0) -> int:
    """Wait until a process makes a call, another one than `beside`; gives its id."""

    def calling() -> list[int]:
        calls = [one for one in services.ledger.unsettled() if one.state == "claimed"]
        return [pid for one in calls if (pid := int(one.claimed_by.split(":")[1])) != beside]

    return int(awaited(calling, "a call")[0])


def _ended(api: str, how: str) -> list[str]:
    """Name the runs that ended so."""
    runs = ask(api, "/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": [how]}}}})
    return [str(one["name"]) for one in runs]


def _stop(serving: subprocess.Popen[str]) -> None:
    serving.send_signal(signal.SIGTERM)
    rest = serving.communicate(timeout=90)[0]
    assert (serving.returncode, rest.splitlines()[-1]) == (0, "stopped"), rest


def _week(services: Services) -> str:
    return week_of(datetime.now(UTC), services.settings.zone)

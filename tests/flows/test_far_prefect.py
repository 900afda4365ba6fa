"""A Prefect server on its own, deployed to with prefect.yaml, and a worker of it: a run that dies is told of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from flows.services import Services, open_services
from subscribers.tables import NoticeRow
from tests import sendgrid
from tests.prefects import PROGRAM, ROOT, ask, awaited, make_due, run_now
from tests.scale import Installation, installed, started


@pytest.mark.slow
@pytest.mark.thorough
def test_what_prefect_yaml_deploys_is_what_the_program_does_and_a_killed_run_reaches_the_operator(
    home: Path, tmp_path: Path
) -> None:
    with _far(home, tmp_path) as (at, environment, services):
        ours = _deployed(at)
        _do(environment, "-m", "prefect", "--no-prompt", "deploy", "--all")
        written = _deployed(at)
        assert [one["name"] for one in written] == sorted(
            ["gather", "compose", "send", "reconcile", "housekeep", "weekly", "deliver", "alarm"]
        )
        for one in (*written, *ours):  # those of the home's settings are not the defaults
            assert len(one.pop("schedules")) == (one["name"] not in {"weekly", "deliver", "alarm"})
        assert written == ours

        with started(_WORK, environment, tmp_path / "worker.log"):
            run_now(at.api, "send")
            week, process = awaited(partial(_calling, services), "a call")
            os.kill(process, signal.SIGKILL)
            assert awaited(partial(_alarms, services), "an alarm") == [f"The run send-{week} has crashed"]


@pytest.mark.slow
@pytest.mark.thorough
def test_runs_that_nobody_takes_and_one_whose_machine_is_gone_reach_the_operator(home: Path, tmp_path: Path) -> None:
    """Where both wait for some ten minutes, here they wait for seconds; signs of life come each 30 s at the soonest."""
    with _far(home, tmp_path, PREFECT_FLOWS_HEARTBEAT_FREQUENCY="30") as (at, environment, services):
        _hurry(at)
        run_now(at.api, "send")
        awaited(lambda: "late" in _asked(at), "word of a run that nobody takes")
        with started(_WORK, environment, tmp_path / "worker.log") as worker:
            assert awaited(partial(_alarms, services), "an alarm") == ["The run send is late"]
            week, process = awaited(partial(_calling, services), "a call")
            for one in (worker.pid, process):
                os.kill(one, signal.SIGKILL)
        awaited(lambda: "CRASHED" in at.states().values(), "that silence tells")
        with started(_WORK, environment, tmp_path / "worker.log"):
            said = awaited(lambda: len(found := _alarms(services)) > 1 and found, "another alarm")
            assert said == ["The run send is late", f"The run send-{week} has crashed"]


_WORK = ["-m", "prefect", "worker", "start", "--pool", "verdicts", "--type", "process", "--limit", "2"]


@contextmanager
def _far(home: Path, folder: Path, **more: str) -> Iterator[tuple[Installation, dict[str, str], Services]]:
    """A server to which a home is deployed whose edition is due, and whose provider never answers."""
    make_due(home, 1, 'operator = "operator@example.net"\n')
    with sendgrid.running(folder / "sendgrid") as standin, installed() as at:
        standin.control(odds={"slow": 1.0}, slow_s=3600)
        environment = {**at.environment, **standin.environment(), "VERDICTS_HOME": str(home), **more}
        _do(environment, *PROGRAM[1:], "deploy", "--home", str(home))
        with open_services(home, environment={}) as services:
            yield at, environment, services


def _hurry(at: Installation) -> None:
    """Let automations that wait for minutes wait for seconds, and nothing run that is not asked for."""
    for one in ask(at.api, "/deployments/filter"):
        ask(at.api, f"/deployments/{one['id']}/pause_deployment")
    for one in ask(at.api, "/automations/filter"):
        if one["trigger"]["within"]:
            wanted = {name: one[name] for name in ("name", "description", "enabled", "trigger", "actions")}
            wanted["trigger"]["within"] = 60 if "silent" in one["name"] else 10
            ask(at.api, f"/automations/{one['id']}", wanted, method="PUT")


def _asked(at: Installation) -> list[str]:
    """Why alarms were asked for."""
    runs = ask(at.api, "/flow_runs/filter", {"deployments": {"name": {"any_": ["verdicts"]}}})
    return [str(one["parameters"]["state"]) for one in runs if "state" in one["parameters"]]


def _calling(services: Services) -> tuple[str, int] | None:
    """The week and the process of a call that is under way."""
    calls = [one for one in services.ledger.unsettled() if one.state == "claimed"]
    return (calls[0].week, int(calls[0].claimed_by.split(":")[1])) if calls else None


def _alarms(services: Services) -> list[str]:
    with Session(services.engine) as session:
        rows = session.exec(select(NoticeRow).order_by(col(NoticeRow.id)))
        return [str(one.data["title"]) for one in rows if one.kind == "alarm"]


def _do(environment: dict[str, str], *words: str) -> None:
    command = [sys.executable, *words]
    ran = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def _deployed(at: Installation) -> list[dict[str, Any]]:
    """What the server knows of each deployment, by the name of its flow; times of schedules follow the settings."""
    flows = {one["id"]: one["name"] for one in ask(at.api, "/flows/filter")}
    same = ("entrypoint", "parameters", "tags", "work_pool_name", "enforce_parameter_schema", "schedules")
    limits = ("concurrency_options", "global_concurrency_limit")
    found = []
    for one in ask(at.api, "/deployments/filter"):
        options, limit = (one[name] or {} for name in limits)
        limited = {"collisions": options.get("collision_strategy"), "limit": limit.get("limit")}
        fetched = {"pull_steps": one["pull_steps"] or []}
        found.append({"name": flows[one["flow_id"]]} | {name: one[name] for name in same} | limited | fetched)
    return sorted(found, key=lambda one: str(one["name"]))

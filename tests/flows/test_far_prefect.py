"""A Prefect server on its own, deployed to with prefect.yaml, and a worker of it: a run that dies is told of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from flows.services import open_services
from subscribers.tables import NoticeRow
from tests import sendgrid
from tests.prefects import PROGRAM, ROOT, ask, awaited, make_due, run_now
from tests.scale import Installation, installed, started


@pytest.mark.slow
@pytest.mark.thorough
def test_what_prefect_yaml_deploys_is_what_the_program_does_and_a_killed_run_reaches_the_operator(
    home: Path, tmp_path: Path
) -> None:
    make_due(home, 1, 'operator = "operator@example.net"\n')
    with sendgrid.running(tmp_path / "sendgrid") as standin, installed() as at:
        standin.control(odds={"slow": 1.0}, slow_s=3600)
        environment = {**at.environment, **standin.environment(), "VERDICTS_HOME": str(home)}
        _do(environment, *PROGRAM[1:], "deploy", "--home", str(home))
        ours = _deployed(at)
        _do(environment, "-m", "prefect", "--no-prompt", "deploy", "--all")
        written = _deployed(at)
        assert [one["name"] for one in written] == sorted(
            ["gather", "compose", "send", "reconcile", "housekeep", "weekly", "deliver", "alarm"]
        )
        for one in (*written, *ours):  # those of the home's settings are not the defaults
            assert len(one.pop("schedules")) == (one["name"] not in {"weekly", "deliver", "alarm"})
        assert written == ours

        work = ["-m", "prefect", "worker", "start", "--pool", "verdicts", "--type", "process", "--limit", "2"]
        with open_services(home, environment={}) as services, started(work, environment, tmp_path / "worker.log"):
            run_now(at.api, "send")

            def calling() -> list[Any]:
                return [one for one in services.ledger.unsettled() if one.state == "claimed"]

            claimed = awaited(calling, "a call")
            os.kill(int(claimed[0].claimed_by.split(":")[1]), signal.SIGKILL)

            def alarms() -> list[str]:
                with Session(services.engine) as session:
                    return [one.data["title"] for one in session.exec(select(NoticeRow)) if one.kind == "alarm"]

            assert awaited(alarms, "an alarm") == [f"The run send-{claimed[0].week} has crashed"]


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

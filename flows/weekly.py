"""The flow that does the whole week: what `verdicts run` does, with every step recorded."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flows import steps
from flows.runs import opened, recorded, week_in_name

from prefect import flow  # isort: skip - after flows.runs, which sets Prefect up


@flow(name="weekly", flow_run_name=week_in_name, persist_result=False, validate_parameters=False)
def weekly(home: str, week: str | None = None, now: datetime | None = None) -> list[dict[str, Any]]:
    """Bring the week to where it should be now; returns the steps and what came of each."""
    with opened(home, now) as services:
        return [asdict(one) for one in steps.run(services, week, do=recorded)]

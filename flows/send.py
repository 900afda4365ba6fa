"""The flow that sends the week's digest when it is due; never retried by Prefect."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from digest.weeks import week_of
from flows import artifacts, steps
from flows.deliver import more_hands
from flows.runs import opened, recorded, week_in_name

from prefect import flow  # isort: skip - after flows.runs, which sets Prefect up


@flow(name="send", flow_run_name=week_in_name, persist_result=False, validate_parameters=False)
def send(home: str, week: str | None = None, now: datetime | None = None) -> dict[str, Any]:
    """Send the week's edition if it is due, approved and not held; returns the step and what came of it.

    Once it is planned, other runs are asked to send it too where settings name more than one.
    """
    with opened(home, now) as services:
        week = week or week_of(services.clock(), services.settings.zone)
        begun = more_hands(services, home, week, now)
        done = recorded(f"send {week}", lambda: steps.send_when_due(services, week, begun))
        artifacts.show(services, week)
        return asdict(done)

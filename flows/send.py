"""The flow that sends the week's digest when it is due; never retried by Prefect."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from digest.weeks import week_of
from flows import steps
from flows.runs import opened, recorded

from prefect import flow  # isort: skip - after flows.runs, which sets Prefect up


@flow(name="send", persist_result=False, validate_parameters=False)
def send(home: str, week: str | None = None, now: datetime | None = None) -> dict[str, Any]:
    """Send the week's edition if it is due, approved and not held; returns the step and what came of it."""
    with opened(home, now) as services:
        week = week or week_of(services.clock(), services.settings.zone)
        done = recorded(f"send {week}", lambda: steps.send_when_due(services, week))
        return asdict(done)

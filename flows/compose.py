"""The flow that composes the week's digest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from digest.weeks import week_of
from flows import artifacts, documents, steps
from flows.runs import opened, recorded, week_in_name

from prefect import flow  # isort: skip - after flows.runs, which sets Prefect up


@flow(name="compose", flow_run_name=week_in_name, persist_result=False, validate_parameters=False)
def compose(home: str, week: str | None = None, now: datetime | None = None) -> dict[str, Any]:
    """Compose the week's digest where there is none yet; returns what `verdicts edition show --json` begins with."""
    with opened(home, now) as services:
        week = week or week_of(services.clock(), services.settings.zone)
        record = services.editions.of(week) or recorded(f"compose {week}", lambda: steps.compose(services, week))
        artifacts.show(services, week)
        return documents.edition(record)

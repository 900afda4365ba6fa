"""The flow that polls feeds, hourly."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flows import documents, steps
from flows.runs import opened, recorded

from prefect import flow  # isort: skip - after flows.runs, which sets Prefect up


@flow(name="gather", flow_run_name="gather", persist_result=False, validate_parameters=False)
def gather(home: str, now: datetime | None = None) -> dict[str, Any]:
    """Poll the feeds that are due; returns what `verdicts gather --json` prints."""
    with opened(home, now) as services:
        return documents.gathered(recorded("poll feeds", lambda: steps.gather(services), retries=2))

"""The flow that forgets what is kept no longer, daily."""

from __future__ import annotations

from datetime import datetime

from flows.housekeeping import housekeep as tidy
from flows.runs import opened, recorded

from prefect import flow  # isort: skip - after flows.runs, which sets Prefect up


@flow(name="housekeep", flow_run_name="housekeep", persist_result=False, validate_parameters=False)
def housekeep(home: str, now: datetime | None = None) -> str:
    """Forget what settings say is kept no longer; returns what that was about."""
    with opened(home, now) as services:
        return str(recorded("forget what is old", lambda: tidy(services), retries=1))

"""The flow that settles what is in doubt and brings to its end what another run left, every quarter of an hour."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from digest.weeks import week_of
from flows import artifacts, steps
from flows.reconciling import reconcile as settle
from flows.runs import opened, recorded

from prefect import flow  # isort: skip - after flows.runs, which sets Prefect up


@flow(name="reconcile", flow_run_name="reconcile", persist_result=False, validate_parameters=False)
def reconcile(home: str, now: datetime | None = None) -> list[dict[str, Any]]:
    """Look up calls in doubt, then do what is due and undone: a run that was missed or killed is made good here.

    Returns the steps and what came of each.
    """
    with opened(home, now) as services:
        recorded("look up what is in doubt", lambda: len(settle(services, None).unknown))
        done = steps.run(services, do=recorded, aside=True)
        artifacts.show(services, week_of(services.clock(), services.settings.zone))
        return [asdict(one) for one in done]

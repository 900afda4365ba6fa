"""The flow that tells the operator of a run that failed, came late or died; Prefect's automations ask for it."""

from __future__ import annotations

from datetime import datetime

from digest.database import writing
from flows import alarms, notices
from flows.runs import opened

from prefect import flow  # isort: skip - after flows.runs, which sets Prefect up


@flow(name="alarm", flow_run_name="alarm", persist_result=False, validate_parameters=False)
def alarm(home: str, run: str, state: str, now: datetime | None = None) -> str:
    """Write to the operator of a run that came to a bad end, once a day for each; says what became of the letters."""
    with opened(home, now) as services:
        at = services.clock()
        with writing(services.engine) as session:
            alarms.run_went_wrong(services.settings, run, state, at)(session)
        return notices.said_of_letters(notices.send_notices(services, patient=False))

"""The flow that helps to send an edition that another run has begun; any number may, each claims batches of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from flows import sending
from flows.runs import opened, recorded, week_in_name
from flows.services import Services
from flows.stopping import gently

from prefect import flow  # isort: skip - after flows.runs, which sets Prefect up
from prefect.deployments import run_deployment  # isort: skip
from prefect.runtime import deployment  # isort: skip

_log = logging.getLogger(__name__)


@flow(name="deliver", flow_run_name=week_in_name, persist_result=False, validate_parameters=False)
def deliver(home: str, week: str, now: datetime | None = None) -> str:
    """Send what is left of an edition that is being sent; says where it stands then."""
    with opened(home, now) as services:
        return str(recorded(f"deliver {week}", lambda: _lent(services, week)))


def _lent(services: Services, week: str) -> str:
    record = services.editions.require(week)
    if record.state != "sending" or record.held is not None:
        return sending.said_of(sending.standing(services, week))
    with gently() as stop:
        return sending.said_of(sending.send(services, week, stop=stop))


def more_hands(services: Services, home: str, week: str, now: datetime | None) -> Callable[[int], None]:
    """Make what asks for `send_workers` runs in all, once it is known how many readers an edition goes to.

    One call is nobody's to share. Whoever cannot be asked is not waited for: this run alone sends it all, too.
    """

    def ask(planned: int) -> None:
        calls = -(-planned // services.sender.size)
        for _ in range(min(services.settings.send_workers, calls) - 1 if deployment.id else 0):
            try:
                run_deployment(
                    "deliver/verdicts", parameters={"home": home, "week": week, "now": now}, timeout=0,
                    as_subflow=False,
                )  # fmt: skip
            except Exception as error:  # noqa: BLE001 - whatever is wrong with Prefect, the edition goes out
                _log.warning("%s is sent by this run alone: nobody can be asked (%s)", week, type(error).__name__)
                return

    return ask

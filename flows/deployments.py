"""Every schedule and deployment, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digest.settings import Settings
from flows.alarm import alarm
from flows.compose import compose
from flows.deliver import deliver
from flows.gather import gather
from flows.housekeep import housekeep
from flows.reconcile import reconcile
from flows.send import send
from flows.weekly import weekly

from prefect import Flow  # isort: skip - after flows.runs, which sets Prefect up
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy  # isort: skip
from prefect.deployments.runner import RunnerDeployment  # isort: skip
from prefect.types.entrypoint import EntrypointType  # isort: skip
from prefect.schedules import Cron  # isort: skip

#: What every deployment is called, and the tag of those whose bad end the operator hears of.
NAME = "verdicts"

#: When calls in doubt are looked up and missed work is made good, and when old rows go: every quarter of an hour; at
#: night, when nobody composes or sends by default.
RECONCILE_AT, HOUSEKEEP_AT = "*/15 * * * *", "30 3 * * *"

#: A second run of the same is not wanted, now or later: the first does all there is to do.
_ONE = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)


@dataclass(frozen=True, slots=True)
class Planned:
    """A flow with its schedule, None where others ask for it; `several` may run at once."""

    flow: Flow[..., Any]
    at: Callable[[Settings], str] | None = None
    several: bool = False
    tags: tuple[str, ...] = (NAME,)


#: The alarm's own bad end raises no alarm: that would have no end.
PLANNED = (
    Planned(gather, lambda settings: settings.gather_at),
    Planned(compose, lambda settings: settings.compose_at),
    Planned(send, lambda settings: settings.send_at),
    Planned(reconcile, lambda _: RECONCILE_AT),
    Planned(housekeep, lambda _: HOUSEKEEP_AT),
    Planned(weekly),
    Planned(deliver, several=True),
    Planned(alarm, several=True, tags=(f"{NAME}-alarm",)),
)


def deployments(home: Path, settings: Settings) -> list[RunnerDeployment]:
    """Give the deployments of one home folder, with their schedules as settings say, in the configured zone.

    They are named by module: a flow loaded by its file's path would put `flows/` on the import path.
    """
    return [
        RunnerDeployment.from_flow(
            one.flow,
            name=NAME,
            schedule=Cron(one.at(settings), timezone=settings.timezone) if one.at else None,
            parameters={"home": str(home)},
            tags=list(one.tags),
            concurrency_limit=None if one.several else _ONE,
            entrypoint_type=EntrypointType.MODULE_PATH,
            enforce_parameter_schema=False,
        )
        for one in PLANNED
    ]

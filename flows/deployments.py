"""Every schedule and deployment, in one place."""

from __future__ import annotations

from pathlib import Path

from digest.settings import Settings
from flows.compose import compose
from flows.gather import gather
from flows.send import send

from prefect.deployments.runner import RunnerDeployment  # isort: skip - after flows.runs, which sets Prefect up
from prefect.types.entrypoint import EntrypointType  # isort: skip
from prefect.schedules import Cron  # isort: skip


def deployments(home: Path, settings: Settings) -> list[RunnerDeployment]:
    """Give the deployments of one home folder: gather hourly, compose and send weekly, as settings say.

    They are named by module: a flow loaded by its file's path would put `flows/` on the import path.
    """
    schedules = ((gather, settings.gather_at), (compose, settings.compose_at), (send, settings.send_at))
    return [
        RunnerDeployment.from_flow(
            flow,
            name="verdicts",
            schedule=Cron(cron, timezone=settings.timezone),
            parameters={"home": str(home)},
            tags=["verdicts"],
            concurrency_limit=1,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for flow, cron in schedules
    ]

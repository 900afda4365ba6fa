"""Make a Prefect server know the flows: for workers on any number of machines, where `serve` is for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from digest.settings import Settings
from flows.automations import register
from flows.deployments import NAME, PLANNED, deployments

from prefect import get_client  # isort: skip - after flows.runs, which sets Prefect up
from prefect.client.schemas.actions import WorkPoolCreate  # isort: skip
from prefect.exceptions import ObjectNotFound  # isort: skip


async def deploy(home: Path, settings: Settings, pool: str, said: Callable[[str], None]) -> None:
    """Make the work pool where there is none, and bring deployments, schedules and automations to what they should be.

    The same again changes nothing but the runs that were planned and not begun. `home` is the home folder as workers
    see it; `said` is told each thing that was done.
    """
    async with get_client() as client:
        try:
            await client.read_work_pool(pool)
        except ObjectNotFound:
            await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
            said(f"made the work pool {pool}")
        for one, plan in zip(deployments(home, settings), PLANNED, strict=True):
            await one.aapply(work_pool_name=pool)
            said(f"{one.flow_name}/{NAME}: {f'{plan.at(settings)} {settings.timezone}' if plan.at else 'when asked'}")
        await register(client, str(home), far=True)
        said("automations: the operator hears of runs that failed, crashed, are late or silent")

"""Run the deployments on their schedules until the process is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

from digest.settings import load_settings
from flows.automations import register
from flows.deployments import NAME, deployments
from flows.stopping import handled

from prefect import get_client  # isort: skip - after flows.runs, which sets Prefect up
from prefect.runner import Runner  # isort: skip

#: How often it is looked whether flow runs have ended, in seconds.
_LOOKS_EACH_S = 0.1


class _Schedules(Runner):
    """A runner that lets its flow runs end before it does; by itself it kills them, with calls under way or not."""

    async def until_asked(self, patience_s: float) -> None:
        """Run what is due, in processes of its own, until somebody asks to end; then wait for those so long."""
        self._here, self._asked = asyncio.get_running_loop(), asyncio.Event()
        with handled(self.handle_sigterm):
            running = asyncio.create_task(self.start(webserver=False))
            asked = asyncio.create_task(self._asked.wait())
            await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
            if self.started:  # else it failed, or was not there yet
                await self._end_runs(patience_s)
            asked.cancel()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    def handle_sigterm(self, *_args: Any, **_kwargs: Any) -> None:
        """Remember that somebody asks to end. Prefect installs this, too; its own one forgets to await its stop."""
        self._here.call_soon_threadsafe(self._asked.set)

    async def _end_runs(self, patience_s: float) -> None:
        """Begin no other run, and ask those under way to end: each finishes its calls first."""
        self._scheduled_run_poller.stopping = True
        processes, until = self._process_manager, time.monotonic() + patience_s
        for one in filter(None, map(processes.get, processes.flow_run_ids())):
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                one.graceful_kill()
        while processes.flow_run_ids() and time.monotonic() < until:
            await asyncio.sleep(_LOOKS_EACH_S)


async def keep(home: Path, patience_s: float) -> None:
    """Poll Prefect for runs that are due, and run each in a process of its own, until somebody asks to end.

    What became due while nobody served is done once: to deploy anew forgets the runs that were missed, and one run
    brings the week to where it should be.
    `patience_s` is how long flow runs may take to end then, in seconds.
    """
    runner = _Schedules(name="verdicts", pause_on_shutdown=False)
    for deployment in deployments(home, load_settings(home)):
        await runner.aadd_deployment(deployment)
    async with get_client() as client:
        await register(client, str(home), far=False)
        weekly = await client.read_deployment_by_name(f"weekly/{NAME}")
        await client.create_flow_run_from_deployment(weekly.id)
    await runner.until_asked(patience_s)

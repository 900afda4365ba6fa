"""Run the deployments on their schedules until the process is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from digest.settings import load_settings
from flows.deployments import deployments

from prefect.runner import Runner  # isort: skip - after flows.runs, which sets Prefect up


class _Schedules(Runner):
    """A runner that stops on SIGTERM the way it does on Ctrl-C; its own handler forgets to await its stop."""

    def handle_sigterm(self, *_args: Any, **_kwargs: Any) -> None:
        raise KeyboardInterrupt


async def keep(home: Path) -> None:
    """Poll Prefect for runs that are due, and run each in a process of its own."""
    runner = _Schedules(name="verdicts", pause_on_shutdown=False)
    for deployment in deployments(home, load_settings(home)):
        await runner.aadd_deployment(deployment)
    await runner.start(webserver=False)

"""What all flows share: Prefect set up our way, services opened per run, and steps recorded as tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

# Before Prefect is imported: it reads them once.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from digest.settings import load_settings
from digest.weeks import week_of
from flows.blocks import with_blocks
from flows.services import Services, clock_from, open_services


def recorded(name: str, work: Callable[[], Any], *, retries: int = 0) -> Any:
    """Run a step as a task of the current flow run.

    Nothing is cached: inputs are connections, and results may hold addresses. Only a step whose repeat is harmless
    gets `retries`, half a minute apart, never all at one moment; handing mail over is never repeated by Prefect.
    """
    named = task(
        name=name, cache_policy=NO_CACHE, persist_result=False, retries=retries, retry_delay_seconds=30,
        retry_jitter_factor=0.5,
    )  # fmt: skip
    return named(work)()


def week_in_name() -> str:
    """Name the flow run that asks by its flow and week, such as compose-2026-W47."""
    asked = flow_run.parameters
    settings = load_settings(Path(asked["home"]))
    week = asked.get("week") or week_of(clock_from(asked.get("now"))(), settings.zone)
    return f"{flow_run.flow_name}-{week}"


@contextmanager
def opened(home: str, now: datetime | None) -> Iterator[Services]:
    """Open the services of a home folder for one flow run; secrets may stand in Prefect's blocks."""
    with open_services(Path(home), now, environment=with_blocks(os.environ)) as services:
        yield services

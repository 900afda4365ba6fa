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

from flows.services import Services, open_services


def recorded(name: str, work: Callable[[], Any], *, retries: int = 0) -> Any:
    """Run a step as a task of the current flow run.

    Nothing is cached: inputs are connections, and results may hold addresses. Only a step whose repeat is harmless
    gets `retries`; handing mail over is never repeated by Prefect.
    """
    return task(name=name, cache_policy=NO_CACHE, persist_result=False, retries=retries, retry_delay_seconds=30)(work)()


@contextmanager
def opened(home: str, now: datetime | None) -> Iterator[Services]:
    """Open the services of a home folder for one flow run."""
    with open_services(Path(home), now) as services:
        yield services

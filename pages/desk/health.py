"""Health: feeds, schedules, last runs, letters, suppressions and this installation, each with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import Response

from pages.desk.visiting import Here

if TYPE_CHECKING:
    from pages.desk.app import Desk


def add_health(app: FastAPI, desk: Desk) -> None:
    """Add the page of how all of it does; it only looks, and its script looks again now and then."""

    @app.get("/health")
    def look(visit: Here) -> Response:
        return desk.page("health.html", visit, desk.at(visit), title="Health", found=desk.steps.health.look())

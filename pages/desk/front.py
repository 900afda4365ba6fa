"""The desk's front: this week in short, and what can be done with its edition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import Response

from digest.errors import EditionError
from pages.desk.visiting import Here, Visit

if TYPE_CHECKING:
    from pages.desk.app import Desk


def add_front(app: FastAPI, desk: Desk) -> None:
    """Add the front page and what its buttons do."""
    steps = desk.steps.front

    def front(visit: Visit) -> Response:
        at = desk.at(visit)
        return desk.page("front.html", visit, at, title="Overview", found=steps.overview(at.week))

    @app.get("/")
    def look(visit: Here) -> Response:
        return front(visit)

    @app.post("/compose")
    def compose(visit: Here) -> Response:
        return desk.do(visit, front, lambda: steps.compose(visit.who, visit.week))

    @app.post("/approve")
    def approve(visit: Here) -> Response:
        return desk.do(visit, front, lambda: steps.approve(visit.who, visit.week, visit.revision))

    @app.post("/hold")
    def hold(visit: Here) -> Response:
        return desk.do(visit, front, lambda: steps.hold(visit.who, visit.week, _reason(visit, "held")))

    @app.post("/release")
    def release(visit: Here) -> Response:
        return desk.do(visit, front, lambda: steps.release(visit.who, visit.week))

    @app.post("/take-up")
    def take_up(visit: Here) -> Response:
        return desk.do(visit, front, lambda: steps.take_up(visit.who, visit.week))

    @app.post("/skip")
    def skip(visit: Here) -> Response:
        return desk.do(visit, front, lambda: steps.skip(visit.who, visit.week, _reason(visit, "skipped")))


def _reason(visit: Visit, done: str) -> str:
    """Give the reason that was typed.

    Raises:
        EditionError: There is none.
    """
    reason = " ".join(visit.text("reason").split())
    if not reason:
        raise EditionError(f"{visit.week} is {done} for a reason: say it, it is shown wherever the edition is")
    return reason

"""The desk as an application: its pages, what they share, and what stands before them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from digest.errors import VerdictsError
from pages.desk.comparing import add_comparing
from pages.desk.edition import add_edition
from pages.desk.front import add_front
from pages.desk.guarding import HEADERS, SAID, Guard
from pages.desk.health import add_health
from pages.desk.keys import Access, Keys
from pages.desk.numbers import add_numbers
from pages.desk.preview import add_preview, framed_only
from pages.desk.reviews import add_reviews
from pages.desk.sending import add_sending
from pages.desk.showing import Shower, add_files
from pages.desk.standing import next_thing
from pages.desk.steps import Standing, Steps
from pages.desk.visiting import Here, Trouble, Visit, trouble_of, visit
from pages.desk.week import add_week

_log = logging.getLogger(__name__)

#: The pages in the order of the navigation: what they are called, and where they are. Those the desk has are shown.
PAGES = (
    ("Overview", "/"),
    ("This week", "/week"),
    ("Edition", "/edition"),
    ("Preview", "/preview"),
    ("Compare", "/compare"),
    ("Send", "/send"),
    ("Numbers", "/numbers"),
    ("Health", "/health"),
)

#: How often a live page is looked at for changes, in seconds, and how long it may say nothing.
_LOOK_S, _SILENT_S = 1.0, 15.0


class Desk:
    """What the modules of pages work with."""

    def __init__(
        self, steps: Steps, access: Access, folders: Sequence[Path], ending: Callable[[], bool] = lambda: False
    ) -> None:
        self.steps, self.show, self.keys, self._ending = steps, Shower(folders, steps.site), Keys(access), ending
        self.pages: tuple[tuple[str, str], ...] = ()

    def at(self, visit: Visit) -> Standing:
        """Say how the week stands that was asked for, else the one to work on."""
        return self.steps.every.standing(visit.week, visit.who)

    def page(self, name: str, visit: Visit, at: Standing, **values: object) -> Response:
        """Print a page, with what went wrong on it.

        Args:
            name: The template in `templates/desk`; it extends `base.html`.
            visit: The request.
            at: How the week stands.
            values: What else the template prints.
        """
        status = visit.trouble.status if visit.trouble else 200
        paths, on = {path for _, path in self.pages}, str(values.get("title", ""))
        return self.show(
            name, status=status, visit=visit, at=at, trouble=visit.trouble, typed=visit.typed, pages=self.pages,
            next=next_thing(at, paths, on), last=self.steps.every.last(at.week), **values,
        )  # fmt: skip

    def do(self, visit: Visit, page: Callable[[Visit], Response], work: Callable[[], object]) -> Response:
        """Do what a form asks and go back to the page it stood on; what goes wrong is said on that page.

        Args:
            visit: The request.
            page: Prints the page of the form, with what was typed and `visit.trouble`.
            work: Calls a step.
        """
        try:
            work()
        except VerdictsError as error:
            return page(replace(visit, trouble=self.trouble(visit, error)))
        return RedirectResponse(visit.back, 303)

    def trouble(self, visit: Visit, error: VerdictsError) -> Trouble:
        """Say what an error means, and log what a person at the desk cannot mend."""
        found = trouble_of(error, lambda: self.steps.every.since(visit.week, visit.revision))
        if found.status >= 500:
            _log.error("%s", error)
        return found

    def live(self, request: Request, look: Callable[[], str], every_s: float = _LOOK_S) -> StreamingResponse:
        """Send an event `changed` with what `look` gives, at first and whenever it gives something else.

        `look` is called in a worker thread every `every_s` seconds while the browser listens.
        """

        async def events() -> AsyncIterator[str]:
            seen, silent_s = "", 0.0
            while not self._ending() and not await request.is_disconnected():
                try:
                    found = await run_in_threadpool(look)
                except VerdictsError as error:  # the page says so itself when it next asks; here it is only waited
                    _log.warning("%s", error)
                    found = seen
                if found != seen:
                    lines = "".join(f"data: {line}\n" for line in found.splitlines() or [""])
                    yield f"event: changed\n{lines}\n"
                    seen, silent_s = found, 0.0
                elif silent_s >= _SILENT_S:
                    yield ": still here\n\n"
                    silent_s = 0.0
                await asyncio.sleep(every_s)
                silent_s += every_s

        return StreamingResponse(events(), media_type="text/event-stream")


def create_desk(
    steps: Steps, access: Access, folders: Sequence[Path], ending: Callable[[], bool] = lambda: False
) -> tuple[FastAPI, Desk]:
    """Make the desk.

    Args:
        steps: What it can do.
        access: Where it is, and who may come.
        folders: Where templates lie, best first.
        ending: Says that the server is stopping, so that pages that listen let go.

    Returns:
        The application, and what its pages work with; `keys` opens it.
    """
    app = FastAPI(title="Desk", docs_url=None, redoc_url=None, openapi_url=None)
    desk = Desk(steps, access, folders, ending)

    def refuse(status: int, title: str, text: str) -> Response:
        trouble = Trouble(status, title, text)
        return desk.show("closed.html", status=status, trouble=trouble, password=bool(access.password), who=access.who)

    app.add_middleware(Guard, keys=desk.keys, refuse=refuse)
    _add_errors(app, desk)
    _add_everywhere(app, desk)
    add_front(app, desk)
    add_edition(app, desk)
    add_comparing(app, desk)
    add_week(app, desk)
    add_reviews(app, desk)
    add_preview(app, desk)
    add_health(app, desk)
    add_sending(app, desk)
    add_numbers(app, desk)
    add_files(app, desk.show)
    there = {route.path for route in app.routes if isinstance(route, APIRoute)}
    desk.pages = tuple((name, path) for name, path in PAGES if path in there)
    return app, desk


def _add_errors(app: FastAPI, desk: Desk) -> None:
    """Say what went wrong where a page did not: what was typed stands there to be copied."""

    def said(here: Visit, trouble: Trouble) -> Response:
        if here.path.startswith("/framed/"):  # refused there, a browser shows a page of its own: the desk is gone
            return framed_only(desk.show("preview_broken.html", status=trouble.status, trouble=trouble))
        return desk.show("broken.html", status=trouble.status, trouble=trouble, visit=here, lost=here.lost())

    @app.exception_handler(VerdictsError)
    async def explain(request: Request, error: VerdictsError) -> Response:
        here = await visit(request)
        page = said(here, desk.trouble(here, error))
        if page.status_code == 503:
            page.headers["Retry-After"] = "5"
        return page

    @app.exception_handler(HTTPException)
    async def turn_away(request: Request, error: HTTPException) -> Response:
        title, text = SAID.get(error.status_code, (str(error.detail), "Go back to the desk."))
        request.scope.setdefault("state", {}).setdefault("form", FormData())
        here = await visit(request)
        return said(here, Trouble(error.status_code, title, text))

    @app.exception_handler(Exception)
    async def apologise(request: Request, _error: Exception) -> Response:
        # This answer passes by the guard; the error itself goes on to the server's log.
        text = "What went wrong stands in the terminal where the desk runs. Nothing was changed."
        page = said(await visit(request), Trouble(500, "Something went wrong here", text))
        for name, value in HEADERS.items():
            page.headers.setdefault(name, value)
        return page


def _add_everywhere(app: FastAPI, desk: Desk) -> None:
    """Add what every page has: undo, the editor's name, and news of what others change."""

    @app.post("/undo")
    def undo(here: Here) -> Response:
        def broken(failed: Visit) -> Response:
            return desk.page("undone.html", failed, desk.at(failed), title="Not taken back")

        return desk.do(here, broken, lambda: desk.steps.every.undo(here.who, here.number("change")))

    @app.post("/name")
    def name(here: Here) -> Response:
        session = desk.keys.renamed(here.session, here.text("who"))
        answer = RedirectResponse(here.back, 303)
        answer.set_cookie(desk.keys.cookie, desk.keys.cookie_of(session), httponly=True, samesite="strict")
        return answer

    @app.get("/live")
    async def live(request: Request, here: Here) -> Response:
        return desk.live(request, lambda: desk.steps.every.mark(here.week))


def at_week(path: str, week: str) -> str:
    """Give the address of a page of the desk for a week."""
    return f"{path}?{urlencode({'week': week})}"

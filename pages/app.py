"""The public pages. A GET changes nothing; every change is a POST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from pages.readers import add_readers
from pages.reading import add_reading
from pages.rooms import POLICY, Rooms, Shower
from pages.watching import add_watching

_HEADERS = {
    "Content-Security-Policy": POLICY.format(style="'self'"),
    "Referrer-Policy": "no-referrer",  # a reader's token stands in addresses
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

#: What a page says where nothing more is known than the status.
_SAID = {
    404: "There is no such page.",
    405: "This page cannot be used that way.",
    422: "That choice is not on the page.",
    500: "Something went wrong here. Please try again in a few minutes.",
}


def create_app(rooms: Rooms) -> FastAPI:
    """Make the application that serves the public pages."""
    app = FastAPI(title=rooms.site.name, docs_url=None, redoc_url=None, openapi_url=None)
    show = Shower(rooms)

    @app.middleware("http")
    async def harden(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if not request.scope["path"].isprintable():  # PostgreSQL refuses NUL, even to look for it
            return _harden(show("message.html", status=404, title=_SAID[404]))
        return _harden(await call_next(request))

    @app.exception_handler(StarletteHTTPException)
    async def explain(_request: Request, error: StarletteHTTPException) -> HTMLResponse:
        plain = error.detail == HTTPStatus(error.status_code).phrase
        page = show(
            "message.html",
            status=error.status_code,
            title=_SAID.get(error.status_code, error.detail) if plain else error.detail,
        )
        page.headers.update(error.headers or {})
        return page

    @app.exception_handler(RequestValidationError)
    async def explain_form(_request: Request, _error: RequestValidationError) -> HTMLResponse:
        return show("message.html", status=422, title=_SAID[422])

    @app.exception_handler(Exception)
    async def apologise(_request: Request, _error: Exception) -> Response:
        # This answer passes by the middleware; the error itself goes on to the server's log.
        return _harden(show("message.html", status=500, title=_SAID[500]))

    add_reading(app, rooms, show)
    add_readers(app, rooms, show)
    add_watching(app, rooms)
    return app


def _harden(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response

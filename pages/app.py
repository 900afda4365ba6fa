"""The public pages. A GET changes nothing; every change is a POST."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import copy
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException as StarletteHTTPException
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from digest.errors import DatabaseError
from pages.accounts import add_accounts
from pages.events import add_events
from pages.joining import add_joining
from pages.readers import add_readers
from pages.reading import add_reading
from pages.rooms import Rooms, Shower
from pages.shielding import Shield, safe_headers
from pages.watching import add_watching

_log = logging.getLogger(__name__)

#: What a page says where nothing more is known than the status.
_SAID = {
    403: "This form was sent from another site. Please open the page itself.",
    404: "There is no such page.",
    405: "This page cannot be used that way.",
    413: "That is more than this page takes.",
    422: "That choice is not on the page.",
    500: "Something went wrong here. Please try again in a few minutes.",
    503: "We cannot reach our own books just now. Please try again in a minute.",
}


class _Pages(FastAPI):
    """The application; in its OpenAPI document each operation has a name of its own, and an order that stays."""

    def openapi(self) -> dict[str, Any]:
        """Describe the pages for programs."""
        if self.openapi_schema is None:
            self.openapi_schema = get_openapi(title=self.title, version=self.version, routes=[*self._one_by_one()])
        return self.openapi_schema

    def _one_by_one(self) -> Iterator[APIRoute]:
        # A route for GET and HEAD would name both alike, which OpenAPI forbids and each reading would warn of.
        for route in (one for one in self.routes if isinstance(one, APIRoute)):
            for method in sorted(route.methods or ()):
                one = copy(route)
                one.methods, one.unique_id = {method}, f"{method.lower()} {route.path_format}"
                yield one


def create_app(rooms: Rooms) -> FastAPI:
    """Make the application that serves the public pages."""
    app = _Pages(title=rooms.site.name, docs_url=None, redoc_url=None)
    app.state.rooms = rooms
    show = Shower(rooms)

    def said(status: int) -> HTMLResponse:
        return show("message.html", status=status, title=_SAID[status])

    app.add_middleware(Shield, site_url=rooms.site.url, refuse=said)
    if rooms.proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(rooms.proxies))

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
        return said(422)

    @app.exception_handler(DatabaseError)
    async def ask_for_patience(_request: Request, error: DatabaseError) -> HTMLResponse:
        _log.error("%s", error)
        page = said(503)
        page.headers["Retry-After"] = "60"
        return page

    @app.exception_handler(Exception)
    async def apologise(_request: Request, _error: Exception) -> Response:
        # This answer passes by the shield; the error itself goes on to the server's log.
        page = said(500)
        page.headers.update(safe_headers(rooms.site.url))
        return page

    add_reading(app, rooms, show)
    add_joining(app, rooms, show)
    add_readers(app, rooms, show)
    add_accounts(app, rooms, show)
    add_events(app, rooms)
    add_watching(app, rooms)
    return app

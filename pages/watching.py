"""Whether the pages work: they live, they are ready, and how much of what they did."""

from __future__ import annotations

import time
from ipaddress import ip_address

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest.database import require_current
from digest.errors import DatabaseError
from digest.tables import EditionRow
from pages.figures import Counted
from pages.rooms import Rooms

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

#: Seconds; a page is meant to take a few thousandths.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


def add_watching(app: FastAPI, rooms: Rooms) -> None:
    """Count requests, and add /healthz, /readyz and /metrics."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Counted(rooms))
    app.state.figures = registry
    requests = Histogram(
        "verdicts_request_seconds", "Requests by route, with how long they took.",
        ("route", "method", "status"), registry=registry, buckets=_BUCKETS,
    )  # fmt: skip
    app.add_middleware(Watch, requests=requests)

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.api_route("/readyz", methods=["GET", "HEAD"])
    def readyz() -> PlainTextResponse:
        said = _unready(rooms.editions.engine)
        return PlainTextResponse(f"{said or 'ready'}\n", status_code=503 if said else 200)

    @app.api_route("/metrics", methods=["GET", "HEAD"])
    def metrics(request: Request) -> Response:
        if rooms.figures_apart or not _is_near(request):
            raise HTTPException(404)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _unready(engine: Engine) -> str:
    """Say why the database cannot be used, "" when it can; its address and its own words are nobody else's."""
    try:
        require_current(engine)
        with engine.connect() as connection:
            connection.execute(select(EditionRow.week).limit(1))
    except DatabaseError as error:
        return "the database has tables of another version" if error.__cause__ is None else _NO_ANSWER
    except SQLAlchemyError:
        return _NO_ANSWER
    return ""


_NO_ANSWER = "the database does not answer"


def _is_near(request: Request) -> bool:
    """Tell whether somebody asks directly, and from a network of our own; a proxy's word for it is not enough."""
    if request.client is None or {"forwarded", "x-forwarded-for"} & set(request.headers):
        return False
    try:
        return ip_address(request.client.host).is_private
    except ValueError:  # a socket in the file system, or a name
        return False


class Watch:
    """Counts each request under its route's pattern: an address itself may hold a reader's token."""

    def __init__(self, app: ASGIApp, requests: Histogram) -> None:
        self.app, self._requests = app, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count what came of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), "none"

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception:
            status = "500"
            raise
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._requests.labels(route, method, status).observe(time.perf_counter() - began)

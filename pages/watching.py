"""Whether the pages work: they live, they are ready, and how much of what they did."""

from __future__ import annotations

import time
from datetime import datetime
from ipaddress import ip_address
from threading import Lock

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest.database import reading, require_current
from digest.errors import DatabaseError
from digest.tables import EditionRow
from pages.rooms import Rooms
from subscribers.tables import BatchRow, NoticeRow, SubscriberRow

#: Figures that the database counts are at most so old.
COUNTED_FOR_S = 10.0

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

#: Seconds; a page is meant to take a few thousandths.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


def add_watching(app: FastAPI, rooms: Rooms) -> None:
    """Count requests, and add /healthz, /readyz and /metrics."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counted(rooms))
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
        if not _is_near(request):
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


class _Counted(Collector):
    """What the database counts: editions, subscribers, letters and notices by state, and how long the oldest waits."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms, self._lock = rooms, Lock()
        self._figures: list[GaugeMetricFamily] = []
        self._counted_at: float | None = None

    def collect(self) -> list[GaugeMetricFamily]:
        """Give the figures, at most COUNTED_FOR_S old; none while the database does not answer."""
        with self._lock:
            if self._counted_at is None or time.monotonic() - self._counted_at >= COUNTED_FOR_S:
                self._figures = self._count()
                self._counted_at = time.monotonic()
            return self._figures

    def _count(self) -> list[GaugeMetricFamily]:
        up = GaugeMetricFamily("verdicts_database_up", "Whether the database answers.")
        try:
            figures = _figures(self._rooms.editions.engine, self._rooms.clock())
        except (SQLAlchemyError, DatabaseError):  # what is missing is told by the figure that says so
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return [up, *figures]


def _figures(engine: Engine, now: datetime) -> list[GaugeMetricFamily]:
    by_state = {
        "editions": ("Editions by state.", select(EditionRow.state, func.count()).group_by(EditionRow.state)),
        "subscribers": (
            "Subscribers by state.", select(SubscriberRow.state, func.count()).group_by(SubscriberRow.state),
        ),
        "notices": ("Letters outside the editions by state.",
                    select(NoticeRow.state, func.count()).group_by(NoticeRow.state)),
        "letters": ("Letters of editions by the state of their batch.",
                    select(BatchRow.state, func.sum(BatchRow.size)).group_by(BatchRow.state)),
    }  # fmt: skip
    figures = []
    with reading(engine) as session:
        for name, (help_, statement) in by_state.items():
            family = GaugeMetricFamily(f"verdicts_{name}", help_, labels=("state",))
            for state, n in session.exec(statement):
                family.add_metric([state], int(n))
            figures.append(family)
        oldest = session.exec(select(func.min(NoticeRow.queued_at)).where(col(NoticeRow.state) == "queued")).one()
    waits = GaugeMetricFamily("verdicts_oldest_notice_seconds", "How long the oldest waiting letter has waited.")
    waits.add_metric([], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
    return [*figures, waits]

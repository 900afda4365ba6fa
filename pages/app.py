"""The public pages: archive, comparison, leaving and preferences. A GET changes nothing; every change is a POST."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, get_args
from urllib.parse import quote

from fastapi import FastAPI, Form, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from digest.editions import PUBLIC, EditionRecord, Editions
from digest.model import READER, Call, Matchup, Side, Site, Tally, Tool, percent
from digest.prices import is_stale
from digest.rendering import environment
from digest.tools import Tools
from digest.wording import community_note
from subscribers.links import reader_of
from subscribers.store import Reader, Subscribers

#: How long a reader may rest, in weeks.
PAUSES = (2, 4, 8, 12)

#: Nothing from elsewhere, no script at all; the archive shows an email, whose styles stand in its elements.
_POLICY = (
    "default-src 'none'; style-src {style}; img-src https: data:; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)

_HEADERS = {
    "Content-Security-Policy": _POLICY.format(style="'self'"),
    "Referrer-Policy": "no-referrer",  # a reader's token stands in addresses
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

#: A page with a reader's own links on it: nobody else's to keep or to list.
_PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


#: What a page says where nothing more is known than the status.
_SAID = {
    404: "There is no such page.",
    405: "This page cannot be used that way.",
    422: "That choice is not on the page.",
    500: "Something went wrong here. Please try again in a few minutes.",
}


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the pages work with, handed in by whoever serves them."""

    editions: Editions
    tools: Tools
    subscribers: Subscribers
    site: Site
    contact: str
    keys: Sequence[bytes]
    folders: Sequence[Path]
    clock: Callable[[], datetime]


def create_app(rooms: Rooms) -> FastAPI:
    """Make the application that serves the public pages."""
    app = FastAPI(title=rooms.site.name, docs_url=None, redoc_url=None, openapi_url=None)
    show = _Shower(rooms)

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

    _archive(app, rooms, show)
    _comparisons(app, rooms, show)
    _readers(app, rooms, show)
    _voting(app, rooms, show)
    return app


def _harden(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


class _Shower:
    """Prints a page template with what every page needs."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms

    def __call__(self, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
        page = environment(tuple(self.rooms.folders)).get_template(f"pages/{name}")
        html = page.render(site=self.rooms.site, contact=self.rooms.contact, **values)
        return HTMLResponse(html, status_code=status, headers=_PRIVATE if "token" in values else None)


def _archive(app: FastAPI, rooms: Rooms, show: _Shower) -> None:
    @app.api_route("/", methods=["GET", "HEAD"])
    def home() -> HTMLResponse:
        editions = rooms.editions.all(limit=12, public=True)
        return show("home.html", title=rooms.site.name, editions=editions)

    @app.api_route("/editions", methods=["GET", "HEAD"])
    def editions() -> HTMLResponse:
        return show("editions.html", title="All editions", editions=rooms.editions.all(public=True))

    @app.api_route("/editions/{week}", methods=["GET", "HEAD"])
    def edition(week: str) -> HTMLResponse:
        record = rooms.editions.of(week)
        if record is None or record.state not in PUBLIC or record.message is None:
            raise HTTPException(404, "There is no such edition.")
        page = HTMLResponse(without_personal_links(record.message.html))
        page.headers["Content-Security-Policy"] = _POLICY.format(style="'unsafe-inline'")
        return page

    @app.api_route("/site.css", methods=["GET", "HEAD"])
    def style() -> Response:
        source = environment(tuple(rooms.folders)).get_template("pages/site.css").render()
        return Response(source, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")


def _comparisons(app: FastAPI, rooms: Rooms, show: _Shower) -> None:
    @app.api_route("/compare/{pair}", methods=["GET", "HEAD"], response_model=None)
    def compare(pair: str) -> Response:
        record, matchup = _find(rooms.editions, pair)
        if matchup.slug != pair:
            return RedirectResponse(f"/compare/{matchup.slug}", status_code=302)
        panel = [
            (reviewer, [(side.tool, side.verdict.by(reviewer.slug)) for side in matchup.sides])
            for reviewer in record.edition.reviewers
            if any(side.verdict.by(reviewer.slug) for side in matchup.sides)
        ]
        title = " vs ".join(side.tool.name for side in matchup.sides)
        return show("compare.html", title=title, record=record, matchup=matchup, panel=panel, percent=percent)

    @app.api_route("/tools/{slug}", methods=["GET", "HEAD"], response_model=None)
    def tool(slug: str) -> Response:
        found = rooms.tools.known(slug)
        stood = _stood(rooms, found.slug) if found else []
        if found is None or not stood:  # a verdict that no edition has printed is not public
            raise HTTPException(404, "No edition has compared this tool yet.")
        if found.slug != slug:
            return RedirectResponse(f"/tools/{found.slug}", status_code=302)
        return show(
            "tool.html", title=found.name, tool=found, stood=stood, percent=percent, this_year=rooms.clock().year,
            stale=is_stale(found.price_checked_on, rooms.clock().date()),
        )  # fmt: skip


def _stood(rooms: Rooms, slug: str) -> list[tuple[str, Matchup, Side]]:
    """Give the public editions a tool stood in, newest first: the week, the matchup, and its own side."""
    weeks = [one.week for one in rooms.tools.appearances(slug) if one.state in PUBLIC]
    editions = (record.edition for week in weeks if (record := rooms.editions.of(week)))
    return [
        (edition.week, matchup, side)
        for edition in editions
        for matchup in edition.matchups
        for side in matchup.sides
        if side.tool.slug == slug
    ]


def _find(editions: Editions, pair: str) -> tuple[EditionRecord, Matchup]:
    """Find the newest public matchup of a pair written in either order; a slug may itself hold "-vs-"."""
    for cut in re.finditer("(?=-vs-)", pair[:200]):
        a, b = pair[: cut.start()], pair[cut.start() + len("-vs-") :]
        if found := editions.comparison(a, b):
            return found
    raise HTTPException(404, "These two tools were not compared here.")


def without_personal_links(html: str) -> str:
    """Take the links of one reader out of a message, for the archive, and rows of a table that are about that only."""
    row = r"(?:(?!</?(?:tr|td|table|div|p)\b).)*?"
    html = re.sub(rf"<tr><td[^>]*>{row}{re.escape(READER)}{row}</td></tr>", "", html, flags=re.DOTALL)
    html = re.sub(rf"<a\b[^>]*{re.escape(READER)}[^>]*>.*?</a>", "", html, flags=re.DOTALL)
    return html.replace(READER, "")


def _reader_of(rooms: Rooms, token: str) -> Reader:
    subscriber_id = reader_of(rooms.keys, token)
    reader = rooms.subscribers.reader(subscriber_id) if subscriber_id else None
    if reader is None:
        raise HTTPException(404, "This link is not complete. Please take it from your latest email again.")
    return reader


def _voting(app: FastAPI, rooms: Rooms, show: _Shower) -> None:
    @app.api_route("/vote/{token}/{week}/{slug}/{call}", methods=["GET", "HEAD"])
    def ask_for_vote(token: str, week: str, slug: str, call: str) -> HTMLResponse:
        _reader_of(rooms, token)
        return _ballot(rooms, show, token, (week, slug, call))

    @app.post("/vote/{token}/{week}/{slug}/{call}")
    def vote(token: str, week: str, slug: str, call: str, choice: Annotated[Call, Form()]) -> HTMLResponse:
        reader, tool = _reader_of(rooms, token), _compared(rooms, week, slug, call)
        rooms.subscribers.vote([(tool.slug, reader.id, choice)], rooms.clock())
        return _ballot(rooms, show, token, (week, slug, choice), saved=True)


def _compared(rooms: Rooms, week: str, slug: str, call: str) -> Tool:
    """The tool under its present name, if a public edition showed it: votes are for what readers saw."""
    record = rooms.editions.of(week)
    if record is not None and record.state in PUBLIC and call in get_args(Call):
        for tool in (side.tool for matchup in record.edition.matchups for side in matchup.sides):
            if tool.slug == slug:
                return rooms.tools.known(slug) or tool
    raise HTTPException(404, "There is no such tool in that edition.")


def _ballot(
    rooms: Rooms, show: _Shower, token: str, ballot: tuple[str, str, str], *, saved: bool = False
) -> HTMLResponse:
    week, slug, choice = ballot
    tool = _compared(rooms, week, slug, choice)
    tally = rooms.subscribers.tallies({tool.slug}).get(tool.slug, Tally())
    return show(
        "vote.html", title=f"Your vote on {tool.name}", token=token, tool=tool, choice=choice, saved=saved,
        tally=percent(tally.share), note=community_note(tally), action=f"/vote/{token}/{week}/{quote(slug)}/{choice}",
    )  # fmt: skip


def _readers(app: FastAPI, rooms: Rooms, show: _Shower) -> None:
    def reader_for(token: str) -> Reader:
        return _reader_of(rooms, token)

    @app.api_route("/leave/{token}", methods=["GET", "HEAD"])
    def ask_to_leave(token: str) -> HTMLResponse:
        return show("leave.html", title="Leave", token=token, left=reader_for(token).state == "unsubscribed")

    @app.post("/leave/{token}", response_model=None)
    def leave(token: str, one_click: Annotated[str, Form(alias="List-Unsubscribe")] = "") -> Response:
        # RFC 8058: a mail program posts this without cookies and expects no redirect.
        how = "one-click" if one_click == "One-Click" else "page"
        rooms.subscribers.leave(reader_for(token).id, rooms.clock(), source=how)
        if how == "one-click":
            return PlainTextResponse("You have left.\n")
        return show("leave.html", title="You have left", token=token, left=True)

    @app.post("/return/{token}")
    def come_back(token: str) -> HTMLResponse:
        rooms.subscribers.come_back(reader_for(token).id, rooms.clock(), source="page, undo")
        return _preferences(reader_for(token), token, saved=True)

    @app.api_route("/preferences/{token}", methods=["GET", "HEAD"])
    def preferences(token: str) -> HTMLResponse:
        return _preferences(reader_for(token), token)

    @app.post("/preferences/{token}")
    def change(token: str, pause: Annotated[int, Form()]) -> HTMLResponse:
        reader = reader_for(token)
        if pause not in {0, *PAUSES}:
            raise HTTPException(422)
        rooms.subscribers.pause(reader.id, rooms.clock() + timedelta(weeks=pause) if pause else None)
        return _preferences(reader_for(token), token, saved=True)

    def _preferences(reader: Reader, token: str, *, saved: bool = False) -> HTMLResponse:
        resting = reader.paused_until if reader.paused_until and reader.paused_until > rooms.clock() else None
        left = reader.state == "unsubscribed"
        return show(
            "preferences.html", title="Preferences", token=token, resting=resting, left=left, pauses=PAUSES, saved=saved
        )

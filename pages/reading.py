"""What anybody may read: editions, comparisons and tools."""

from __future__ import annotations

import re

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from digest.editions import PUBLIC, EditionRecord, Editions
from digest.model import READER, Matchup, Side, percent
from digest.prices import is_stale
from digest.rendering import environment
from pages.rooms import Rooms, Shower
from pages.shielding import POLICY


def add_reading(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    """Add every page that needs no link of one's own."""
    _archive(app, rooms, show)
    _comparisons(app, rooms, show)


def _archive(app: FastAPI, rooms: Rooms, show: Shower) -> None:
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
        page.headers["Content-Security-Policy"] = POLICY.format(style="'unsafe-inline'")
        return page

    @app.api_route("/site.css", methods=["GET", "HEAD"])
    def style() -> Response:
        source = environment(tuple(rooms.folders)).get_template("pages/site.css").render()
        return Response(source, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")


def _comparisons(app: FastAPI, rooms: Rooms, show: Shower) -> None:
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

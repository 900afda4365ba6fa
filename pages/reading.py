"""What anybody may read: home, editions, categories, reviewers, search, and how it is all handled."""

from __future__ import annotations

import re
from functools import lru_cache

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from digest.archive import Archive
from digest.model import READER
from digest.wording import week_name
from pages.comparing import add_comparing
from pages.describing import absolute, ld, of_site
from pages.feeds import add_feeds, unless_known
from pages.leafing import NoSuchPage, leaf
from pages.rooms import Rooms, Shower
from pages.searching import MOST_CHARACTERS
from pages.shelf import Shelf
from pages.shielding import POLICY

#: Of long lists, so much on a page that none is longer than 60 KB.
EDITIONS, TOOLS, CALLS, EARLIER = 12, 20, 20, 8


def add_reading(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    """Add every page that needs no link of one's own."""
    archive = Archive(rooms.editions.engine)
    shelf = Shelf(archive, rooms.subscribers, rooms.fresh_s)
    _home(app, rooms, show, shelf)
    _archive(app, show, shelf, archive)
    _lists(app, show, shelf)
    _search(app, show, shelf)
    _no_such_page(app, show)
    add_comparing(app, rooms, show, shelf)
    add_feeds(app, rooms, show, shelf)


def _home(app: FastAPI, rooms: Rooms, show: Shower, shelf: Shelf) -> None:
    described = ld(of_site(rooms.site))

    @app.api_route("/", methods=["GET", "HEAD"])
    async def home() -> HTMLResponse:
        library = await shelf.library()

        def values() -> dict[str, object]:
            newest = library.issues[0] if library.issues else None
            here = len(newest.edition.matchups) if newest else 0
            earlier = [(issue, one) for issue, one in library.comparisons[: EARLIER + here] if issue is not newest]
            return {
                "title": rooms.site.name, "canonical": absolute(rooms.site, "/"), "description": rooms.site.tagline,
                "newest": newest, "earlier": earlier[:EARLIER], "groups": library.categories, "described": described,
            }  # fmt: skip

        return show.kept("home.html", "", library, None, values)

    @app.api_route("/privacy", methods=["GET", "HEAD"])
    async def privacy() -> HTMLResponse:
        return show(
            "privacy.html", title="Privacy", canonical=absolute(rooms.site, "/privacy"), keeping=rooms.keeping,
            description=f"What {rooms.site.name} keeps of its readers, why, and for how long.",
        )  # fmt: skip


def _archive(app: FastAPI, show: Shower, shelf: Shelf, archive: Archive) -> None:
    parted = lru_cache(maxsize=8)(for_the_archive)  # 45 KB each
    site = show.rooms.site

    @app.api_route("/editions", methods=["GET", "HEAD"])
    async def editions(page: str = "1") -> HTMLResponse:
        issues = leaf((await shelf.library()).issues, page, EDITIONS, "/editions")
        return show(
            "editions.html", title=f"All editions{issues.title}", issues=issues,
            canonical=absolute(site, "") + issues.here,
            description=f"Every edition of {site.name}, newest first.",
        )  # fmt: skip

    @app.api_route("/editions/{week}", methods=["GET", "HEAD"])
    async def edition(request: Request, week: str) -> Response:
        library, message = await shelf.library(), await run_in_threadpool(archive.message, week)
        if message is None:
            raise HTTPException(404, "There is no such edition.")
        issue = library.by_week.get(week)
        styles, body = parted(message[0].html, week)
        page = show(
            "edition.html", title=message[0].subject, styles=styles, body=body, kind="article",
            canonical=absolute(site, f"/editions/{week}"),
            description=(issue.edition.preheader if issue else "") or f"{site.name}, {week_name(week)}.",
        )  # fmt: skip
        # Until it was sent, an edition may be taken back: always ask.
        headers = {"Cache-Control": "no-cache", "Link": _feed_link()}
        headers["Content-Security-Policy"] = POLICY.format(style="'unsafe-inline'")
        return unless_known(request, bytes(page.body), "text/html; charset=utf-8", headers)


def _feed_link() -> str:
    return '</feed.xml>; rel="alternate"; type="application/atom+xml"'


def _lists(app: FastAPI, show: Shower, shelf: Shelf) -> None:
    site = show.rooms.site

    @app.api_route("/categories/{category}", methods=["GET", "HEAD"])
    async def category(category: str, page: str = "1", by: str = "") -> HTMLResponse:
        found = (await shelf.library()).categories.get(category)
        if found is None:
            raise HTTPException(404, "No tool of such a category has been compared yet.")
        name, tools = found
        if by == "panel":  # sorting keeps the newest first where panels agree
            tools = tuple(sorted(tools, key=lambda one: -(one.stood[0].side.verdict.tally.share or 0)))
        path = f"/categories/{category}"
        listed = leaf(tools, page, TOOLS, path, {"by": "panel"} if by == "panel" else {})
        return show(
            "category.html", title=f"{name}{listed.title}", heading=name, listed=listed, by=by, path=path,
            canonical=absolute(site, path) if by == "panel" else absolute(site, "") + listed.here,
            description=f"Every tool in {name} that {site.name} has compared, with the panel’s verdict.",
        )  # fmt: skip

    @app.api_route("/reviewers/{reviewer}", methods=["GET", "HEAD"])
    async def reviewer(reviewer: str, page: str = "1") -> HTMLResponse:
        judge = (await shelf.library()).judges.get(reviewer)
        if judge is None:
            raise HTTPException(404, "No edition has printed a call of such a reviewer.")
        said = leaf(judge.said, page, CALLS, f"/reviewers/{reviewer}")
        return show(
            "reviewer.html", title=f"{judge.reviewer.name}{said.title}", judge=judge, said=said,
            this_year=show.rooms.clock().year,
            canonical=absolute(site, "") + said.here,
            description=f"What the {judge.reviewer.name} of our panel has called ship and skip, with the reasons.",
        )  # fmt: skip


def _search(app: FastAPI, show: Shower, shelf: Shelf) -> None:
    @app.api_route("/search", methods=["GET", "HEAD"])
    async def search(q: str = "", page: str = "1") -> HTMLResponse:
        library, query = await shelf.library(), " ".join(q[:MOST_CHARACTERS].split())
        found = leaf(library.search(query), page, TOOLS, "/search", {"q": query})
        answer = show(
            "search.html", title=f"Search: {query}" if query else "Search", query=query, found=found, noindex=True,
            groups=library.categories,
        )  # fmt: skip
        answer.headers["X-Robots-Tag"] = "noindex"
        return answer


def _no_such_page(app: FastAPI, show: Shower) -> None:
    @app.exception_handler(NoSuchPage)
    async def explain(_request: Request, error: NoSuchPage) -> HTMLResponse:
        return show("message.html", status=404, title=error.detail, instead=error.first)


def for_the_archive(html: str, week: str) -> tuple[Markup, Markup]:
    """Part a message into its styles and its body, without what only a mailed one needs.

    That are the links of one reader, rows of a table that are about these only, and the link to this very page.
    """
    html = re.sub(r"<!--.*?-->", "", without_personal_links(html), flags=re.DOTALL)  # these speak to Outlook
    head, _, body = html.partition("<body")
    body = re.sub(rf'<a\b[^>]*/editions/{re.escape(week)}"[^>]*>.*?</a>', "", body, flags=re.DOTALL)
    body = re.sub(r"<p[^>]*>(?:\s|<br ?/?>)*</p>", "", body)
    styles = re.findall(r"<style[^>]*>.*?</style>", head, re.DOTALL)
    body = body.partition(">")[2].rpartition("</body>")[0]
    return Markup("".join(styles)), Markup(body)  # noqa: S704 - rendered by us, and checked before it was approved


def without_personal_links(html: str) -> str:
    """Take the links of one reader out of a message, and rows of a table that are about that only."""
    row = r"(?:(?!</?(?:tr|td|table|div|p)\b).)*?"
    html = re.sub(rf"<tr><td[^>]*>{row}{re.escape(READER)}{row}</td></tr>", "", html, flags=re.DOTALL)
    html = re.sub(rf"<a\b[^>]*{re.escape(READER)}[^>]*>.*?</a>", "", html, flags=re.DOTALL)
    return html.replace(READER, "")

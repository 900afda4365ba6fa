"""What programs fetch: the Atom feed, the sitemap, the rules for robots, the style sheet and pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from digest.archive import Issue
from digest.model import Matchup, Site
from digest.wording import one_line, week_name
from pages.describing import absolute
from pages.rooms import Rooms, Shower
from pages.shelf import Library, Shelf

#: Newest editions in the feed; who reads it less often than this finds the rest in the archive.
FEED_EDITIONS = 10

#: Addresses one sitemap may hold. Source: sitemaps.org protocol, "Sitemap file requirements".
MOST_ADDRESSES = 50_000

#: Who mints the ids of entries (RFC 4151), whatever a site is called and wherever it moves to.
_MINT = "tag:verdicts.example.org,2026:"

_FOR_A_WHILE = {"Cache-Control": "public, max-age=300"}

_ATOM = "http://www.w3.org/2005/Atom"
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"

#: Pages of one reader's own, forms, and what changes with every question.
_NOT_FOR_ROBOTS = (
    "/account", "/confirm", "/leave", "/move", "/preferences", "/return", "/search", "/subscribe", "/vote", "/metrics",
)  # fmt: skip


def add_feeds(app: FastAPI, rooms: Rooms, show: Shower, shelf: Shelf) -> None:
    """Add what programs fetch."""
    kept: dict[str, tuple[Library, bytes]] = {}

    async def made(name: str, make: Callable[[Library, Site], bytes]) -> bytes:
        library = await shelf.library()
        if name not in kept or kept[name][0] is not library:
            kept[name] = (library, make(library, rooms.site))
        return kept[name][1]

    @app.api_route("/feed.xml", methods=["GET", "HEAD"])
    async def feed(request: Request) -> Response:
        body = await made("feed", atom)
        return unless_known(request, body, "application/atom+xml")

    @app.api_route("/sitemap.xml", methods=["GET", "HEAD"])
    async def sitemap(request: Request) -> Response:
        body = await made("sitemap", addresses)
        return unless_known(request, body, "application/xml")

    _pictures(app, show)

    @app.api_route("/robots.txt", methods=["GET", "HEAD"])
    async def robots() -> PlainTextResponse:
        rules = "".join(f"Disallow: {path}\n" for path in _NOT_FOR_ROBOTS)
        text = f"User-agent: *\n{rules}\nSitemap: {absolute(rooms.site, '/sitemap.xml')}\n"
        return PlainTextResponse(text, headers={"Cache-Control": "public, max-age=3600"})

    @app.api_route("/site.css", methods=["GET", "HEAD"])
    async def style(request: Request, v: str = "") -> Response:
        source, version = show.style
        kept_for = "public, max-age=31536000, immutable" if v == version else "no-cache"
        return unless_known(request, source.encode(), "text/css; charset=utf-8", {"Cache-Control": kept_for})


def _pictures(app: FastAPI, show: Shower) -> None:
    icon, card = show.picture("favicon.svg"), show.picture("card.png")
    kept = {"Cache-Control": "public, max-age=86400"}

    @app.api_route("/favicon.svg", methods=["GET", "HEAD"])
    @app.api_route("/favicon.ico", methods=["GET", "HEAD"])
    async def favicon(request: Request) -> Response:
        return unless_known(request, icon, "image/svg+xml", kept)

    @app.api_route("/card.png", methods=["GET", "HEAD"])
    async def picture(request: Request) -> Response:
        # Shown by other sites beside a link to a page of ours.
        return unless_known(request, card, "image/png", {**kept, "Cross-Origin-Resource-Policy": "cross-origin"})


def unless_known(request: Request, body: bytes, media_type: str, headers: Mapping[str, str] = _FOR_A_WHILE) -> Response:
    """Answer with a document, or 304 to who has it already.

    Only the fingerprint tells: by date, a document would also be known after an edition was taken back out of it.
    """
    seal = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": seal, **headers}
    if seal in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _changed(issues: tuple[Issue, ...]) -> datetime:
    newest = max((issue.public_at for issue in issues), default=datetime(1970, 1, 1, tzinfo=UTC))
    return newest.astimezone(UTC).replace(microsecond=0)


def atom(library: Library, site: Site) -> bytes:
    """Write the feed: the newest editions, each followed by its comparisons, with categories that tell them apart."""
    issues = library.issues[:FEED_EDITIONS]
    root = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    # Told from other feeds by where it stands: what is in it changes.
    own = f"tag:{urlsplit(absolute(site, '/')).hostname},2026:feed"
    _texts(root, id=own, title=site.name, subtitle=site.tagline, updated=_changed(issues).isoformat())
    ET.SubElement(root, "link", {"rel": "self", "type": "application/atom+xml", "href": absolute(site, "/feed.xml")})
    ET.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": absolute(site, "/")})
    _texts(ET.SubElement(root, "author"), name=site.name)
    for issue in issues:
        _edition_entry(root, site, issue)
        for position, matchup in enumerate(issue.edition.matchups):
            _comparison_entry(root, site, issue, position, matchup)
    return _written(root)


def _edition_entry(root: ET.Element, site: Site, issue: Issue) -> None:
    pairs = "; ".join(_versus(one) for one in issue.edition.matchups)
    said = f"{one_line(issue.edition.preheader)} {pairs}".strip()
    _entry(
        root, issue, "edition", f"edition/{issue.week}", issue.subject, said, absolute(site, f"/editions/{issue.week}")
    )


def _comparison_entry(root: ET.Element, site: Site, issue: Issue, position: int, matchup: Matchup) -> None:
    where, name = absolute(site, f"/compare/{matchup.slug}"), f"comparison/{issue.week}/{position}"
    entry = _entry(root, issue, "comparison", name, _versus(matchup), matchup.bottom_line, where)
    for category in dict.fromkeys(side.tool.category for side in matchup.sides):
        ET.SubElement(entry, "category", {"term": one_line(category)})


def _entry(root: ET.Element, issue: Issue, kind: str, name: str, title: str, summary: str, link: str) -> ET.Element:
    entry, at = ET.SubElement(root, "entry"), issue.public_at.astimezone(UTC).replace(microsecond=0).isoformat()
    # The start of its week's news tells this newsletter's edition from another's of the same week.
    id_ = f"{_MINT}{name}/{int(issue.edition.since.timestamp())}"
    _texts(entry, id=id_, title=title or week_name(issue.week), updated=at, published=at, summary=summary)
    ET.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": link})
    ET.SubElement(entry, "category", {"term": kind})
    return entry


def addresses(library: Library, site: Site) -> bytes:
    """Write the sitemap: every page for anybody under its one address, with the day it changed last."""
    root = ET.Element("urlset", {"xmlns": _SITEMAP})
    for count, (path, at) in enumerate(_public(library)):
        if count == MOST_ADDRESSES:
            break
        url = ET.SubElement(root, "url")
        _texts(url, loc=absolute(site, path))
        if at:
            _texts(url, lastmod=at.date().isoformat())
    return _written(root)


def _public(library: Library) -> Iterator[tuple[str, datetime | None]]:
    newest = library.issues[0].public_at if library.issues else None
    yield "/", newest
    yield "/editions", newest
    yield "/privacy", None
    for slug, (_, tools) in library.categories.items():
        yield f"/categories/{slug}", tools[0].stood[0].issue.public_at
    for slug, judge in library.judges.items():
        yield f"/reviewers/{slug}", judge.said[0].standing.issue.public_at
    for issue in library.issues:
        yield f"/editions/{issue.week}", issue.public_at
    for issue, matchup in library.comparisons:
        yield f"/compare/{matchup.slug}", issue.public_at
    for slug, listed in library.tools.items():
        yield f"/tools/{slug}", listed.stood[0].issue.public_at


def _versus(matchup: Matchup) -> str:
    return " vs ".join(one_line(side.tool.name) for side in matchup.sides)


def _texts(parent: ET.Element, **texts: str) -> None:
    for name, said in texts.items():
        ET.SubElement(parent, name).text = one_line(said)  # without the controls that no XML may hold


def _written(root: ET.Element) -> bytes:
    return cast("bytes", ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"

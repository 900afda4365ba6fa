"""Two tools side by side, and one tool through all of its editions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import RedirectResponse

from digest.archive import Issue
from digest.model import Call, Matchup, Review, Reviewer, Side, Tally, Tool, percent
from digest.prices import is_stale
from digest.views import MeasureView, community_view, panel_view
from pages.describing import absolute, ld, of_comparison, of_tool
from pages.leafing import leaf
from pages.rooms import Rooms, Shower
from pages.shelf import Library, Shelf, Standing, flipped, unnamed

#: Editions of a tool's history on one page.
HISTORY = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """A side with its figures: the panel's and the readers' when the edition was made, and the readers' now."""

    side: Side
    panel: MeasureView
    then: MeasureView
    now: MeasureView


@dataclass(frozen=True, slots=True)
class Row:
    """A reviewer of the scorecard, with the review of each tool, None where there is none."""

    reviewer: Reviewer
    reviews: tuple[tuple[Tool, Review | None], ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One edition of a tool's history, with the calls in panel order.

    `turned` are the names of reviewers who called it otherwise in the edition before, with both calls; `panel_was` is
    the percentage there, "" where it is the same.
    """

    standing: Standing
    rival: Side
    measured: Measured
    calls: tuple[tuple[Reviewer, Review], ...]
    turned: tuple[tuple[str, Call, Call], ...]
    panel_was: str


def add_comparing(app: FastAPI, rooms: Rooms, show: Shower, shelf: Shelf) -> None:
    """Add the comparison page and the page of a tool."""
    _comparison(app, rooms, show, shelf)
    _tool(app, rooms, show, shelf)


def _comparison(app: FastAPI, rooms: Rooms, show: Shower, shelf: Shelf) -> None:
    @app.api_route("/compare/{pair}", methods=["GET", "HEAD"], response_model=None)
    async def compare(pair: str) -> Response:
        library = await shelf.library()
        issue, matchup = _find(library, pair)
        if matchup.slug != pair:
            return RedirectResponse(f"/compare/{matchup.slug}", status_code=302)
        slugs = [side.tool.slug for side in matchup.sides]
        votes = await shelf.votes(*map(library.slug, slugs))
        year = rooms.clock().year

        def values() -> dict[str, object]:
            scorecard = _scorecard(issue, matchup)
            reviewers = [row.reviewer for row in scorecard]
            return {
                "title": " vs ".join(side.tool.name for side in matchup.sides),
                "issue": issue,
                "matchup": matchup,
                "sides": [_measured(side, now) for side, now in zip(matchup.sides, votes, strict=True)],
                "scorecard": scorecard,
                "told": library.told_since(slugs, issue.week),
                "this_year": year,
                "description": matchup.bottom_line,
                "canonical": absolute(rooms.site, f"/compare/{matchup.slug}"),
                "described": ld(of_comparison(rooms.site, issue, matchup, reviewers)),
                "kind": "article",
            }

        return show.kept("compare.html", pair, library, (votes, year), values)


def _tool(app: FastAPI, rooms: Rooms, show: Shower, shelf: Shelf) -> None:
    @app.api_route("/tools/{slug}", methods=["GET", "HEAD"], response_model=None)
    async def tool(slug: str, page: str = "1") -> Response:
        library = await shelf.library()
        listed, present = library.listed(slug), library.slug(slug)
        if listed is None:  # a verdict that no edition has printed is not public
            raise HTTPException(404, "No edition has compared this tool yet.")
        if present != slug:
            return RedirectResponse(f"/tools/{present}", status_code=302)
        one, path, (now,) = listed.tool, f"/tools/{slug}", await shelf.votes(slug)
        today, newest = rooms.clock().date(), listed.stood[0]
        history = leaf(listed.stood, page, HISTORY, path)

        def values() -> dict[str, object]:
            names = {reviewer.slug: reviewer.name for reviewer in newest.issue.edition.reviewers}
            return {
                "title": f"{one.name}{history.title}",
                "tool": one,
                "history": history,
                "chapters": _chapters(listed.stood, *history.span),
                "measured": _measured(newest.side, now),
                "told": library.told_since([slug]),
                "stale": is_stale(one.price_checked_on, today),
                "this_year": today.year,
                "description": one.tagline or one.description or one.name,
                "canonical": absolute(rooms.site, "") + history.here,
                "described": ld(of_tool(rooms.site, Side(one, newest.side.verdict, Tally()), names)),
            }

        return show.kept("tool.html", f"{slug}?{page}", library, (now, today), values)


def _find(library: Library, pair: str) -> tuple[Issue, Matchup]:
    """Find the newest public matchup of a pair written in either order; a slug may itself hold "-vs-"."""
    for cut in re.finditer("(?=-vs-)", pair[:200]):
        if found := library.comparison(pair[: cut.start()], pair[cut.start() + len("-vs-") :]):
            return found
    raise HTTPException(404, "These two tools were not compared here.")


def _measured(side: Side, votes: Tally) -> Measured:
    return Measured(side, panel_view(side), community_view(side.community), community_view(votes))


def _panel(issue: Issue, *sides: Side) -> list[Reviewer]:
    """Those with a call on any of these sides, in panel order; then any whose review counts but who left the panel."""
    called = {review.reviewer for side in sides for review in side.verdict.reviews}
    known = {one.slug for one in issue.edition.reviewers}
    named = [one for one in issue.edition.reviewers if one.slug in called]
    return named + [unnamed(slug) for slug in sorted(called - known)]


def _scorecard(issue: Issue, matchup: Matchup) -> list[Row]:
    return [
        Row(reviewer, tuple((side.tool, side.verdict.by(reviewer.slug)) for side in matchup.sides))
        for reviewer in _panel(issue, *matchup.sides)
    ]


def _chapters(stood: Sequence[Standing], first: int, last: int) -> list[Chapter]:
    """Tell the editions of a tool from the place `first` up to `last`, each against the one before it."""
    earlier: list[Standing | None] = [*stood[1:], None]
    return [_chapter(one, before) for one, before in list(zip(stood, earlier, strict=True))[first:last]]


def _chapter(one: Standing, before: Standing | None) -> Chapter:
    a, b = one.matchup.sides
    panel = _panel(one.issue, one.side)
    names = {reviewer.slug: reviewer.name for reviewer in panel}
    turned = flipped(before, one) if before else []
    was = percent(before.side.verdict.tally.share) if before else ""
    return Chapter(
        standing=one,
        rival=b if one.side is a else a,
        measured=_measured(one.side, one.side.community),
        calls=tuple((reviewer, review) for reviewer in panel if (review := one.side.verdict.by(reviewer.slug))),
        turned=tuple((names[slug], was_call, call) for slug, was_call, call in turned),
        panel_was="" if was == percent(one.side.verdict.tally.share) else was,
    )

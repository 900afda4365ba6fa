"""Reviews at the desk: what still wants one, a form to write it, and review files taken in."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path, PurePosixPath, PureWindowsPath

from digest.errors import Fault, FilesError, SettingsError, Stale
from digest.judging import judge
from digest.model import Review, Reviewer, Tool
from digest.store import Recorded
from digest.undoing import Scope
from flows import reviewing
from flows.desk.keeping import kept, short
from flows.desk.wanting import MOST, Wanting
from flows.refreshing import refresh
from flows.services import Services
from pages.desk.steps import ForReviews, PanelView, ToReview
from sources.fields import Lined
from sources.sheets import FIELDS, REVIEW_FIELDS, Sheet, document_of, sheet_of

#: Characters of a file's name that are kept; longer ones do not fit into a folder.
_NAME = 50

#: What the form is called where something in it is wrong.
FORM = "The form"


def reviews_page(services: Services, wanting: Wanting) -> ForReviews:
    """Make the steps of the reviews' page."""
    return ForReviews(
        today=lambda: reviewing.today(services),
        wanted=lambda: wanting.first(MOST),
        named=services.launches.tools_named,
        tool=lambda slug: _to_review(services.named(""), slug),
        view=lambda slug, reviewer, call: _view(services.named(""), slug, reviewer, call),
        save=lambda who, week, mark, fields: _save(services.named(who), week, mark, fields),
        take=lambda who, week, files: _take(services.named(who), week, files),
    )


def _to_review(services: Services, slug: str) -> ToReview:
    tool = services.tools.find(slug)
    reviews = services.store.reviews([tool.slug])
    return ToReview(
        tool=tool,
        view=_panel_view(services, tool, reviews),
        reviews={one.reviewer: one for one in reviews},
        launches=services.tools.launches(tool.slug),
        today=reviewing.today(services),
        mark=_mark(tool, reviews),
    )


def _active(services: Services) -> list[Reviewer]:
    return sorted((one for one in services.panel if one.active), key=lambda one: (one.order, one.slug))


def _mark(tool: Tool, reviews: Sequence[Review]) -> str:
    told = [asdict(tool), [asdict(one) for one in reviews]]
    return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()[:16]


def _panel_view(services: Services, tool: Tool, reviews: Sequence[Review]) -> PanelView:
    return PanelView(judge(tool, reviews, services.panel), services.settings.quorum, _active(services))


def _view(services: Services, slug: str, reviewer: str, call: str) -> PanelView:
    """Give the panel's view as if a reviewer made a call; one that nobody can make is left out."""
    tool = services.tools.find(slug)
    reviews = services.store.reviews([tool.slug])
    if call in {"ship", "skip"} and reviewer in {one.slug for one in _active(services)}:
        said = Review(tool.slug, reviewer, "ship" if call == "ship" else "skip", "", date.min)
        reviews = [*(one for one in reviews if one.reviewer != reviewer), said]
    return _panel_view(services, tool, reviews)


# The form


def _save(services: Services, week: str, mark: str, fields: Mapping[str, str]) -> None:
    """Keep what the form says of a tool and of a reviewer's call.

    Raises:
        FilesError: Something in it is wrong; every fault at once, by the rules of review files.
        Stale: The tool or its reviews are no longer as the form showed them.
        SettingsError: It says nothing new, or something older than what is stored.
    """
    tool = services.tools.find(fields.get("tool", ""))
    sheet, review = _written(services, tool, fields)

    def save() -> Recorded:
        if _mark(services.tools.find(tool.slug), services.store.reviews([tool.slug])) != mark:
            raise Stale(f"{short(tool.name)} has other reviews, or another description, than this page showed.")
        # The form shows everything there is to say of the tool: what stands empty in it was emptied.
        done = services.store.record_reviews([(sheet.tool, sheet.reviews)], services.clock(), whole=True)
        _require_news(services, review, done)
        refresh(services, week, {tool.slug})
        return done

    reviewer = next(one.name for one in services.panel if one.slug == review.reviewer)
    kept(services, Scope(week, frozenset({tool.slug})), save, lambda done: _said(done, review, reviewer, tool))


def _said(done: Recorded, review: Review, reviewer: str, tool: Tool) -> str:
    if done.same:
        return f"Described {short(tool.name)} anew"
    return f"{'Changed' if done.changed else 'Wrote'} {reviewer}’s review of {short(tool.name)}: {review.call}"


def _require_news(services: Services, review: Review, done: Recorded) -> None:
    stored = {one.reviewer: one for one in services.store.reviews([review.tool])}.get(review.reviewer)
    if done.older and stored:
        allowed = f"{stored.reviewed_on} or later: the review that is stored is of that day"
        raise FilesError([Fault(FORM, None, "reviewed_on", str(review.reviewed_on), allowed)])
    if done.same and not done.described:
        raise SettingsError("This is what is stored already: call and quote are the same.")


def _written(services: Services, tool: Tool, fields: Mapping[str, str]) -> tuple[Sheet, Review]:
    """Read the form as a document of a review file; what it does not ask for is as it is stored.

    Raises:
        FilesError: Something in it is wrong.
    """
    stored = {name: value for name, value in document_of(tool, []).items() if name not in fields}
    given = {name: _value(name, fields[name]) for name in FIELDS if name in fields}
    review = {name: fields[name].strip() or None for name in REVIEW_FIELDS if name in fields}
    written = Lined(stored | given | {"tool": tool.slug, "reviews": [Lined(review, {}, None)]}, {}, None)
    faults: list[Fault] = []
    reviewers = [one.slug for one in _active(services)]
    sheet = sheet_of(FORM, written, reviewers, reviewing.today(services), faults)
    if sheet is None:
        raise FilesError(faults)
    return replace(sheet, tool=replace(sheet.tool, name=tool.name)), sheet.reviews[0]


def _value(name: str, text: str) -> object:
    """Turn a field of the form into what files hold; an empty one says nothing."""
    if name == "tags":
        return [word.strip() for word in re.split("[,;]", text) if word.strip()] or None
    if name == "open_source":
        return {"true": True, "false": False}.get(text)
    return text.strip() or None


# Files


def _take(services: Services, week: str, files: Sequence[tuple[str, bytes]]) -> str:
    """Take in review files, all or nothing, as `verdicts panel import` does; says what that did.

    Raises:
        FilesError: Something in them is wrong; nothing was changed. Every fault at once.
        SettingsError: There are none.
    """
    if not files:
        raise SettingsError("Choose review files (.yaml, .json, .csv), drag them here, or paste what one holds.")
    with tempfile.TemporaryDirectory() as folder:
        sheets, faults = reviewing.read_sheets(
            services, [_put(Path(folder) / str(n), *one) for n, one in enumerate(files)]
        )
    if faults:
        raise FilesError(faults)
    slugs = {sheet.tool.slug for sheet in sheets}
    slugs |= set(services.tools.meant(slugs).values())
    done = kept(
        services,
        Scope(week, frozenset(slugs)),
        lambda: _keep(services, week, sheets, slugs),
        lambda done: f"Took in reviews of {reviewing.in_words(done)}",
    )
    meant = "".join(f"\n{slug} is {tool} here, and was kept as that." for slug, tool in done.meant)
    return reviewing.in_words(done) + meant


def _keep(services: Services, week: str, sheets: Sequence[Sheet], slugs: Collection[str]) -> reviewing.Taken:
    """Keep sheets, and tell the week's draft again where it shows one of their tools."""
    done = reviewing.keep_sheets(services, sheets)
    refresh(services, week, slugs)
    return done


def _put(folder: Path, name: str, body: bytes) -> Path:
    """Write a file into a folder of its own, under its name as far as that can be one."""
    name = PureWindowsPath(PurePosixPath(name).name).name
    name = "".join(char for char in name if char.isprintable()).lstrip(".") or "file"
    ending = Path(name).suffix[:10]
    folder.mkdir()
    path = folder / f"{name.removesuffix(ending)[:_NAME]}{ending}"
    path.write_bytes(body)
    return path

"""The desk's page of the edition: what is compared and why, what was passed over, and every word of an editor's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import Response

from digest.composing import PREHEADER_LENGTH, SUBJECT_LENGTH
from digest.editing import BLURB_MOST, INTRO_MOST, PREHEADER_MOST, SUBJECT_MOST
from digest.model import Correction, Edition, Finding, Matchup
from digest.pairing import WEIGHTS
from digest.wording import correction
from pages.desk.steps import EditionView
from pages.desk.visiting import Here, Visit

if TYPE_CHECKING:
    from pages.desk.app import Desk

#: What the parts of a score are called, and what each asks.
_PARTS = {
    "job": ("Same job", "the same category, tags and words in common"),
    "prominence": ("Noticed", "how many feeds carried the two"),
    "freshness": ("News", "how new the fresher of the two is"),
    "contrast": ("Contrast", "answers, prices or openness that differ"),
    "completeness": ("Judged", "how much of the panel has judged both"),
    "variety": ("Variety", "a category not shown lately"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a score: `most` is what it can add to the score, `adds` what it does, both from 0.0 to 1.0."""

    name: str
    asks: str
    adds: float
    most: float


@dataclass(frozen=True, slots=True)
class Field:
    """A text an editor writes: what it may have, from where to where it reads best (0, 0 for no such), what is found.

    `key` leads to it.
    """

    name: str
    label: str
    key: str
    stored: str
    most: int
    best: tuple[int, int]
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Corrected:
    """A reviewer's call on a tool that changed, as readers are told; `holds` is False where it changed once more."""

    tool: str
    reviewer: str
    said: str
    told: bool
    holds: bool


def bars(matchup: Matchup) -> tuple[Bar, ...]:
    """Give the parts of a score in the order they weigh; together they are the score."""
    found = dict(matchup.parts)
    known = {name: WEIGHTS[name] for name in sorted(WEIGHTS, key=lambda name: -WEIGHTS[name]) if name in found}
    return tuple(Bar(*_PARTS[name], adds=found[name] * weight, most=weight) for name, weight in known.items())


def placed(findings: Sequence[Finding], edition: Edition) -> dict[str, list[Finding]]:
    """Sort findings by what mends them on this page: a field, a matchup by its slug, `corrections`, or "" for none."""
    slugs = {side.tool.slug: one.slug for one in edition.matchups for side in one.sides}
    blurbs = {f"blurb of {one.slug}": f"blurb-{one.slug}" for one in edition.matchups}
    found: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        tool = one.where.partition(", ")[0]
        if one.code.startswith("correction-"):
            found["corrections"].append(one)
        elif one.where in {"subject", "preheader", "intro"}:
            found[one.where].append(one)
        else:
            found[blurbs.get(one.where) or slugs.get(tool, "")].append(one)
    return found


def corrections(edition: Edition, due: Sequence[Correction]) -> list[Corrected]:
    """Give the corrections that an edition tells and those it could, by tool and reviewer."""
    told = {(one.tool, one.reviewer): one for one in edition.corrections}
    now = {(one.tool, one.reviewer): one for one in due}
    return [
        Corrected(
            *key,
            correction(one, edition.until.year),
            told=key in told,
            holds=key in now and now[key].after == one.after,
        )
        for key, one in sorted((now | told).items())
    ]


def _fields(edition: Edition, found: dict[str, list[Finding]]) -> list[Field]:
    return [
        Field("subject", "Subject", "e", edition.subject, SUBJECT_MOST, SUBJECT_LENGTH, found["subject"]),
        Field("preheader", "Preheader", "h", edition.preheader, PREHEADER_MOST, PREHEADER_LENGTH, found["preheader"]),
        Field("intro", "Intro", "i", edition.intro, INTRO_MOST, (0, 0), found["intro"]),
    ]


def _shown(view: EditionView, edition: Edition) -> dict[str, object]:
    found = placed(view.findings, edition)
    return {
        "found": found,
        "fields": _fields(edition, found),
        "bars": bars,
        "blurb_most": BLURB_MOST,
        "corrected": corrections(edition, view.due if view.open else edition.corrections),
    }


def add_edition(app: FastAPI, desk: Desk) -> None:
    """Add the page of the edition and what its forms do."""

    def page(visit: Visit) -> Response:
        at = desk.at(visit)
        view = desk.steps.edition.look(at.week)
        stands = view.edition and visit.text("pair") in {one.slug for one in view.edition.matchups}
        shown = _shown(view, view.edition) if view.edition else {}
        return desk.page(
            "edition.html", visit, at, title="Edition", view=view, lost="" if stands else visit.typed("blurb"),
            previews="/preview" in {path for _, path in desk.pages}, **shown,
        )  # fmt: skip

    @app.get("/edition")
    def look(visit: Here) -> Response:
        return page(visit)

    _add_words(app, desk, page)
    _add_pairs(app, desk, page)


def _add_words(app: FastAPI, desk: Desk, page: Callable[[Visit], Response]) -> None:
    """Add the forms of texts, looks and corrections."""
    steps = desk.steps.edition

    @app.post("/edition/words")
    def reword(visit: Here) -> Response:
        texts = (visit.text(name) for name in ("subject", "preheader", "intro"))
        return desk.do(visit, page, lambda: steps.reword(*_of(visit), *texts))

    @app.post("/edition/blurb")
    def blurb(visit: Here) -> Response:
        return desk.do(visit, page, lambda: steps.blurb(*_of(visit), visit.text("pair"), visit.text("blurb")))

    @app.post("/edition/layout")
    def lay_out(visit: Here) -> Response:
        return desk.do(visit, page, lambda: steps.lay_out(*_of(visit), visit.text("pair"), visit.text("layout")))

    @app.post("/edition/tell")
    def tell(visit: Here) -> Response:
        return desk.do(visit, page, lambda: steps.tell(*_of(visit), visit.text("tool"), visit.text("reviewer")))

    @app.post("/edition/leave-untold")
    def leave_untold(visit: Here) -> Response:
        return desk.do(visit, page, lambda: steps.leave_untold(*_of(visit), visit.text("tool"), visit.text("reviewer")))


def _add_pairs(app: FastAPI, desk: Desk, page: Callable[[Visit], Response]) -> None:
    """Add the forms that say what is compared, and where."""
    steps = desk.steps.edition

    @app.post("/edition/order")
    def reorder(visit: Here) -> Response:
        return desk.do(visit, page, lambda: steps.reorder(*_of(visit), _order(visit)))

    @app.post("/edition/renew")
    def renew(visit: Here) -> Response:
        return desk.do(visit, page, lambda: steps.renew(*_of(visit), visit.text("pair")))

    @app.post("/edition/swap")
    def swap(visit: Here) -> Response:
        return desk.do(visit, page, lambda: steps.swap(*_of(visit), visit.number("place"), *_tools(visit)))

    @app.post("/edition/pin")
    def pin(visit: Here) -> Response:
        return desk.do(visit, page, lambda: steps.pin(*_of(visit), *_tools(visit)))

    @app.post("/edition/veto")
    def veto(visit: Here) -> Response:
        return desk.do(visit, page, lambda: steps.veto(*_of(visit), *_tools(visit), visit.text("always") == "yes"))

    @app.post("/edition/free")
    def free(visit: Here) -> Response:
        return desk.do(visit, page, lambda: steps.free(*_of(visit), *_tools(visit)))


def _of(visit: Visit) -> tuple[str, str, int]:
    return visit.who, visit.week, visit.revision


def _tools(visit: Visit) -> tuple[str, str]:
    """Give the two tools a form names; what cannot be seen is no part of a name."""
    a, b = ("".join(filter(str.isprintable, visit.text(name))) for name in ("a", "b"))
    return a, b


def _order(visit: Visit) -> list[int]:
    """Give the places of the form in their new order; what is no number is place 0, which there is not."""
    return [int(one) if one.isascii() and one.isdigit() and len(one) < 4 else 0 for one in visit.text("order").split()]

"""Reviews: what still wants one, a form to write it, and files or pasted text taken in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response

from digest.errors import SettingsError
from digest.wording import address
from pages.desk.steps import ToReview
from pages.desk.visiting import Here, Visit

if TYPE_CHECKING:
    from pages.desk.app import Desk

#: The fields of the form, as review files call them.
_FIELDS = (
    "tool", "vendor", "tagline", "entry_price", "price_checked_on", "open_source", "tags", "url", "description",
    "reviewer", "call", "reviewed_on", "quote",
)  # fmt: skip

#: Marks of an entry price that need no amount; source: digest.prices.
_PRICES = ("Free", "Freemium", "Paid")


def add_reviews(app: FastAPI, desk: Desk) -> None:
    """Add the page where reviews are written and taken in."""
    steps = desk.steps.reviews

    def page(visit: Visit, slug: str = "", named: str = "", reviewer: str = "", taken: str = "") -> Response:
        at = desk.at(visit)
        one = steps.tool(slug) if slug else None
        wanted, many = ((), 0) if one else steps.wanted()
        return desk.page(
            "review.html", visit, at, title="This week", one=one, wanted=wanted, many=many, named=named,
            found=steps.named(named), reviewer=_reviewer(one, reviewer) if one else "", taken=taken,
            where=_where(at.week, tool=one.tool.slug if one else ""), address=address, prices=_PRICES,
            faults=_by_field(visit), today=steps.today(),
        )  # fmt: skip

    @app.get("/review")
    def look(visit: Here, tool: str = "", named: str = "", reviewer: str = "") -> Response:
        try:
            return page(visit, tool, named, reviewer)
        except SettingsError as error:  # there is no such tool
            return page(replace(visit, trouble=desk.trouble(visit, error)), named=tool)

    @app.get("/review/view")
    def view(_: Here, tool: str = "", reviewer: str = "", call: str = "") -> HTMLResponse:
        return desk.show("review-view.html", view=steps.view(tool, reviewer, call) if tool else None)

    @app.post("/review/save")
    def save(visit: Here) -> Response:
        fields = {name: visit.text(name) for name in _FIELDS if name in visit.form}
        return desk.do(
            visit,
            lambda failed: page(failed, failed.text("tool"), reviewer=failed.text("reviewer")),
            lambda: steps.save(visit.who, visit.week, visit.text("mark"), fields),
        )

    def take(visit: Visit, files: list[tuple[str, bytes]]) -> Response:
        taken: list[str] = []
        answer = desk.do(visit, _on(page), lambda: taken.append(steps.take(visit.who, visit.week, files)))
        return page(visit, _asked(visit, "tool"), taken=taken[0]) if taken else answer

    @app.post("/review/files")
    def files(visit: Here) -> Response:
        return take(visit, visit.files("files"))

    @app.post("/review/paste")
    def paste(visit: Here) -> Response:
        text = visit.text("pasted")
        return take(visit, [(pasted_name(text), text.encode("utf-8", "replace"))] if text.strip() else [])


def _on(page: Callable[..., Response]) -> Callable[[Visit], Response]:
    return lambda failed: page(failed, _asked(failed, "tool"))


def _asked(visit: Visit, name: str) -> str:
    """Give a value of the address of the page that a form stood on."""
    return parse_qs(urlsplit(visit.back).query).get(name, [""])[0]


def _where(week: str, **asked: str) -> str:
    return f"/review?{urlencode({'week': week} | {name: value for name, value in asked.items() if value})}"


def _reviewer(one: ToReview, asked: str) -> str:
    """Give the reviewer the form is for: the one asked for, else the first who has not said anything; "" for none."""
    slugs = [judge.slug for judge in one.panel]
    return asked if asked in slugs else next((slug for slug in slugs if slug not in one.reviews), "")


def _by_field(visit: Visit) -> dict[str, str]:
    """Give what is wrong with each field of the form."""
    faults = visit.trouble.faults if visit.trouble and visit.path == "/review/save" else ()
    return {one.field: f"Found {one.found}; allowed: {one.allowed}" for one in faults}


def pasted_name(text: str) -> str:
    """Name what was pasted as the file it could be: by its first character JSON, by its first line CSV, else YAML."""
    start = text.lstrip("\ufeff \n\t")
    if start[:1] in {"[", "{"}:
        return "pasted.json"
    first = start.split("\n", 1)[0].casefold().replace(" ", "").split(",")
    return "pasted.csv" if "tool" in first and "reviewer" in first else "pasted.yaml"

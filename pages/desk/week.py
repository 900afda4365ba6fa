"""This week: what launched, ranked, with an editor's word on each launch; and what still wants a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, get_args
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from digest.launches import Show
from digest.model import CATEGORIES, Launch
from digest.store import entry_key
from digest.wording import address
from pages.desk.steps import OfWeek, WeekView
from pages.desk.visiting import Here, Visit

if TYPE_CHECKING:
    from pages.desk.app import Desk

#: What a launch is opened for.
_DONE = frozenset({"rename", "category", "split", "merge"})

#: The key that gives a launch its category, while it is open for that. No `a`: without a row it approves.
CATEGORY_KEYS = dict(zip(CATEGORIES, "dmgivwpthefo", strict=True))


def add_week(app: FastAPI, desk: Desk) -> None:
    """Add the week's launches and what is said of them."""
    page = _Page(desk)

    @app.get("/week")
    def look(request: Request, visit: Here) -> Response:
        return page(visit, view_of(request.url.query))

    _add_words_on_one(app, desk, page)
    _add_words_on_several(app, desk, page)

    @app.post("/week/files")
    def files(visit: Here) -> Response:
        taken: list[str] = []

        def take() -> None:
            taken.append(desk.steps.reviews.take(visit.who, visit.week, visit.files("files")))

        answer = desk.do(visit, page.again, take)
        return page(visit, _from(visit), taken[0]) if taken else answer


class _Page:
    """Prints the page."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def __call__(self, visit: Visit, view: WeekView, taken: str = "") -> Response:
        """Print it; `taken` is what an import of reviews did."""
        at = self.desk.at(visit)
        of, link = self.desk.steps.week.look(at.week, view), _linker(at.week, view)
        return self.desk.page(
            "week.html", visit, at, title="This week", of=of, view=view, link=link, where=link({}), taken=taken,
            address=address, entry_key=entry_key, carried=_carried(of), categories=CATEGORY_KEYS,
        )  # fmt: skip

    def again(self, failed: Visit) -> Response:
        """Print it as it was when a form was sent from it."""
        return self(failed, _from(failed))

    def said(self, visit: Visit, do: str, work: Callable[[str], None]) -> Response:
        """Do what is said of the launch in the form, and go back to it; open it again where that is not possible."""
        marked = visit.text("launch")
        launch = marked.split(" ")[0]

        def again(failed: Visit) -> Response:
            return self(failed, replace(_from(failed), launch=launch, do=do) if do else _from(failed))

        back = visit.back if "#" in visit.back or not launch.isalnum() else f"{visit.back}#launch-{launch}"
        return self.desk.do(replace(visit, back=back), again, lambda: work(marked))


def _add_words_on_one(app: FastAPI, desk: Desk, page: _Page) -> None:
    steps = desk.steps.week

    @app.post("/week/accept")
    def accept(visit: Here) -> Response:
        return page.said(visit, "", lambda one: steps.accept(visit.who, visit.week, visit.number("seen"), one))

    @app.post("/week/reject")
    def reject(visit: Here) -> Response:
        return page.said(visit, "", lambda one: steps.reject(visit.who, visit.week, visit.number("seen"), one))

    @app.post("/week/rename")
    def rename(visit: Here) -> Response:
        name, seen = visit.text("name"), visit.number("seen")
        return page.said(visit, "rename", lambda one: steps.rename(visit.who, visit.week, seen, one, name))

    @app.post("/week/category")
    def category(visit: Here) -> Response:
        chosen, seen = visit.text("category"), visit.number("seen")
        return page.said(visit, "category", lambda one: steps.categorise(visit.who, visit.week, seen, one, chosen))

    @app.post("/week/split")
    def split(visit: Here) -> Response:
        keys, tool, seen = _ticked(visit, "entry-"), visit.text("tool"), visit.number("seen")
        return page.said(visit, "split", lambda one: steps.split(visit.who, visit.week, seen, one, keys, tool))


def _add_words_on_several(app: FastAPI, desk: Desk, page: _Page) -> None:
    steps = desk.steps.week

    @app.post("/week/merge")
    def merge(visit: Here) -> Response:
        marked = [*_ticked(visit, "mark-"), *visit.texts("also")]
        if len(marked) == 1:  # the other one is looked up
            launch = marked[0].split(" ")[0]
            opened = _linker(visit.week, _from(visit))({"launch": launch, "do": "merge"})
            return RedirectResponse(f"{opened}#launch-{launch}" if launch.isalnum() else opened, 303)
        return desk.do(visit, page.again, lambda: steps.merge(visit.who, visit.week, visit.number("seen"), marked))

    @app.post("/week/announce")
    def announce(visit: Here) -> Response:
        return desk.do(
            visit,
            page.again,
            lambda: steps.announce(visit.who, visit.week, visit.text("link"), visit.text("tool")),
        )


def _carried(of: OfWeek) -> Callable[[Launch, str], str]:
    """Make what gives the link of a launch's entry in a feed, "" where none is kept."""

    def carried(launch: Launch, feed: str) -> str:
        found = (of.entries[key] for key in launch.entries if key[0] == feed and key in of.entries)
        return next((entry.link for entry in found), "")

    return carried


def view_of(query: str) -> WeekView:
    """Read how the launches are looked at from the query of an address; what nobody knows is left out."""
    given = {name: values[0] for name, values in parse_qs(query).items()}
    shows: tuple[Show, ...] = get_args(Show)
    show = next((one for one in shows if one == given.get("show")), shows[0])
    page = given.get("page", "")
    do = given.get("do", "")
    return WeekView(
        show=show,
        named=given.get("named", "")[:200],
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        launch=given.get("launch", "") if do in _DONE else "",
        do=do if do in _DONE else "",
        like=given.get("like", "")[:200],
    )


def _from(visit: Visit) -> WeekView:
    """Give how the launches were looked at on the page a form stood on, with none open."""
    return replace(view_of(urlsplit(visit.back).query), launch="", do="", like="")


def _linker(week: str, view: WeekView) -> Callable[[Mapping[str, object]], str]:
    """Make what gives the address of the page with some of its view changed, and no launch open but by that."""
    start = asdict(view) | {"launch": "", "do": "", "like": ""}
    usual = asdict(WeekView())

    def link(changed: Mapping[str, object]) -> str:
        wanted = {name: value for name, value in (start | dict(changed)).items() if value != usual[name]}
        return f"/week?{urlencode({'week': week} | wanted)}"

    return link


def _ticked(visit: Visit, start: str) -> list[str]:
    """Give the values of the boxes ticked whose names start so, in the order of the page."""
    return [str(value) for name, value in visit.form.multi_items() if name.startswith(start)]
